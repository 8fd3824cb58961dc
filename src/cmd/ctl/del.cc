#include "cmd/ctl/commands.h"
#include "cmd/ctl/go_text.h"
#include "cmd/ctl/printer.h"

namespace quorate::cmd::ctl {
namespace {

constexpr Duration kTimeToThink = 2s;  // before a range without --range is deleted

int run_del(Invocation& invocation) {
  auto parsed = parse_del(invocation.flags, invocation.arguments);
  if (!parsed) return invocation.error(parsed.error().exit_code, parsed.error().text);
  auto session = invocation.connect(kKeyValueFormats);
  if (!session) return session.error();
  if (invocation.arguments.size() == 2 && !invocation.flags.on("range")) {
    invocation.err()
        << "Warning: Keys between " << quote(invocation.arguments[0]) << " and " << quote(invocation.arguments[1])
        << " will be deleted. Please interrupt the command within next 2 seconds to cancel. You can provide "
           "`--range` flag to avoid the delay.\n"
        << std::flush;
    (*session)->sleep(kTimeToThink);
  }
  const auto reply = (*session)->call<pb::DeleteRangeResponse>("/etcdserverpb.KV/DeleteRange", parsed->request,
                                                               invocation.limits(false));
  if (!reply) return invocation.error(reply.error());
  PrinterSimple simple(invocation.out(), invocation.global.hex);
  print_as(invocation.global.write_out, reply->message, simple, invocation.out(), invocation.global.hex);
  return kExitOk;
}

}  // namespace

void declare_del_flags(FlagSet& flags) {
  flags.on_off("prefix", "delete keys with matching prefix");
  flags.on_off("prev-kv", "return deleted key-value pairs");
  flags.on_off("from-key", "delete keys that are greater than or equal to the given key using byte compare");
  flags.on_off("range", "delete range of keys");
}

std::expected<Parsed<pb::DeleteRangeRequest>, UsageError> parse_del(const FlagSet& flags,
                                                                    std::vector<std::string> arguments) {
  const auto bad = [](std::string text) { return std::unexpected(UsageError{kExitBadArguments, std::move(text)}); };
  const bool prefix = flags.on("prefix"), from_key = flags.on("from-key");
  if (arguments.empty() || arguments.size() > 2) {
    return bad("del command needs one argument as key and an optional argument as range_end");
  }
  if (prefix && from_key) return bad("`--prefix` and `--from-key` cannot be set at the same time, choose one");
  if (arguments.size() > 1 && (prefix || from_key)) {
    return bad("too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
  }
  if (prefix) arguments.push_back(prefix_end(arguments[0]));
  if (from_key) arguments.emplace_back(1, '\0');
  if ((prefix || from_key) && arguments[0].empty()) arguments[0] = std::string(1, '\0');
  Parsed<pb::DeleteRangeRequest> parsed{{}, std::make_unique<std::vector<std::string>>(std::move(arguments))};
  parsed.request.key = parsed.texts->at(0);
  if (parsed.texts->size() > 1) parsed.request.range_end = parsed.texts->at(1);
  parsed.request.prev_kv = flags.on("prev-kv");
  return parsed;
}

Command del_command() {
  return {.name = "del",
          .usage = "del [options] <key> [range_end]",
          .summary = "Removes the specified key or range of keys [key, range_end)",
          .details = "",
          .group = "Key-value",
          .declare = declare_del_flags,
          .run = run_del};
}

}  // namespace quorate::cmd::ctl
