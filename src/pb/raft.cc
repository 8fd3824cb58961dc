#include "pb/raft.h"

#include <ranges>

#include "pb/wire.h"

namespace quorate::pb {

using wire::bytes_tag;
using wire::Reader;
using wire::varint_tag;

namespace {

// What is decoded shares the block of `buffer_`, which the Reader's bytes lie in.
class Merger {
 public:
  explicit Merger(const Bytes& buffer) : buffer_(buffer) {}

  bool merge(Reader in, Entry& out) const;
  bool merge(Reader in, HardState& out) const;
  bool merge(Reader in, ConfState& out) const;
  bool merge(Reader in, SnapshotMetadata& out) const;
  bool merge(Reader in, Snapshot& out) const;
  bool merge(Reader in, Message& out) const;
  bool merge(Reader in, ConfChange& out) const;

 private:
  void read_bytes(Reader& in, Bytes& out) const {
    std::string_view part;
    in.bytes(part);
    if (in.ok()) out = part.empty() ? Bytes() : buffer_.slice_of(part);
  }

  const Bytes& buffer_;
};

bool Merger::merge(Reader in, Entry& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.type); break;
      case varint_tag(2): in.number(out.term); break;
      case varint_tag(3): in.number(out.index); break;
      case bytes_tag(4): read_bytes(in, out.data); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool Merger::merge(Reader in, HardState& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.term); break;
      case varint_tag(2): in.number(out.vote); break;
      case varint_tag(3): in.number(out.commit); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

// proto2 writes lists of numbers one by one; a packed run is read as well.
bool Merger::merge(Reader in, ConfState& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.voters.emplace_back()); break;
      case bytes_tag(1): in.numbers(out.voters); break;
      case varint_tag(2): in.number(out.learners.emplace_back()); break;
      case bytes_tag(2): in.numbers(out.learners); break;
      case varint_tag(3): in.number(out.voters_outgoing.emplace_back()); break;
      case bytes_tag(3): in.numbers(out.voters_outgoing); break;
      case varint_tag(4): in.number(out.learners_next.emplace_back()); break;
      case bytes_tag(4): in.numbers(out.learners_next); break;
      case varint_tag(5): in.number(out.auto_leave); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool Merger::merge(Reader in, SnapshotMetadata& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.require(merge(in.message(), out.conf_state)); break;
      case varint_tag(2): in.number(out.index); break;
      case varint_tag(3): in.number(out.term); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool Merger::merge(Reader in, Snapshot& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_bytes(in, out.data); break;
      case bytes_tag(2): in.require(merge(in.message(), out.metadata)); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

// `vote` (13) and `responses` (14) never leave the member that made them: skipped as unknown.
bool Merger::merge(Reader in, Message& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.type); break;
      case varint_tag(2): in.number(out.to); break;
      case varint_tag(3): in.number(out.from); break;
      case varint_tag(4): in.number(out.term); break;
      case varint_tag(5): in.number(out.log_term); break;
      case varint_tag(6): in.number(out.index); break;
      case bytes_tag(7): in.require(merge(in.message(), out.entries.emplace_back())); break;
      case varint_tag(8): in.number(out.commit); break;
      case bytes_tag(9): in.require(merge(in.message(), out.snapshot)); break;
      case varint_tag(10): in.number(out.reject); break;
      case varint_tag(11): in.number(out.reject_hint); break;
      case bytes_tag(12): read_bytes(in, out.context); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool Merger::merge(Reader in, ConfChange& out) const {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.id); break;
      case varint_tag(2): in.number(out.type); break;
      case varint_tag(3): in.number(out.node_id); break;
      case bytes_tag(4): read_bytes(in, out.context); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

template <class Message>
bool decode_shared(const Bytes& buffer, Message& out) {
  Message merged;
  const bool ok = Merger(buffer).merge(Reader(buffer.view()), merged);
  out = std::move(merged);
  return ok;
}

}  // namespace

template <class Sink>
void emit(Sink& sink, const Entry& m) {
  sink.bytes(4, m.data.view());
  sink.always_number(3, m.index);
  sink.always_number(2, m.term);
  sink.always_number(1, m.type);
}

template <class Sink>
void emit(Sink& sink, const HardState& m) {
  sink.always_number(3, m.commit);
  sink.always_number(2, m.vote);
  sink.always_number(1, m.term);
}

template <class Sink>
void emit_numbers(Sink& sink, uint32_t field, const std::vector<MemberId>& ids) {
  for (MemberId id : ids | std::views::reverse) sink.always_number(field, id);
}

template <class Sink>
void emit(Sink& sink, const ConfState& m) {
  sink.always_number(5, m.auto_leave);
  emit_numbers(sink, 4, m.learners_next);
  emit_numbers(sink, 3, m.voters_outgoing);
  emit_numbers(sink, 2, m.learners);
  emit_numbers(sink, 1, m.voters);
}

template <class Sink>
void emit(Sink& sink, const SnapshotMetadata& m) {
  sink.always_number(3, m.term);
  sink.always_number(2, m.index);
  sink.message(1, m.conf_state);
}

template <class Sink>
void emit(Sink& sink, const Snapshot& m) {
  sink.message(2, m.metadata);
  sink.bytes(1, m.data.view());
}

// An empty snapshot is left out, as 3.6 and 3.7 do: all read both as none.
template <class Sink>
void emit(Sink& sink, const Message& m) {
  sink.bytes(12, m.context.view());
  sink.always_number(11, m.reject_hint);
  sink.always_number(10, m.reject);
  if (m.snapshot != Snapshot{}) sink.message(9, m.snapshot);
  sink.always_number(8, m.commit);
  for (const Entry& entry : m.entries | std::views::reverse) sink.message(7, entry);
  sink.always_number(6, m.index);
  sink.always_number(5, m.log_term);
  sink.always_number(4, m.term);
  sink.always_number(3, m.from);
  sink.always_number(2, m.to);
  sink.always_number(1, m.type);
}

template <class Sink>
void emit(Sink& sink, const ConfChange& m) {
  sink.bytes(4, m.context.view());
  sink.always_number(3, m.node_id);
  sink.always_number(2, m.type);
  sink.always_number(1, m.id);
}

bool decode(const Bytes& buffer, Entry& out) { return decode_shared(buffer, out); }
bool decode(const Bytes& buffer, Message& out) { return decode_shared(buffer, out); }
bool decode(const Bytes& buffer, ConfChange& out) { return decode_shared(buffer, out); }
bool decode(const Bytes& buffer, HardState& out) { return decode_shared(buffer, out); }
bool decode(const Bytes& buffer, Snapshot& out) { return decode_shared(buffer, out); }

void append(const Entry& entry, std::string& out) { wire::append_message(entry, out); }
void append(const Message& message, std::string& out) { wire::append_message(message, out); }
void append(const ConfChange& change, std::string& out) { wire::append_message(change, out); }
void append(const HardState& state, std::string& out) { wire::append_message(state, out); }
void append(const Snapshot& snapshot, std::string& out) { wire::append_message(snapshot, out); }
void append(const ConfState& state, std::string& out) { wire::append_message(state, out); }

size_t size_of(const Entry& entry) { return wire::encoded_size(entry); }

}  // namespace quorate::pb
