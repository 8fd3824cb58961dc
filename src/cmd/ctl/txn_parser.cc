#include "cmd/ctl/txn_parser.h"

#include "cmd/ctl/go_text.h"

namespace quorate::cmd::ctl {
namespace {

std::unexpected<UsageError> bad(std::string text) {
  return std::unexpected(UsageError{kExitInvalidInput, std::move(text)});
}

constexpr std::string_view kSpace = " \t\v\f\r\n";

bool skip_spaces(std::string_view& text) {
  const size_t spaces = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(spaces);
  return spaces > 0;
}

// A quoted literal at the front of `text`, spaces before it allowed.
bool take_literal(std::string_view& text, std::string& out) {
  skip_spaces(text);
  const size_t length = literal_length(text);
  if (length == 0) return false;
  auto value = unquote(text.substr(0, length));
  if (!value) return false;
  text.remove_prefix(length);
  out = std::move(*value);
  return true;
}

// What stands behind the "(" of a comparison.
struct CompareParts {
  std::string key, op, value;
};

// False when a part is missing; those before it are filled in.
bool scan_compare(std::string_view text, CompareParts& parts) {
  if (!take_literal(text, parts.key)) return false;
  if (!text.starts_with(')')) return false;
  text.remove_prefix(1);
  if (!skip_spaces(text)) return false;
  const size_t op_length = std::min(text.find_first_of(kSpace), text.size());
  if (op_length == 0) return false;
  parts.op = text.substr(0, op_length);
  text.remove_prefix(op_length);
  return take_literal(text, parts.value);
}

struct Target {
  std::string_view name, short_name;
  pb::CompareTarget target;
  uint32_t union_field;
};
constexpr Target kTargets[] = {{"version", "ver", pb::CompareTarget::kVersion, 4},
                               {"create", "c", pb::CompareTarget::kCreate, 5},
                               {"mod", "m", pb::CompareTarget::kMod, 6},
                               {"value", "val", pb::CompareTarget::kValue, 7},
                               {"lease", "lease", pb::CompareTarget::kLease, 8}};

}  // namespace

std::expected<std::vector<std::string>, UsageError> split_words(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const char first = line[0];
    size_t length = 1;
    if (first == '"') {
      length = literal_length(line);
      if (length != 0) {
        auto word = unquote(line.substr(0, length));
        if (!word) return bad(word.error().text());
        words.push_back(std::move(*word));
      }
    } else if (first == '\'') {
      length = line.find('\'', 1);
      if (length != std::string_view::npos) words.emplace_back(line.substr(1, length++ - 1));
    } else if (kSpace.find(first) == std::string_view::npos) {
      length = std::min(line.find_first_of(kSpace), line.size());
      words.emplace_back(line.substr(0, length));
    }
    line.remove_prefix(length == 0 || length == std::string_view::npos ? 1 : length);
  }
  return words;
}

std::expected<void, UsageError> TxnDraft::add_compare(std::string_view line) {
  const std::string shown(line);
  const size_t bracket = line.find('(');
  if (bracket == std::string_view::npos) return bad("malformed comparison: " + shown);
  const std::string_view name = line.substr(0, bracket);
  CompareParts parts;
  if (!scan_compare(line.substr(bracket + 1), parts)) {
    return bad("malformed comparison: " + shown + "; got " + std::string(name) + "(" + quote(parts.key) + ") " +
               parts.op + " " + quote(parts.value));
  }
  const Target* target = nullptr;
  for (const Target& known : kTargets) {
    if (name == known.name || name == known.short_name) target = &known;
  }
  if (target == nullptr) return bad("malformed comparison: " + shown + " (unknown target " + std::string(name) + ")");
  pb::Compare compare;
  compare.target = target->target;
  compare.union_field = target->union_field;
  if (target->target != pb::CompareTarget::kValue) {
    const auto number = parse_int(parts.value, 10);
    if (!number) return bad("invalid txn compare request: " + shown);
    compare.number = *number;
  }
  if (parts.op == "=") {
    compare.result = pb::CompareResult::kEqual;
  } else if (parts.op == "!=") {
    compare.result = pb::CompareResult::kNotEqual;
  } else if (parts.op == ">") {
    compare.result = pb::CompareResult::kGreater;
  } else if (parts.op == "<") {
    compare.result = pb::CompareResult::kLess;
  } else {
    return bad("malformed comparison: " + shown + " (unknown operator " + parts.op + ")");
  }
  compare.key = compare_texts_.emplace_back(std::move(parts.key));
  if (target->target == pb::CompareTarget::kValue) compare.value = compare_texts_.emplace_back(std::move(parts.value));
  request_.compare.push_back(compare);
  return {};
}

std::expected<void, UsageError> TxnDraft::add_request(std::string_view line, std::vector<pb::RequestOp>& ops,
                                                      std::string& usage) {
  const std::string shown(line);
  auto words = split_words(line);
  if (!words) return std::unexpected(words.error());
  if (words->size() < 2) return bad("invalid txn compare request: " + shown);
  const std::string verb = words->front();
  words->erase(words->begin());
  FlagSet flags;
  const Command command = verb == "put" ? put_command() : verb == "get" ? get_command() : del_command();
  if (verb != command.name) return bad("invalid txn request: " + shown);
  command.declare(flags);
  flags.on_off("help", "help for " + verb, 'h');
  if (!flags.parse(*words).ok() || flags.on("help")) {
    usage = "Usage:\n   " + command.usage + " [flags]\n\nFlags:\n" + flags.help(FlagScope::kLocal) + "\n";
    return bad("invalid txn request: " + shown);
  }
  const auto keep = [&](auto&& parsed) -> std::expected<void, UsageError> {
    if (!parsed) return std::unexpected(parsed.error());
    ops.emplace_back().request = parsed->request;
    request_texts_.push_back(std::move(parsed->texts));
    return {};
  };
  if (verb == "put") return keep(parse_put(flags, flags.positional(), nullptr));
  if (verb == "get") return keep(parse_get(flags, flags.positional()));
  return keep(parse_del(flags, flags.positional()));
}

}  // namespace quorate::cmd::ctl
