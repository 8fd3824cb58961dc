// Events and watch streams against generated protobuf.
#include "pb/oracle.h"

namespace quorate::pb {

using oracle::expect_agreement;
using oracle::same_enum;
using oracle::same_header;
using oracle::same_list;
using oracle::same_optional;

bool same(const Event& h, const mvccpb::Event& g) {
  return same_enum(h.type, g.type()) && same(h.kv, g.kv()) && same_optional(h.prev_kv, g.has_prev_kv(), g.prev_kv());
}

bool same(const WatchResponse& h, const etcdserverpb::WatchResponse& g) {
  return same_header(h, g) && h.watch_id == g.watch_id() && h.created == g.created() && h.canceled == g.canceled() &&
         h.compact_revision == g.compact_revision() && h.cancel_reason == g.cancel_reason() &&
         h.fragment == g.fragment() && same_list(h.events, g.events());
}

bool same(const WatchCreateRequest& h, const etcdserverpb::WatchCreateRequest& g) {
  if (h.filters.size() != static_cast<size_t>(g.filters_size())) return false;
  for (size_t i = 0; i < h.filters.size(); ++i) {
    if (!same_enum(h.filters[i], g.filters(static_cast<int>(i)))) return false;
  }
  return h.key == g.key() && h.range_end == g.range_end() && h.start_revision == g.start_revision() &&
         h.progress_notify == g.progress_notify() && h.prev_kv == g.prev_kv() && h.watch_id == g.watch_id() &&
         h.fragment == g.fragment();
}

bool same(const WatchRequest& h, const etcdserverpb::WatchRequest& g) {
  if (h.request.index() != static_cast<size_t>(g.request_union_case())) return false;
  if (const auto* create = std::get_if<WatchCreateRequest>(&h.request)) return same(*create, g.create_request());
  if (const auto* cancel = std::get_if<WatchCancelRequest>(&h.request)) {
    return cancel->watch_id == g.cancel_request().watch_id();
  }
  return true;
}

namespace {

TEST(WatchCodec, AgreesWithProtobufOnRequests) { expect_agreement<WatchRequest, etcdserverpb::WatchRequest>(30); }
TEST(WatchCodec, AgreesWithProtobufOnResponses) { expect_agreement<WatchResponse, etcdserverpb::WatchResponse>(31); }

TEST(WatchCodec, FiltersAreReadPackedAndOneByOne) {
  // create{filters: packed [1, 0]}, then create{filters: 1}: both belong to one create.
  const std::string bytes("\x0a\x04\x2a\x02\x01\x00\x0a\x02\x28\x01", 10);
  WatchRequest request;
  ASSERT_TRUE(decode(bytes, request));
  EXPECT_EQ(std::get<WatchCreateRequest>(request.request).filters,
            (std::vector{WatchFilter::kNoDelete, WatchFilter::kNoPut, WatchFilter::kNoDelete}));
}

TEST(WatchCodec, AResponseIsItsOtherFieldsFollowedByEventsEncodedAlone) {
  Event put;
  put.kv.key = "k";
  put.kv.mod_revision = 7;
  put.kv.value = std::string_view("\0v", 2);
  put.prev_kv.emplace().key = "k";
  Event tombstone;
  tombstone.type = EventType::kDelete;
  tombstone.kv.key = "l";
  tombstone.kv.mod_revision = 8;
  WatchResponse response;
  response.header = ResponseHeader{.revision = 8};
  response.watch_id = 3;
  response.fragment = true;
  std::string bytes = encode(response);
  append_watch_event(put, bytes);
  append_watch_event(tombstone, bytes);
  response.events = {put, tombstone};
  EXPECT_EQ(bytes, encode(response));
  EXPECT_EQ(size_of(put), encode(put).size());
}

TEST(WatchCodec, AnEventWithoutAnythingSetStillCarriesItsKeyValue) {
  EXPECT_EQ(encode(Event{}), std::string("\x12\x00", 2));
}

}  // namespace
}  // namespace quorate::pb
