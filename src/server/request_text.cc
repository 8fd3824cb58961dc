#include "server/request_text.h"

#include <cstdio>

#include "base/ids.h"
#include "base/limits.h"

namespace quorate::server {
namespace {

// How bytes that do not print are written: \x01 where protobuf's newer texts stand, \001 in what etcd redacts.
enum class Escapes : uint8_t { kHex, kOctal };

void append_quoted(std::string& out, std::string_view bytes, Escapes escapes) {
  out += '"';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    char text[8];
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte >= 0x20 && byte < 0x7f) {
          out += c;
        } else {
          std::snprintf(text, sizeof text, escapes == Escapes::kHex ? "\\x%02x" : "\\%03o", byte);
          out += text;
        }
    }
    if (out.size() > limits::kLoggedRequestBytes) break;
  }
  out += '"';
}

std::string lease_text(LeaseId lease) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(lease));
  return text;
}

// The fields of one message, with a space between them; those with their default are left out.
class Fields {
 public:
  void bytes(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    append_quoted(text_, value, Escapes::kHex);
  }
  void number(std::string_view name, int64_t value) {
    if (value != 0) word(name, std::to_string(value));
  }
  void unsigned_number(std::string_view name, uint64_t value) {
    if (value != 0) word(name, std::to_string(value));
  }
  void truth(std::string_view name, bool value) {
    if (value) word(name, "true");
  }
  void word(std::string_view name, std::string_view value) {
    begin(name);
    text_ += value;
  }
  std::string take() { return std::move(text_); }

 private:
  void begin(std::string_view name) {
    if (!text_.empty()) text_ += ' ';
    text_ += name;
    text_ += ':';
  }
  std::string text_;
};

std::string_view target_name(pb::CompareTarget target) {
  switch (target) {
    case pb::CompareTarget::kVersion: return "VERSION";
    case pb::CompareTarget::kCreate: return "CREATE";
    case pb::CompareTarget::kMod: return "MOD";
    case pb::CompareTarget::kValue: return "VALUE";
    case pb::CompareTarget::kLease: return "LEASE";
  }
  return "unknown";
}

std::string_view result_name(pb::CompareResult result) {
  switch (result) {
    case pb::CompareResult::kEqual: return "EQUAL";
    case pb::CompareResult::kGreater: return "GREATER";
    case pb::CompareResult::kLess: return "LESS";
    case pb::CompareResult::kNotEqual: return "NOT_EQUAL";
  }
  return "unknown";
}

std::string_view union_name(uint32_t field) {
  switch (field) {
    case 4: return "version";
    case 5: return "create_revision";
    case 6: return "mod_revision";
    case 8: return "lease";
    default: return {};
  }
}

std::string compare_text(const pb::Compare& compare) {
  const bool of_value = compare.union_field == 7;
  Fields out;
  if (compare.result != pb::CompareResult::kEqual) out.word("result", result_name(compare.result));
  if (compare.target != pb::CompareTarget::kVersion) out.word("target", target_name(compare.target));
  out.bytes("key", compare.key);
  if (of_value) out.word("value_size", std::to_string(compare.value.size()));
  if (const auto name = union_name(compare.union_field); !name.empty()) out.word(name, std::to_string(compare.number));
  out.bytes("range_end", compare.range_end);
  return out.take() + (of_value ? " " : "");
}

std::string op_text(const pb::RequestOp& op) {
  if (const auto* put = std::get_if<pb::PutRequest>(&op.request)) return "request_put:<" + request_text(*put) + ">";
  if (const auto* range = std::get_if<pb::RangeRequest>(&op.request)) {
    return "request_range:{" + request_text(*range) + "}";
  }
  if (const auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) {
    return "request_delete_range:{" + request_text(*remove) + "}";
  }
  if (const auto* txn = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request); txn != nullptr && *txn != nullptr) {
    return "request_txn:<" + request_text(**txn) + ">";
  }
  return {};
}

template <class Items, class Text>
void append_items(std::string& out, std::string_view name, const Items& items, Text text) {
  out += name;
  out += ":<";
  for (size_t i = 0; i < items.size() && out.size() <= limits::kLoggedRequestBytes; ++i) {
    if (i > 0) out += ' ';
    out += text(items[i]);
  }
  out += '>';
}

std::string attributes_text(const pb::ClusterMemberAttrSetRequest& request) {
  Fields attributes;
  attributes.bytes("name", request.name);
  for (const std::string_view url : request.client_urls) attributes.bytes("client_urls", url);
  Fields out;
  out.unsigned_number("member_ID", request.member_id);
  out.word("member_attributes", "{" + attributes.take() + "}");
  return "cluster_member_attr_set:{" + out.take() + "}";
}

std::string alarm_text(const pb::AlarmRequest& request) {
  Fields out;
  if (request.action == pb::AlarmAction::kActivate) out.word("action", "ACTIVATE");
  if (request.action == pb::AlarmAction::kDeactivate) out.word("action", "DEACTIVATE");
  out.unsigned_number("memberID", request.member_id);
  if (request.alarm == pb::AlarmType::kNoSpace) out.word("alarm", "NOSPACE");
  if (request.alarm == pb::AlarmType::kCorrupt) out.word("alarm", "CORRUPT");
  return "alarm:{" + out.take() + "}";
}

std::string compaction_text(const pb::CompactionRequest& request) {
  Fields out;
  out.number("revision", request.revision);
  out.truth("physical", request.physical);
  return "compaction:{" + out.take() + "}";
}

std::string version_text(const pb::ClusterVersionSetRequest& request) {
  Fields out;
  out.bytes("ver", request.version);
  return "cluster_version_set:{" + out.take() + "}";
}

// The payloads of which nothing is redacted.
std::string open_text(const pb::InternalRequest& request) {
  const auto& body = request.body;
  if (const auto* range = std::get_if<pb::RangeRequest>(&body)) return "range:{" + request_text(*range) + "}";
  if (const auto* remove = std::get_if<pb::DeleteRangeRequest>(&body)) {
    return "delete_range:{" + request_text(*remove) + "}";
  }
  if (const auto* compaction = std::get_if<pb::CompactionRequest>(&body)) return compaction_text(*compaction);
  if (const auto* alarm = std::get_if<pb::AlarmRequest>(&body)) return alarm_text(*alarm);
  if (const auto* version = std::get_if<pb::ClusterVersionSetRequest>(&body)) return version_text(*version);
  if (const auto* attributes = std::get_if<pb::ClusterMemberAttrSetRequest>(&body)) return attributes_text(*attributes);
  if (const auto* checkpoints = std::get_if<pb::LeaseCheckpointRequest>(&body)) {
    return "lease_checkpoint:{checkpoints:" + std::to_string(checkpoints->checkpoints.size()) + "}";
  }
  return "payload:" + std::to_string(static_cast<uint32_t>(request.payload));
}

std::string within_limit(std::string text) {
  if (text.size() > limits::kLoggedRequestBytes) text.resize(limits::kLoggedRequestBytes);
  return text;
}

}  // namespace

std::string request_text(const pb::RangeRequest& request) {
  static constexpr std::string_view kOrders[] = {"", "ASCEND", "DESCEND"};
  static constexpr std::string_view kTargets[] = {"", "VERSION", "CREATE", "MOD", "VALUE"};
  const auto named = [](Fields& out, std::string_view name, int32_t value, auto& names) {
    if (value > 0 && static_cast<size_t>(value) < std::size(names)) out.word(name, names[value]);
  };
  Fields out;
  out.bytes("key", request.key);
  out.bytes("range_end", request.range_end);
  out.number("limit", request.limit);
  out.number("revision", request.revision);
  named(out, "sort_order", static_cast<int32_t>(request.sort_order), kOrders);
  named(out, "sort_target", static_cast<int32_t>(request.sort_target), kTargets);
  out.truth("serializable", request.serializable);
  out.truth("keys_only", request.keys_only);
  out.truth("count_only", request.count_only);
  out.number("min_mod_revision", request.min_mod_revision);
  out.number("max_mod_revision", request.max_mod_revision);
  out.number("min_create_revision", request.min_create_revision);
  out.number("max_create_revision", request.max_create_revision);
  return within_limit(out.take());
}

std::string request_text(const pb::PutRequest& request) {
  std::string out;
  const auto field = [&out](std::string_view name, const std::string& value) {
    out += name;
    out += ':' + value + ' ';
  };
  if (!request.key.empty()) {
    std::string key;
    append_quoted(key, request.key, Escapes::kOctal);
    field("key", key);
  }
  if (!request.value.empty()) field("value_size", std::to_string(request.value.size()));
  if (request.lease != 0) field("lease", std::to_string(request.lease));
  if (request.prev_kv) field("prev_kv", "true");
  if (request.ignore_value) field("ignore_value", "true");
  if (request.ignore_lease) field("ignore_lease", "true");
  return within_limit(std::move(out));
}

std::string request_text(const pb::DeleteRangeRequest& request) {
  Fields out;
  out.bytes("key", request.key);
  out.bytes("range_end", request.range_end);
  out.truth("prev_kv", request.prev_kv);
  return within_limit(out.take());
}

std::string request_text(const pb::TxnRequest& request) {
  std::string out;
  append_items(out, "compare", request.compare, compare_text);
  append_items(out, " success", request.success, op_text);
  append_items(out, " failure", request.failure, op_text);
  return within_limit(std::move(out));
}

std::string request_text(const pb::InternalRequest& request) {
  const std::string id = "ID:" + std::to_string(request.id);
  const auto redacted = [&id](const std::string& payload) {
    return within_limit("header:<" + id + "> " + payload + ">");
  };
  if (const auto* put = std::get_if<pb::PutRequest>(&request.body)) return redacted("put:<" + request_text(*put));
  if (const auto* txn = std::get_if<pb::TxnRequest>(&request.body)) return redacted("txn:<" + request_text(*txn));
  if (const auto* grant = std::get_if<pb::LeaseGrantRequest>(&request.body)) {
    return redacted("lease_grant:<ttl:" + std::to_string(grant->ttl_s) + "-second id:" + lease_text(grant->id));
  }
  if (const auto* revoke = std::get_if<pb::LeaseRevokeRequest>(&request.body)) {
    return redacted("lease_revoke:<id:" + lease_text(revoke->id));
  }
  return within_limit("header:{" + id + "} " + open_text(request));
}

}  // namespace quorate::server
