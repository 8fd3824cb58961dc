// Leases.
#include "pb/codec.h"
#include "pb/fields.h"

namespace quorate::pb {

using wire::bytes_tag;
using wire::Reader;
using wire::varint_tag;

bool merge(Reader in, LeaseGrantRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.ttl_s); break;
      case varint_tag(2): in.number(out.id); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseRevokeRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == varint_tag(1)) {
      in.number(out.id);
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

namespace {

bool merge(Reader in, LeaseCheckpoint& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.id); break;
      case varint_tag(2): in.number(out.remaining_ttl_s); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

// LeaseStatus, a message of one field.
bool merge_status(Reader in, LeaseId& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == varint_tag(1)) {
      in.number(out);
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

}  // namespace

bool merge(Reader in, LeaseCheckpointRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == bytes_tag(1)) {
      in.require(merge(in.message(), out.checkpoints.emplace_back()));
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseKeepAliveRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == varint_tag(1)) {
      in.number(out.id);
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseTimeToLiveRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.id); break;
      case varint_tag(2): in.number(out.keys); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseGrantResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case varint_tag(2): in.number(out.id); break;
      case varint_tag(3): in.number(out.ttl_s); break;
      case bytes_tag(4): in.text(out.error); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseRevokeResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == bytes_tag(1)) {
      read_message(in, out.header);
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseKeepAliveResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case varint_tag(2): in.number(out.id); break;
      case varint_tag(3): in.number(out.ttl_s); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseTimeToLiveResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case varint_tag(2): in.number(out.id); break;
      case varint_tag(3): in.number(out.ttl_s); break;
      case varint_tag(4): in.number(out.granted_ttl_s); break;
      case bytes_tag(5): in.bytes(out.keys.emplace_back()); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, LeaseLeasesResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case bytes_tag(2): in.require(merge_status(in.message(), out.leases.emplace_back())); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

template <class Sink>
void emit(Sink& sink, const LeaseGrantRequest& m) {
  sink.number(2, m.id);
  sink.number(1, m.ttl_s);
}

template <class Sink>
void emit(Sink& sink, const LeaseRevokeRequest& m) {
  sink.number(1, m.id);
}

template <class Sink>
void emit(Sink& sink, const LeaseCheckpoint& m) {
  sink.number(2, m.remaining_ttl_s);
  sink.number(1, m.id);
}

template <class Sink>
void emit(Sink& sink, const LeaseCheckpointRequest& m) {
  emit_each(sink, 1, m.checkpoints);
}

template <class Sink>
void emit(Sink& sink, const LeaseKeepAliveRequest& m) {
  sink.number(1, m.id);
}

template <class Sink>
void emit(Sink& sink, const LeaseTimeToLiveRequest& m) {
  sink.number(2, m.keys);
  sink.number(1, m.id);
}

template <class Sink>
void emit(Sink& sink, const LeaseGrantResponse& m) {
  sink.bytes(4, m.error);
  sink.number(3, m.ttl_s);
  sink.number(2, m.id);
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const LeaseRevokeResponse& m) {
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const LeaseKeepAliveResponse& m) {
  sink.number(3, m.ttl_s);
  sink.number(2, m.id);
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const LeaseTimeToLiveResponse& m) {
  for (std::string_view key : m.keys | std::views::reverse) sink.always_bytes(5, key);
  sink.number(4, m.granted_ttl_s);
  sink.number(3, m.ttl_s);
  sink.number(2, m.id);
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const LeaseLeasesResponse& m) {
  for (LeaseId id : m.leases | std::views::reverse) sink.nest(2, [&] { sink.number(1, id); });
  emit_optional(sink, 1, m.header);
}

bool decode(std::string_view bytes, LeaseGrantRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseRevokeRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseCheckpointRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseKeepAliveRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseTimeToLiveRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseGrantResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseRevokeResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseKeepAliveResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseTimeToLiveResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, LeaseLeasesResponse& out) { return decode_message(bytes, out); }

void append(const LeaseGrantRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseRevokeRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseCheckpointRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseKeepAliveRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseTimeToLiveRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseGrantResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseRevokeResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseKeepAliveResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseTimeToLiveResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const LeaseLeasesResponse& message, std::string& out) { wire::append_message(message, out); }

}  // namespace quorate::pb
