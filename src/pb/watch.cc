// Events and watch streams.
#include "pb/codec.h"
#include "pb/fields.h"

namespace quorate::pb {

using wire::bytes_tag;
using wire::Reader;
using wire::varint_tag;

bool merge(Reader in, Event& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.type); break;
      case bytes_tag(2): read_message(in, out.kv); break;
      case bytes_tag(3): read_message(in, out.prev_kv); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

namespace {

// A list of enums is packed by proto3; unpacked elements are as good.
bool merge(Reader in, WatchCreateRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.bytes(out.key); break;
      case bytes_tag(2): in.bytes(out.range_end); break;
      case varint_tag(3): in.number(out.start_revision); break;
      case varint_tag(4): in.number(out.progress_notify); break;
      case varint_tag(5): in.number(out.filters.emplace_back()); break;
      case bytes_tag(5): in.numbers(out.filters); break;
      case varint_tag(6): in.number(out.prev_kv); break;
      case varint_tag(7): in.number(out.watch_id); break;
      case varint_tag(8): in.number(out.fragment); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, WatchCancelRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == varint_tag(1)) {
      in.number(out.watch_id);
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, WatchProgressRequest&) {
  uint32_t tag = 0;
  while (in.next(tag)) in.skip(tag);
  return in.ok();
}

bool merge(Reader in, WatchRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.require(merge(in.message(), member_of<WatchCreateRequest>(out.request))); break;
      case bytes_tag(2): in.require(merge(in.message(), member_of<WatchCancelRequest>(out.request))); break;
      case bytes_tag(3): in.require(merge(in.message(), member_of<WatchProgressRequest>(out.request))); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, WatchResponse& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case varint_tag(2): in.number(out.watch_id); break;
      case varint_tag(3): in.number(out.created); break;
      case varint_tag(4): in.number(out.canceled); break;
      case varint_tag(5): in.number(out.compact_revision); break;
      case bytes_tag(6): in.text(out.cancel_reason); break;
      case varint_tag(7): in.number(out.fragment); break;
      case bytes_tag(11): read_message(in, out.events); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

}  // namespace

template <class Sink>
void emit(Sink& sink, const WatchCreateRequest& m) {
  sink.number(8, m.fragment);
  sink.number(7, m.watch_id);
  sink.number(6, m.prev_kv);
  if (!m.filters.empty()) sink.numbers(5, m.filters);
  sink.number(4, m.progress_notify);
  sink.number(3, m.start_revision);
  sink.bytes(2, m.range_end);
  sink.bytes(1, m.key);
}

template <class Sink>
void emit(Sink& sink, const WatchCancelRequest& m) {
  sink.number(1, m.watch_id);
}

template <class Sink>
void emit(Sink&, const WatchProgressRequest&) {}

// Field numbers of the union follow the order of the variant.
template <class Sink>
void emit(Sink& sink, const WatchRequest& m) {
  const auto field = static_cast<uint32_t>(m.request.index());
  std::visit(
      [&]<class Member>(const Member& member) {
        if constexpr (!std::is_same_v<Member, std::monostate>) sink.message(field, member);
      },
      m.request);
}

inline constexpr uint32_t kEventsField = 11;

template <class Sink>
void emit(Sink& sink, const WatchResponse& m) {
  emit_each(sink, kEventsField, m.events);
  sink.number(7, m.fragment);
  sink.bytes(6, m.cancel_reason);
  sink.number(5, m.compact_revision);
  sink.number(4, m.canceled);
  sink.number(3, m.created);
  sink.number(2, m.watch_id);
  emit_optional(sink, 1, m.header);
}

bool decode(std::string_view bytes, WatchRequest& out) {
  out = WatchRequest{};
  return merge(Reader(bytes), out);
}
bool decode(std::string_view bytes, WatchResponse& out) {
  out = WatchResponse{};
  return merge(Reader(bytes), out);
}

void append(const Event& message, std::string& out) { wire::append_message(message, out); }
void append(const WatchRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const WatchResponse& message, std::string& out) { wire::append_message(message, out); }

size_t size_of(const Event& message) { return wire::encoded_size(message); }

void append_watch_event(const Event& event, std::string& out) {
  wire::Sizer sizer;
  sizer.message(kEventsField, event);
  wire::append_backwards(sizer.size(), out, [&](wire::Writer& writer) { writer.message(kEventsField, event); });
}

}  // namespace quorate::pb
