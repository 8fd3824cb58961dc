#include "node/rotation.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace quorate::node {
namespace {

using Json = nlohmann::json;

constexpr int64_t kBytesPerMb = 1024 * 1024;

Status improper(const std::string& why) {
  return {Code::kInvalidArgument, "improperly formatted log rotation config: " + why};
}

// As Go's decoder names what does not fit.
std::string kind_of(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return "number";
}

Status misfit(const Json& value, std::string_view field, std::string_view type) {
  // Only where a number of another kind is wanted it is told.
  const std::string number = value.is_number() && type == "int" ? " " + value.dump() : "";
  return {Code::kInvalidArgument, "invalid log rotation config: json: cannot unmarshal " + kind_of(value) + number +
                                      " into Go struct field logRotationConfig.Logger." + std::string(field) +
                                      " of type " + std::string(type)};
}

Status read(const Json& value, std::string_view field, int64_t& out) {
  if (value.is_null()) return {};
  if (!value.is_number_integer()) return misfit(value, field, "int");
  out = value.get<int64_t>();
  return {};
}

Status read(const Json& value, std::string_view field, bool& out) {
  if (value.is_null()) return {};
  if (!value.is_boolean()) return misfit(value, field, "bool");
  out = value.get<bool>();
  return {};
}

}  // namespace

Result<env::LogRotation> parse_log_rotation(std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return fail(improper("unexpected end of JSON input"));
  if (parsed.is_null()) return env::LogRotation{};
  if (!parsed.is_object()) {
    return fail(Code::kInvalidArgument, "invalid log rotation config: json: cannot unmarshal " + kind_of(parsed) +
                                            " into Go value of type embed.logRotationConfig");
  }
  env::LogRotation out;
  int64_t max_mb = 0;
  for (const auto& [name, value] : parsed.items()) {
    std::string key = name;
    std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    Status status;
    if (key == "maxsize") status = read(value, key, max_mb);
    if (key == "maxage") status = read(value, key, out.max_age_days);
    if (key == "maxbackups") status = read(value, key, out.max_backups);
    if (key == "localtime") status = read(value, key, out.local_time);
    if (key == "compress") status = read(value, key, out.compress);
    if (!status.ok()) return fail(std::move(status));
  }
  constexpr int64_t kMbMax = int64_t{1} << 40;
  if (max_mb > 0) out.max_bytes = static_cast<uint64_t>(std::min(max_mb, kMbMax) * kBytesPerMb);
  return out;
}

}  // namespace quorate::node
