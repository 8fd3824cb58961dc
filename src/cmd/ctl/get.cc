#include <algorithm>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/printer.h"

namespace quorate::cmd::ctl {
namespace {

std::unexpected<UsageError> bad(int exit_code, std::string text) {
  return std::unexpected(UsageError{exit_code, std::move(text)});
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::expected<void, UsageError> parse_sort(const FlagSet& flags, pb::RangeRequest& request) {
  const std::string order = upper(flags.text("order"));
  if (order == "ASCEND") {
    request.sort_order = pb::SortOrder::kAscend;
  } else if (order == "DESCEND") {
    request.sort_order = pb::SortOrder::kDescend;
  } else if (!order.empty()) {
    return bad(kExitBadFeature, "bad sort order " + flags.text("order"));
  }
  const std::string target = upper(flags.text("sort-by"));
  if (target == "CREATE") {
    request.sort_target = pb::SortTarget::kCreate;
  } else if (target == "MODIFY") {
    request.sort_target = pb::SortTarget::kMod;
  } else if (target == "VALUE") {
    request.sort_target = pb::SortTarget::kValue;
  } else if (target == "VERSION") {
    request.sort_target = pb::SortTarget::kVersion;
  } else if (!target.empty() && target != "KEY") {
    return bad(kExitBadFeature, "bad sort target " + flags.text("sort-by"));
  }
  return {};
}

// Sets one pair of bounds.
std::expected<void, UsageError> parse_bounds(const FlagSet& flags, const std::string& what, std::string_view name,
                                             Revision& least, Revision& most) {
  least = flags.number("min-" + what + "-rev");
  most = flags.number("max-" + what + "-rev");
  if (most <= 0 || least <= most) return {};
  return bad(kExitBadFeature, "getMin" + std::string(name) + "Rev(=" + std::to_string(least) + ") > getMax" +
                                  std::string(name) + "Rev(=" + std::to_string(most) + ")");
}

int run_get(Invocation& invocation) {
  const FlagSet& flags = invocation.flags;
  auto parsed = parse_get(flags, invocation.arguments);
  if (!parsed) return invocation.error(parsed.error().exit_code, parsed.error().text);
  auto session = invocation.connect(kKeyValueFormats);
  if (!session) return session.error();
  if (flags.on("count-only") && invocation.global.write_out != "fields") {
    return invocation.error(kExitBadArguments, "--count-only is only for `--write-out=fields`");
  }
  if (flags.on("print-value-only") && invocation.global.write_out != "simple") {
    return invocation.error(kExitBadArguments, "print-value-only is only for `--write-out=simple`");
  }
  const auto reply =
      (*session)->call<pb::RangeResponse>("/etcdserverpb.KV/Range", parsed->request, invocation.limits(true));
  if (!reply) return invocation.error(reply.error());
  PrinterSimple simple(invocation.out(), invocation.global.hex);
  simple.values_only(flags.on("print-value-only"));
  print_as(invocation.global.write_out, reply->message, simple, invocation.out(), invocation.global.hex);
  return kExitOk;
}

}  // namespace

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  ++prefix.back();
  return prefix;
}

void declare_get_flags(FlagSet& flags) {
  flags.add(FlagKind::kText, "consistency", "l", "Linearizable(l) or Serializable(s)");
  flags.add(FlagKind::kText, "order", "", "Order of results; ASCEND or DESCEND (ASCEND by default)");
  flags.add(FlagKind::kText, "sort-by", "", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION");
  flags.add(FlagKind::kNumber, "limit", "", "Maximum number of results");
  flags.on_off("prefix", "Get keys with matching prefix");
  flags.on_off("from-key", "Get keys that are greater than or equal to the given key using byte compare");
  flags.add(FlagKind::kNumber, "rev", "", "Specify the kv revision");
  flags.on_off("keys-only", "Get only the keys");
  flags.on_off("count-only", "Get only the count");
  flags.on_off("print-value-only", "Only write values when using the \"simple\" output format");
  flags.add(FlagKind::kNumber, "min-create-rev", "", "Minimum create revision");
  flags.add(FlagKind::kNumber, "max-create-rev", "", "Maximum create revision");
  flags.add(FlagKind::kNumber, "min-mod-rev", "", "Minimum modification revision");
  flags.add(FlagKind::kNumber, "max-mod-rev", "", "Maximum modification revision");
  flags.on_off("stream", "Use the RangeStream RPC");
}

std::expected<Parsed<pb::RangeRequest>, UsageError> parse_get(const FlagSet& flags,
                                                              std::vector<std::string> arguments) {
  const bool prefix = flags.on("prefix"), from_key = flags.on("from-key");
  if (arguments.empty()) {
    return bad(kExitBadArguments, "get command needs one argument as key and an optional argument as range_end");
  }
  if (prefix && from_key) {
    return bad(kExitBadArguments, "`--prefix` and `--from-key` cannot be set at the same time, choose one");
  }
  Parsed<pb::RangeRequest> parsed;
  pb::RangeRequest& request = parsed.request;
  if (const std::string& consistency = flags.text("consistency"); consistency == "s") {
    request.serializable = true;
  } else if (consistency != "l") {
    return bad(kExitBadFeature, "unknown consistency flag \"" + consistency + "\"");
  }
  if (arguments.size() > 1 && (prefix || from_key)) {
    return bad(kExitBadArguments,
               "too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
  }
  arguments.resize(std::min<size_t>(arguments.size(), 2));
  if (prefix) arguments.push_back(prefix_end(arguments[0]));
  if (from_key) arguments.emplace_back(1, '\0');
  if ((prefix || from_key) && arguments[0].empty()) arguments[0] = std::string(1, '\0');
  if (auto sorted = parse_sort(flags, request); !sorted) return std::unexpected(sorted.error());
  if (auto bounds = parse_bounds(flags, "create", "Create", request.min_create_revision, request.max_create_revision);
      !bounds) {
    return std::unexpected(bounds.error());
  }
  if (auto bounds = parse_bounds(flags, "mod", "Mod", request.min_mod_revision, request.max_mod_revision); !bounds) {
    return std::unexpected(bounds.error());
  }
  request.limit = flags.number("limit");
  request.revision = flags.number("rev");
  request.keys_only = flags.on("keys-only");
  request.count_only = flags.on("count-only");
  parsed.texts = std::make_unique<std::vector<std::string>>(std::move(arguments));
  request.key = parsed.texts->at(0);
  if (parsed.texts->size() > 1) request.range_end = parsed.texts->at(1);
  return parsed;
}

Command get_command() {
  return {.name = "get",
          .usage = "get [options] <key> [range_end]",
          .summary = "Gets the key or a range of keys",
          .details = "",
          .group = "Key-value",
          .declare = declare_get_flags,
          .run = run_get};
}

}  // namespace quorate::cmd::ctl
