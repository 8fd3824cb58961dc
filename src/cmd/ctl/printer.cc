#include "cmd/ctl/printer.h"

#include "cmd/ctl/go_text.h"

namespace quorate::cmd::ctl {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += i + j <= bytes.size() ? kLetters[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

// A JSON object of which members that have their default are left out.
class JsonObject {
 public:
  JsonObject& number(std::string_view name, int64_t value) {
    return value == 0 ? *this : raw(name, std::to_string(value));
  }
  JsonObject& id(std::string_view name, uint64_t value) {
    return value == 0 ? *this : raw(name, std::to_string(value));
  }
  JsonObject& bytes(std::string_view name, std::string_view value) {
    return value.empty() ? *this : raw(name, "\"" + base64(value) + "\"");
  }
  JsonObject& raw(std::string_view name, std::string_view value) {
    text_ += text_.empty() ? "\"" : ",\"";
    text_ += name;
    text_ += "\":";
    text_ += value;
    return *this;
  }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

void add_header(JsonObject& object, const std::optional<pb::ResponseHeader>& header) {
  if (!header) return;
  JsonObject inside;
  inside.id("cluster_id", header->cluster_id).id("member_id", header->member_id);
  inside.number("revision", header->revision).id("raft_term", header->raft_term);
  object.raw("header", inside.text());
}

std::string json_of(const pb::KeyValue& kv) {
  JsonObject object;
  object.bytes("key", kv.key).number("create_revision", kv.create_revision).number("mod_revision", kv.mod_revision);
  object.number("version", kv.version).bytes("value", kv.value).number("lease", kv.lease);
  return object.text();
}

void add_kvs(JsonObject& object, std::string_view name, const std::vector<pb::KeyValue>& kvs) {
  if (kvs.empty()) return;
  std::string list;
  for (const pb::KeyValue& kv : kvs) list += (list.empty() ? "" : ",") + json_of(kv);
  object.raw(name, "[" + list + "]");
}

}  // namespace

std::string PrinterSimple::shown(std::string_view bytes) const {
  if (!hex_) return std::string(bytes);
  std::string out;
  for (const char c : bytes) {
    const std::string digits = hex(static_cast<unsigned char>(c));
    out += (digits.size() == 1 ? "\\x0" : "\\x") + digits;
  }
  return out;
}

void PrinterSimple::print(const pb::KeyValue& kv) {
  if (!values_only_) out_ << shown(kv.key) << "\n";
  out_ << shown(kv.value) << "\n";
}

void PrinterSimple::print(const pb::RangeResponse& response) {
  for (const pb::KeyValue& kv : response.kvs) print(kv);
}

void PrinterSimple::print(const pb::PutResponse& response) {
  out_ << "OK\n";
  if (response.prev_kv) print(*response.prev_kv);
}

void PrinterSimple::print(const pb::DeleteRangeResponse& response) {
  out_ << response.deleted << "\n";
  for (const pb::KeyValue& kv : response.prev_kvs) print(kv);
}

void PrinterSimple::print(const pb::TxnResponse& response) {
  out_ << (response.succeeded ? "SUCCESS\n" : "FAILURE\n");
  for (const pb::ResponseOp& op : response.responses) {
    out_ << "\n";
    if (const auto* range = std::get_if<pb::RangeResponse>(&op.response)) {
      print(*range);
    } else if (const auto* put = std::get_if<pb::PutResponse>(&op.response)) {
      print(*put);
    } else if (const auto* deleted = std::get_if<pb::DeleteRangeResponse>(&op.response)) {
      print(*deleted);
    } else if (const auto* nested = std::get_if<std::unique_ptr<pb::TxnResponse>>(&op.response)) {
      print(**nested);
    }
  }
}

void PrinterSimple::print(const pb::WatchResponse& response) {
  if (response.events.empty() && !response.created && !response.canceled && response.compact_revision == 0) {
    if (response.header && response.header->revision != 0)
      out_ << "progress notify: " << response.header->revision << "\n";
    return;
  }
  for (const pb::Event& event : response.events) {
    out_ << (event.type == pb::EventType::kPut ? "PUT\n" : "DELETE\n");
    if (event.prev_kv) print(*event.prev_kv);
    print(event.kv);
  }
}

void PrinterSimple::print(const pb::LeaseGrantResponse& response) {
  out_ << "lease " << hex16(static_cast<uint64_t>(response.id)) << " granted with TTL(" << response.ttl_s << "s)\n";
}

void PrinterSimple::print(const pb::LeaseKeepAliveResponse& response) {
  out_ << "lease " << hex16(static_cast<uint64_t>(response.id)) << " keepalived with TTL(" << response.ttl_s << ")\n";
}

void PrinterSimple::print(const pb::LeaseLeasesResponse& response) {
  out_ << "found " << response.leases.size() << " leases\n";
  for (const LeaseId id : response.leases) out_ << hex16(static_cast<uint64_t>(id)) << "\n";
}

void PrinterSimple::print(const pb::LeaseTimeToLiveResponse& response, bool with_keys) {
  const std::string id = hex16(static_cast<uint64_t>(response.id));
  if (response.granted_ttl_s == 0 && response.ttl_s == -1) {
    out_ << "lease " << id << " already expired\n";
    return;
  }
  out_ << "lease " << id << " granted with TTL(" << response.granted_ttl_s << "s), remaining(" << response.ttl_s
       << "s)";
  if (with_keys) {
    out_ << ", attached keys([";
    for (size_t i = 0; i < response.keys.size(); ++i) out_ << (i == 0 ? "" : " ") << shown(response.keys[i]);
    out_ << "])";
  }
  out_ << "\n";
}

void PrinterFields::print(const std::optional<pb::ResponseHeader>& header) {
  const pb::ResponseHeader shown = header.value_or(pb::ResponseHeader{});
  const auto id = [&](uint64_t number) { return hex_ ? hex(number) : std::to_string(number); };
  out_ << "\"ClusterID\" : " << id(shown.cluster_id) << "\n\"MemberID\" : " << id(shown.member_id) << "\n";
  if (shown.revision != 0) out_ << "\"Revision\" : " << shown.revision << "\n";
  out_ << "\"RaftTerm\" : " << shown.raft_term << "\n";
}

void PrinterFields::print(std::string_view prefix, const pb::KeyValue& kv) {
  const auto name = [&](std::string_view field) { return "\"" + std::string(prefix) + std::string(field) + "\" : "; };
  out_ << name("Key") << quote(kv.key) << "\n" << name("CreateRevision") << kv.create_revision << "\n";
  out_ << name("ModRevision") << kv.mod_revision << "\n" << name("Version") << kv.version << "\n";
  out_ << name("Value") << quote(kv.value) << "\n";
  out_ << name("Lease") << (hex_ ? hex16(static_cast<uint64_t>(kv.lease)) : std::to_string(kv.lease)) << "\n";
}

void PrinterFields::print(const pb::RangeResponse& response) {
  print(response.header);
  for (const pb::KeyValue& kv : response.kvs) print("", kv);
  out_ << "\"More\" : " << (response.more ? "true" : "false") << "\n\"Count\" : " << response.count << "\n";
}

void PrinterFields::print(const pb::PutResponse& response) {
  print(response.header);
  if (response.prev_kv) print("Prev", *response.prev_kv);
}

void PrinterFields::print(const pb::DeleteRangeResponse& response) {
  print(response.header);
  out_ << "\"Deleted\" : " << response.deleted << "\n";
  for (const pb::KeyValue& kv : response.prev_kvs) print("Prev", kv);
}

void PrinterJson::print(const pb::RangeResponse& response) {
  JsonObject object;
  add_header(object, response.header);
  add_kvs(object, "kvs", response.kvs);
  if (response.more) object.raw("more", "true");
  out_ << object.number("count", response.count).text() << "\n";
}

void PrinterJson::print(const pb::PutResponse& response) {
  JsonObject object;
  add_header(object, response.header);
  if (response.prev_kv) object.raw("prev_kv", json_of(*response.prev_kv));
  out_ << object.text() << "\n";
}

void PrinterJson::print(const pb::DeleteRangeResponse& response) {
  JsonObject object;
  add_header(object, response.header);
  object.number("deleted", response.deleted);
  add_kvs(object, "prev_kvs", response.prev_kvs);
  out_ << object.text() << "\n";
}

}  // namespace quorate::cmd::ctl
