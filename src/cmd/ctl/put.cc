#include "cmd/ctl/commands.h"
#include "cmd/ctl/go_text.h"
#include "cmd/ctl/line_source.h"
#include "cmd/ctl/printer.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kDetails = R"(Stores a value under a key.

Without <value> it is read from standard input, up to its end:

$ put config < config.yaml

A word that begins with '-' is taken for a flag unless it stands behind '--':

$ put -- temperature -4)";

int run_put(Invocation& invocation) {
  std::string value;
  const bool needs_value = invocation.arguments.size() == 1 && !invocation.flags.on("ignore-value");
  if (needs_value) value = read_all(invocation.streams.in);
  auto parsed = parse_put(invocation.flags, invocation.arguments, needs_value && !value.empty() ? &value : nullptr);
  if (!parsed) return invocation.error(parsed.error().exit_code, parsed.error().text);
  auto session = invocation.connect(kKeyValueFormats);
  if (!session) return session.error();
  const auto reply =
      (*session)->call<pb::PutResponse>("/etcdserverpb.KV/Put", parsed->request, invocation.limits(false));
  if (!reply) return invocation.error(reply.error());
  PrinterSimple simple(invocation.out(), invocation.global.hex);
  print_as(invocation.global.write_out, reply->message, simple, invocation.out(), invocation.global.hex);
  return kExitOk;
}

}  // namespace

void declare_put_flags(FlagSet& flags) {
  flags.add(FlagKind::kText, "lease", "0", "lease ID (in hexadecimal) to attach to the key");
  flags.on_off("prev-kv", "return the previous key-value pair before modification");
  flags.on_off("ignore-value", "updates the key using its current value");
  flags.on_off("ignore-lease", "updates the key using its current lease");
}

std::expected<Parsed<pb::PutRequest>, UsageError> parse_put(const FlagSet& flags, std::vector<std::string> arguments,
                                                            std::string* value_read) {
  const auto bad = [](std::string text) { return std::unexpected(UsageError{kExitBadArguments, std::move(text)}); };
  const bool ignore_value = flags.on("ignore-value");
  if (arguments.empty()) return bad("put command needs 1 argument and input from stdin or 2 arguments");
  if (ignore_value && arguments.size() > 1) return bad("put command needs only 1 argument when 'ignore-value' is set");
  if (!ignore_value && arguments.size() < 2) {
    if (value_read == nullptr) return bad("put command needs 1 argument and input from stdin or 2 arguments");
    arguments.push_back(std::move(*value_read));
  }
  const auto lease = parse_int(flags.text("lease"), 16);
  if (!lease) return bad("bad lease ID (" + lease.error().text() + "), expecting ID in Hex");
  Parsed<pb::PutRequest> parsed{{}, std::make_unique<std::vector<std::string>>(std::move(arguments))};
  parsed.request.key = parsed.texts->at(0);
  if (!ignore_value) parsed.request.value = parsed.texts->at(1);
  parsed.request.lease = *lease;
  parsed.request.prev_kv = flags.on("prev-kv");
  parsed.request.ignore_value = ignore_value;
  parsed.request.ignore_lease = flags.on("ignore-lease");
  return parsed;
}

Command put_command() {
  return {.name = "put",
          .usage = "put [options] <key> <value> (<value> can also be given from stdin)",
          .summary = "Puts the given key into the store",
          .details = std::string(kDetails),
          .group = "Key-value",
          .declare = declare_put_flags,
          .run = run_put};
}

}  // namespace quorate::cmd::ctl
