// Keys, ranges, puts, deletes and compaction.
#include "pb/codec.h"
#include "pb/fields.h"

namespace quorate::pb {

using wire::bytes_tag;
using wire::Reader;
using wire::varint_tag;

bool merge(Reader in, ResponseHeader& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.cluster_id); break;
      case varint_tag(2): in.number(out.member_id); break;
      case varint_tag(3): in.number(out.revision); break;
      case varint_tag(4): in.number(out.raft_term); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, KeyValue& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.bytes(out.key); break;
      case varint_tag(2): in.number(out.create_revision); break;
      case varint_tag(3): in.number(out.mod_revision); break;
      case varint_tag(4): in.number(out.version); break;
      case bytes_tag(5): in.bytes(out.value); break;
      case varint_tag(6): in.number(out.lease); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, RangeRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.bytes(out.key); break;
      case bytes_tag(2): in.bytes(out.range_end); break;
      case varint_tag(3): in.number(out.limit); break;
      case varint_tag(4): in.number(out.revision); break;
      case varint_tag(5): in.number(out.sort_order); break;
      case varint_tag(6): in.number(out.sort_target); break;
      case varint_tag(7): in.number(out.serializable); break;
      case varint_tag(8): in.number(out.keys_only); break;
      case varint_tag(9): in.number(out.count_only); break;
      case varint_tag(10): in.number(out.min_mod_revision); break;
      case varint_tag(11): in.number(out.max_mod_revision); break;
      case varint_tag(12): in.number(out.min_create_revision); break;
      case varint_tag(13): in.number(out.max_create_revision); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, RangeResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case bytes_tag(2): read_message(in, out.kvs); break;
      case varint_tag(3): in.number(out.more); break;
      case varint_tag(4): in.number(out.count); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, PutRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.bytes(out.key); break;
      case bytes_tag(2): in.bytes(out.value); break;
      case varint_tag(3): in.number(out.lease); break;
      case varint_tag(4): in.number(out.prev_kv); break;
      case varint_tag(5): in.number(out.ignore_value); break;
      case varint_tag(6): in.number(out.ignore_lease); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, PutResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case bytes_tag(2): read_message(in, out.prev_kv); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, DeleteRangeRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.bytes(out.key); break;
      case bytes_tag(2): in.bytes(out.range_end); break;
      case varint_tag(3): in.number(out.prev_kv); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, DeleteRangeResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case varint_tag(2): in.number(out.deleted); break;
      case bytes_tag(3): read_message(in, out.prev_kvs); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, CompactionRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.revision); break;
      case varint_tag(2): in.number(out.physical); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, CompactionResponse& out) {
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

template <class Sink>
void emit(Sink& sink, const RangeStreamResponse& m) {
  sink.message(1, m.range_response);
}

template <class Sink>
void emit(Sink& sink, const CompactionRequest& m) {
  sink.number(2, m.physical);
  sink.number(1, m.revision);
}

template <class Sink>
void emit(Sink& sink, const CompactionResponse& m) {
  emit_optional(sink, 1, m.header);
}

bool decode(std::string_view bytes, KeyValue& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, RangeRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, RangeResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, PutRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, PutResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, DeleteRangeRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, DeleteRangeResponse& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, CompactionRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, CompactionResponse& out) { return decode_message(bytes, out); }

void append(const KeyValue& message, std::string& out) { wire::append_message(message, out); }
void append(const RangeRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const RangeResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const RangeStreamResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const PutRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const PutResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const DeleteRangeRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const DeleteRangeResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const CompactionRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const CompactionResponse& message, std::string& out) { wire::append_message(message, out); }

size_t size_of(const KeyValue& message) { return wire::encoded_size(message); }
size_t size_of(const RangeResponse& message) { return wire::encoded_size(message); }

size_t size_of_range_pair(const KeyValue& pair) {
  wire::Sizer sizer;
  sizer.message(kPairsField, pair);
  return sizer.size();
}

void append_range_pair(const KeyValue& pair, std::string& out) {
  wire::append_backwards(size_of_range_pair(pair), out,
                         [&](wire::Writer& writer) { writer.message(kPairsField, pair); });
}

}  // namespace quorate::pb
