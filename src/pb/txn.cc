// Transactions, which nest each other to at most kMaxNesting.
#include "pb/codec.h"
#include "pb/fields.h"

namespace quorate::pb {

using wire::bytes_tag;
using wire::Reader;
using wire::varint_tag;

namespace {

// A later member of the union replaces an earlier one.
void read_union_number(Reader& in, uint32_t field, Compare& out) {
  in.number(out.number);
  out.union_field = field;
  out.value = {};
}

bool merge(Reader in, Compare& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.result); break;
      case varint_tag(2): in.number(out.target); break;
      case bytes_tag(3): in.bytes(out.key); break;
      case varint_tag(4):
      case varint_tag(5):
      case varint_tag(6):
      case varint_tag(8): read_union_number(in, wire::field_of(tag), out); break;
      case bytes_tag(7):
        in.bytes(out.value);
        out.union_field = 7;
        out.number = 0;
        break;
      case bytes_tag(64): in.bytes(out.range_end); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, TxnResponse& out, int nesting);

// The nested transaction of a RequestOp or ResponseOp.
template <class Txn, class Variant>
void read_txn(Reader& in, Variant& variant, int nesting) {
  auto& txn = member_of<std::unique_ptr<Txn>>(variant);
  if (!txn) txn = std::make_unique<Txn>();
  in.require(merge(in.message(), *txn, nesting + 1));
}

bool merge(Reader in, RequestOp& out, int nesting) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, member_of<RangeRequest>(out.request)); break;
      case bytes_tag(2): read_message(in, member_of<PutRequest>(out.request)); break;
      case bytes_tag(3): read_message(in, member_of<DeleteRangeRequest>(out.request)); break;
      case bytes_tag(4): read_txn<TxnRequest>(in, out.request, nesting); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, ResponseOp& out, int nesting) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, member_of<RangeResponse>(out.response)); break;
      case bytes_tag(2): read_message(in, member_of<PutResponse>(out.response)); break;
      case bytes_tag(3): read_message(in, member_of<DeleteRangeResponse>(out.response)); break;
      case bytes_tag(4): read_txn<TxnResponse>(in, out.response, nesting); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, TxnResponse& out, int nesting) {
  if (nesting > kMaxNesting) return false;
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): read_message(in, out.header); break;
      case varint_tag(2): in.number(out.succeeded); break;
      case bytes_tag(3): in.require(merge(in.message(), out.responses.emplace_back(), nesting)); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

}  // namespace

bool merge(Reader in, TxnRequest& out, int nesting) {
  if (nesting > kMaxNesting) return false;
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.require(merge(in.message(), out.compare.emplace_back())); break;
      case bytes_tag(2): in.require(merge(in.message(), out.success.emplace_back(), nesting)); break;
      case bytes_tag(3): in.require(merge(in.message(), out.failure.emplace_back(), nesting)); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

// A member of a union is written also when it is the default: it says which one is set.
template <class Sink>
void emit(Sink& sink, const Compare& m) {
  sink.bytes(64, m.range_end);
  if (m.union_field == 7) {
    sink.always_bytes(7, m.value);
  } else if (m.union_field != 0) {
    CHECK(m.union_field >= 4 && m.union_field <= 8);
    sink.always_number(m.union_field, m.number);
  }
  sink.bytes(3, m.key);
  sink.number(2, m.target);
  sink.number(1, m.result);
}

template <class Sink>
void emit(Sink& sink, const TxnRequest& m);
template <class Sink>
void emit(Sink& sink, const TxnResponse& m);

// Field numbers of both unions follow the order of their variants.
template <class Sink, class Variant>
void emit_operation(Sink& sink, const Variant& variant) {
  const auto field = static_cast<uint32_t>(variant.index());
  std::visit(
      [&]<class Member>(const Member& member) {
        if constexpr (std::is_same_v<Member, std::monostate>) {
          return;
        } else if constexpr (requires { *member; }) {
          CHECK(member != nullptr);
          sink.message(field, *member);
        } else {
          sink.message(field, member);
        }
      },
      variant);
}

template <class Sink>
void emit(Sink& sink, const RequestOp& m) {
  emit_operation(sink, m.request);
}

template <class Sink>
void emit(Sink& sink, const ResponseOp& m) {
  emit_operation(sink, m.response);
}

template <class Sink>
void emit(Sink& sink, const TxnRequest& m) {
  emit_each(sink, 3, m.failure);
  emit_each(sink, 2, m.success);
  emit_each(sink, 1, m.compare);
}

template <class Sink>
void emit(Sink& sink, const TxnResponse& m) {
  emit_each(sink, 3, m.responses);
  sink.number(2, m.succeeded);
  emit_optional(sink, 1, m.header);
}

bool decode(std::string_view bytes, TxnRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, TxnResponse& out) {
  out = TxnResponse{};
  return merge(Reader(bytes), out, 0);
}

void append(const TxnRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const TxnResponse& message, std::string& out) { wire::append_message(message, out); }

}  // namespace quorate::pb
