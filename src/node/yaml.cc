#include "node/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <map>

#include "node/feature_gates.h"
#include "node/go_values.h"
#include "node/words.h"

namespace quorate::node {
namespace {

constexpr std::string_view kDecoding = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ";

enum class Shape : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

bool one_of(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

std::optional<bool> plain_truth(const std::string& text) {
  const std::string word = lower(text);
  if (one_of(word, {"true", "yes", "on"})) return true;
  if (one_of(word, {"false", "no", "off"})) return false;
  return {};
}

bool plain_number(const std::string& text) {
  if (text.empty() || text.find_first_not_of("+-0123456789.eE_xXabcdefABCDEFo") != std::string::npos) return false;
  if (parse_int(text, 64) || parse_uint(text, 64)) return true;
  double value = 0;
  return YAML::convert<double>::decode(YAML::Node(text), value);
}

// What a plain word means in YAML 1.1; a quoted one is always a string.
Shape shape_of(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return Shape::kNull;
  if (node.IsSequence()) return Shape::kArray;
  if (node.IsMap()) return Shape::kObject;
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return Shape::kString;
  const std::string& text = node.Scalar();
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return Shape::kNull;
  if (plain_truth(text)) return Shape::kBool;
  if (plain_number(text)) return Shape::kNumber;
  return Shape::kString;
}

std::string_view shape_name(Shape shape) {
  constexpr std::string_view kNames[] = {"null", "bool", "number", "string", "array", "object"};
  return kNames[static_cast<size_t>(shape)];
}

std::string_view go_type(FlagKind kind) {
  switch (kind) {
    case FlagKind::kBool: return "bool";
    case FlagKind::kUint: return "uint";
    case FlagKind::kUint32: return "uint32";
    case FlagKind::kUint64: return "uint64";
    case FlagKind::kInt: return "int";
    case FlagKind::kInt64: return "int64";
    case FlagKind::kDuration: return "time.Duration";
    case FlagKind::kList: return "[]string";
    default: return "string";
  }
}

Shape shape_wanted(FlagKind kind) {
  switch (kind) {
    case FlagKind::kBool: return Shape::kBool;
    case FlagKind::kUint:
    case FlagKind::kUint32:
    case FlagKind::kUint64:
    case FlagKind::kInt:
    case FlagKind::kInt64:
    case FlagKind::kDuration: return Shape::kNumber;
    case FlagKind::kList: return Shape::kArray;
    default: return Shape::kString;
  }
}

Status mismatch(const Flag& flag, Shape shape, const std::string& number) {
  std::string text(kDecoding);
  text += shape_name(shape);
  if (!number.empty()) text += " " + number;
  text += " into Go struct field ";
  text += flag.yaml.starts_with("client-transport") || flag.yaml.starts_with("peer-transport")
              ? "securityConfig.configJSON."
              : "configYAML.Config.";
  text += flag.yaml;
  text += " of type ";
  text += go_type(flag.kind);
  return {Code::kInvalidArgument, text};
}

// A flag whose words the file's reader judges later, or in other words than the command line's.
Status refused(const Flag& flag, const std::string& value, const std::string& why) {
  switch (flag.kind) {
    case FlagKind::kUrls:
      return {Code::kInvalidArgument, "unexpected error setting up " + std::string(flag.name) + ": " + why};
    case FlagKind::kClusterState: return {Code::kInvalidArgument, "unexpected clusterState " + go_quoted(value)};
    case FlagKind::kUint:
    case FlagKind::kUint32:
    case FlagKind::kUint64:
    case FlagKind::kInt:
    case FlagKind::kInt64:
    case FlagKind::kDuration: return mismatch(flag, Shape::kNumber, value);
    default: return {Code::kInvalidArgument, why};
  }
}

Status take(const Flag& flag, const YAML::Node& node, Settings& settings) {
  const Shape shape = shape_of(node);
  if (shape == Shape::kNull) return {};
  if (shape != shape_wanted(flag.kind)) return mismatch(flag, shape, {});
  std::string text;
  if (shape == Shape::kArray) {
    std::vector<std::string> words;
    for (const YAML::Node& item : node) {
      const Shape inner = shape_of(item);
      if (inner != Shape::kString) return mismatch(flag, inner, {});
      words.push_back(item.Scalar());
    }
    if (words.empty()) return {};
    text = joined(words, ",");
  } else {
    text = node.Scalar();
  }
  const std::string written = text;
  if (flag.kind == FlagKind::kBool) text = *plain_truth(text) ? "true" : "false";
  if (flag.kind == FlagKind::kDuration) {
    const auto ns = parse_int(text, 64);
    if (!ns) return mismatch(flag, shape, written);
    text = std::to_string(*ns) + "ns";
  }
  if (text.empty() && flag.kind != FlagKind::kString) return {};
  if (const auto why = settings.set(flag, text, Settings::Source::kFile)) return refused(flag, written, *why);
  return {};
}

// The blocks of the file by their dotted name, and the keys in them, all in small letters.
using Keys = std::map<std::string, YAML::Node>;

Status collect(const YAML::Node& block, const std::string& prefix, Keys& out) {
  for (const auto& entry : block) {
    if (!entry.first.IsScalar()) continue;
    const std::string name = prefix + lower(entry.first.Scalar());
    const bool is_block =
        std::ranges::any_of(flag_table(), [&](const Flag& f) { return f.yaml.starts_with(name + "."); });
    if (!is_block) {
      out.insert_or_assign(name, entry.second);
    } else if (entry.second.IsMap()) {
      if (Status status = collect(entry.second, name + ".", out); !status.ok()) return status;
    } else if (const Shape shape = shape_of(entry.second); shape != Shape::kNull) {
      return {Code::kInvalidArgument, std::string(kDecoding) + std::string(shape_name(shape)) +
                                          " into Go struct field configYAML.Config." + name + " of type " +
                                          (name == "socket-options" ? "transport.SocketOpts" : "object")};
    }
  }
  return {};
}

Status read(std::string_view bytes, Settings& settings) {
  const YAML::Node root = YAML::Load(std::string(bytes));
  const Shape shape = shape_of(root);
  if (shape == Shape::kNull) return {};
  if (shape != Shape::kObject) {
    return {Code::kInvalidArgument,
            std::string(kDecoding) + std::string(shape_name(shape)) + " into Go value of type embed.configYAML"};
  }
  Keys keys;
  if (Status status = collect(root, "", keys); !status.ok()) return status;
  for (const Flag& flag : flag_table()) {
    if (flag.yaml.empty()) continue;
    const auto found = keys.find(std::string(flag.yaml));
    if (found == keys.end()) continue;
    if (Status status = take(flag, found->second, settings); !status.ok()) return status;
  }
  return {};
}

}  // namespace

Status read_yaml(std::string_view bytes, Settings& settings) {
  if (bytes.size() > kConfigFileMax) return {Code::kInvalidArgument, "configuration file is larger than 1 MiB"};
  try {
    return read(bytes, settings);
  } catch (const YAML::Exception& error) {
    return {Code::kInvalidArgument,
            "error converting YAML to JSON: yaml: line " + std::to_string(error.mark.line + 1) + ": " + error.msg};
  } catch (const std::exception& error) {
    return {Code::kInvalidArgument, std::string("error converting YAML to JSON: yaml: ") + error.what()};
  }
}

}  // namespace quorate::node
