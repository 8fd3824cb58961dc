#include "sim/text.h"

#include <algorithm>
#include <utility>

#include "pb/codec.h"

namespace quorate::sim {

namespace {

constexpr size_t kShownBytesMax = 32;
constexpr size_t kShownItemsMax = 8;

std::string quoted(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : bytes.substr(0, kShownBytesMax)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  if (bytes.size() > kShownBytesMax) out += "...(" + std::to_string(bytes.size()) + " bytes)";
  return out + "\"";
}

template <class Items, class Show>
std::string list(const Items& items, Show show) {
  std::string out = "[";
  size_t shown = 0;
  for (const auto& item : items) {
    if (shown != 0) out += ", ";
    if (shown++ == kShownItemsMax) return out + "... " + std::to_string(items.size()) + " in all]";
    out += show(item);
  }
  return out + "]";
}

std::string of_header(const std::optional<pb::ResponseHeader>& header) {
  return header ? "revision " + std::to_string(header->revision) : "no header";
}

std::string say(const pb::PutResponse& m) {
  return of_header(m.header) + (m.prev_kv ? ", prev " + text_of(*m.prev_kv) : "");
}
std::string say(const pb::DeleteRangeResponse& m) {
  const std::string prev =
      m.prev_kvs.empty() ? "" : ", prev " + list(m.prev_kvs, [](const pb::KeyValue& kv) { return text_of(kv); });
  return of_header(m.header) + ", deleted " + std::to_string(m.deleted) + prev;
}
std::string say(const pb::RangeResponse& m) { return text_of(m); }
std::string say(const pb::TxnResponse& m);

struct SayOp {
  std::string operator()(std::monostate) const { return "nothing"; }
  std::string operator()(const pb::RangeResponse& m) const { return "range {" + say(m) + "}"; }
  std::string operator()(const pb::PutResponse& m) const { return "put {" + say(m) + "}"; }
  std::string operator()(const pb::DeleteRangeResponse& m) const { return "delete {" + say(m) + "}"; }
  std::string operator()(const std::unique_ptr<pb::TxnResponse>& m) const { return "txn {" + say(*m) + "}"; }
};

std::string say(const pb::TxnResponse& m) {
  return of_header(m.header) + (m.succeeded ? ", then " : ", else ") +
         list(m.responses, [](const pb::ResponseOp& op) { return std::visit(SayOp(), op.response); });
}
std::string say(const pb::CompactionResponse& m) { return of_header(m.header); }
std::string say(const pb::LeaseGrantResponse& m) {
  return of_header(m.header) + ", lease " + std::to_string(m.id) + ", ttl " + std::to_string(m.ttl_s) + " s";
}
std::string say(const pb::LeaseRevokeResponse& m) { return of_header(m.header); }
std::string say(const pb::LeaseKeepAliveResponse& m) {
  return of_header(m.header) + ", lease " + std::to_string(m.id) + ", ttl " + std::to_string(m.ttl_s) + " s";
}
std::string say(const pb::LeaseTimeToLiveResponse& m) {
  return of_header(m.header) + ", lease " + std::to_string(m.id) + ", ttl " + std::to_string(m.ttl_s) + " of " +
         std::to_string(m.granted_ttl_s) + " s, keys " + list(m.keys, [](std::string_view key) { return quoted(key); });
}
std::string say(const pb::LeaseLeasesResponse& m) {
  return of_header(m.header) + ", leases " + list(m.leases, [](LeaseId id) { return std::to_string(id); });
}

// Calls `visit` with an empty response message of the kind.
template <class Visit>
auto with_response_of(Kind kind, Visit&& visit) {
  switch (kind) {
    case Kind::kPut: return visit(pb::PutResponse());
    case Kind::kDeleteRange: return visit(pb::DeleteRangeResponse());
    case Kind::kTxn: return visit(pb::TxnResponse());
    case Kind::kRange: return visit(pb::RangeResponse());
    case Kind::kCompact: return visit(pb::CompactionResponse());
    case Kind::kLeaseGrant: return visit(pb::LeaseGrantResponse());
    case Kind::kLeaseRevoke: return visit(pb::LeaseRevokeResponse());
    case Kind::kLeaseKeepAlive: return visit(pb::LeaseKeepAliveResponse());
    case Kind::kLeaseTimeToLive: return visit(pb::LeaseTimeToLiveResponse());
    case Kind::kLeaseLeases: break;
  }
  return visit(pb::LeaseLeasesResponse());
}

}  // namespace

std::string text_of(const pb::KeyValue& kv) {
  return quoted(kv.key) + "=" + quoted(kv.value) + " (created " + std::to_string(kv.create_revision) + ", mod " +
         std::to_string(kv.mod_revision) + ", version " + std::to_string(kv.version) +
         (kv.lease == 0 ? "" : ", lease " + std::to_string(kv.lease)) + ")";
}

std::string text_of(const pb::Event& event) {
  const std::string prev = event.prev_kv ? ", before " + text_of(*event.prev_kv) : "";
  if (event.type == pb::EventType::kPut) return "put " + text_of(event.kv) + prev;
  return "delete " + quoted(event.kv.key) + " at " + std::to_string(event.kv.mod_revision) + prev;
}

std::string text_of(const Change& change) {
  pb::Event event;
  event.type = change.version == 0 ? pb::EventType::kDelete : pb::EventType::kPut;
  event.kv = {.key = change.key,
              .create_revision = change.create_revision,
              .mod_revision = change.mod_revision,
              .version = change.version,
              .value = change.value,
              .lease = change.lease};
  return text_of(event);
}

std::string text_of(const pb::RangeResponse& m) {
  return of_header(m.header) + ", count " + std::to_string(m.count) + (m.more ? ", more, " : ", ") +
         list(m.kvs, [](const pb::KeyValue& kv) { return text_of(kv); });
}

std::string text_of(Kind kind, const Status& status, std::string_view response) {
  if (!status.ok()) return "error \"" + status.text() + "\"";
  return with_response_of(kind, [&](auto message) {
    return pb::decode(response, message) ? say(message) : "bytes that are no answer: " + quoted(response);
  });
}

std::string text_of(MonoTime at) {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  std::string fraction = std::to_string(us < 0 ? -us % 1'000'000 : us % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(us / 1'000'000) + "." + fraction + " s";
}

std::string name_of(const Operation& operation) {
  return std::string(kind_name(operation.kind)) + " " + std::to_string(operation.id) + " of client " +
         std::to_string(operation.client);
}

std::string bare(Kind kind, std::string_view response) {
  return with_response_of(kind, [&](auto message) {
    if (!pb::decode(response, message)) return std::string(response);
    if (message.header) {
      pb::ResponseHeader header;
      header.revision = message.header->revision;
      message.header = header;
    }
    return pb::encode(message);
  });
}

}  // namespace quorate::sim
