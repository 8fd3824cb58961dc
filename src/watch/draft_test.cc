// EventBatch and Draft: how events become the bytes of answers.
#include "watch/draft.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "pb/codec.h"
#include "watch/event_batch.h"

namespace quorate::watch {
namespace {

pb::Event put_of(std::string_view key, std::string_view value) {
  return {.kv = {.key = key, .create_revision = 4, .mod_revision = 5, .version = 2, .value = value}};
}

std::string joined(const std::vector<Bytes>& pieces) {
  std::string out;
  for (const Bytes& piece : pieces) out += piece.view();
  return out;
}

std::string bytes_of(const EventBatch& batch, size_t event, bool prev_kv) {
  const EventBatch::Part& part = batch.part(event, prev_kv);
  return std::string(batch.chunk(part.chunk).view().substr(part.offset, part.size));
}

std::string encoded(const pb::Event& event) {
  std::string out;
  pb::append_watch_event(event, out);
  return out;
}

std::string encoded_head() {
  pb::WatchResponse response;
  response.header = pb::ResponseHeader{.cluster_id = 1, .revision = 5};
  return pb::encode(response);
}

Watcher watcher_of(int64_t id) {
  Watcher watcher;
  watcher.id = id;
  pb::WatchResponse response;
  response.watch_id = id;
  watcher.encoded_id = pb::encode(response);
  return watcher;
}

std::vector<uint32_t> all_of(const EventBatch& batch) {
  std::vector<uint32_t> out(batch.size());
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

TEST(EventBatch, EncodesOnlyWhatIsWantedAndInTheFormWanted) {
  EventBatch batch;
  pb::Event updated = put_of("a", "2");
  updated.prev_kv = put_of("a", "1").kv;
  batch.add(updated);
  batch.add(put_of("b", "3"));
  batch.want(0, true);
  batch.encode();
  EXPECT_EQ(batch.events_encoded(), 1);
  EXPECT_EQ(bytes_of(batch, 0, true), encoded(updated));
  EXPECT_EQ(batch.part(0, false).size, 0);
  EXPECT_EQ(batch.part(1, true).size, 0);
}

TEST(EventBatch, EncodesBothFormsWhereBothAreWanted) {
  EventBatch batch;
  pb::Event updated = put_of("a", "2");
  updated.prev_kv = put_of("a", "1").kv;
  batch.add(updated);
  batch.want(0, true);
  batch.want(0, false);
  batch.encode();
  EXPECT_EQ(bytes_of(batch, 0, true), encoded(updated));
  EXPECT_EQ(bytes_of(batch, 0, false), encoded(put_of("a", "2")));
}

TEST(EventBatch, WithoutAnyPreviousValueBothFormsAreOneEncoding) {
  EventBatch batch;
  batch.add(put_of("a", "2"));
  batch.want(0, true);
  batch.want(0, false);
  batch.encode();
  EXPECT_EQ(batch.events_encoded(), 1);
  EXPECT_EQ(bytes_of(batch, 0, true), bytes_of(batch, 0, false));
}

TEST(EventBatch, ALargeEventHasAChunkOfItsOwn) {
  EventBatch batch;
  const std::string large(EventBatch::kChunkBytes, 'x');
  batch.add(put_of("a", "1"));
  batch.add(put_of("b", large));
  batch.add(put_of("c", "1"));
  for (size_t event : {0, 1, 2}) batch.want(event, false);
  batch.encode();
  EXPECT_EQ(std::set<uint32_t>({batch.part(0, false).chunk, batch.part(1, false).chunk, batch.part(2, false).chunk}),
            std::set<uint32_t>({0, 1, 2}));
  EXPECT_EQ(bytes_of(batch, 1, false), encoded(put_of("b", large)));
}

TEST(EventBatch, SmallEventsShareChunksOfABoundedSize) {
  EventBatch batch;
  const std::string value(1000, 'x');
  for (int i = 0; i < 200; ++i) batch.add(put_of("a", value));
  for (size_t i = 0; i < 200; ++i) batch.want(i, false);
  batch.encode();
  const uint32_t chunks = batch.part(199, false).chunk + 1;
  EXPECT_LE(chunks, 200 * 1100 / EventBatch::kChunkBytes + 1);
  for (uint32_t chunk = 0; chunk < chunks; ++chunk) EXPECT_LT(batch.chunk(chunk).size(), 2 * EventBatch::kChunkBytes);
}

TEST(EventBatch, IsAsNewOnceCleared) {
  EventBatch batch;
  for (int i = 0; i < 10'000; ++i) batch.add(put_of("a", "1"));
  batch.clear();
  EXPECT_TRUE(batch.empty());
  batch.add(put_of("b", "2"));
  batch.want(0, true);
  batch.encode();
  EXPECT_EQ(bytes_of(batch, 0, false), encoded(put_of("b", "2")));
}

TEST(Draft, AnAnswerIsTheEncodingOfTheWholeResponse) {
  EventBatch batch;
  pb::Event updated = put_of("a", std::string_view("2"));
  updated.prev_kv = put_of("a", "1").kv;
  const std::string large(100'000, 'x');
  batch.add(updated);
  batch.add(put_of("b", large));
  batch.add(put_of("c", "3"));
  for (size_t event : {0, 1, 2}) batch.want(event, true);
  batch.encode();
  Watcher watcher = watcher_of(300);
  watcher.prev_kv = true;
  Draft draft(1 << 20);
  EXPECT_EQ(draft.add(watcher, encoded_head(), batch, all_of(batch)), 1);
  draft.seal();

  pb::WatchResponse response;
  response.header = pb::ResponseHeader{.cluster_id = 1, .revision = 5};
  response.watch_id = 300;
  response.events = {updated, put_of("b", large), put_of("c", "3")};
  EXPECT_EQ(joined(draft.take(0)), pb::encode(response));
}

TEST(Draft, EventsAreEncodedOnceForAllWatchersAndEachAddsFewBytes) {
  constexpr size_t kWatchers = 1000;
  EventBatch batch;
  const std::string value(10'000, 'x');
  batch.add(put_of("a", value));
  batch.want(0, false);
  batch.encode();
  const std::vector<uint32_t> events = all_of(batch);
  Draft draft(1 << 20);
  for (size_t i = 0; i < kWatchers; ++i) draft.add(watcher_of(static_cast<int64_t>(i)), encoded_head(), batch, events);
  EXPECT_LE(draft.block_bytes(), kWatchers * 16);
  draft.seal();
  std::set<const char*> shared;
  for (size_t i = 0; i < kWatchers; ++i) {
    const std::vector<Bytes> pieces = draft.take(i);
    ASSERT_EQ(pieces.size(), 2);
    shared.insert(pieces[1].data());
  }
  EXPECT_EQ(shared.size(), 1);
  EXPECT_EQ(batch.events_encoded(), 1);
  EXPECT_EQ(batch.bytes_encoded(), encoded(put_of("a", value)).size());
}

TEST(Draft, AShortPartOfALargeChunkIsCopiedSoThatItDoesNotHoldTheChunk) {
  EventBatch batch;
  const std::string value(3000, 'x');
  for (int i = 0; i < 10; ++i) batch.add(put_of("a", value));
  for (size_t i = 0; i < 10; ++i) batch.want(i, false);
  batch.encode();
  ASSERT_EQ(batch.part(0, false).chunk, batch.part(9, false).chunk);
  const std::vector<uint32_t> one{3}, most{0, 1, 2, 3, 4, 5};
  Draft draft(1 << 20);
  draft.add(watcher_of(1), encoded_head(), batch, one);
  draft.add(watcher_of(2), encoded_head(), batch, most);
  draft.seal();
  EXPECT_EQ(draft.take(0).size(), 1);
  const std::vector<Bytes> pieces = draft.take(1);
  ASSERT_EQ(pieces.size(), 2);
  EXPECT_EQ(pieces[1].data(), batch.chunk(0).data());
}

TEST(Draft, FragmentsCarryAllEventsOnceAndAllButTheLastAMark) {
  EventBatch batch;
  for (int i = 0; i < 20; ++i) batch.add(put_of("a", "0123456789"));
  for (size_t i = 0; i < 20; ++i) batch.want(i, false);
  batch.encode();
  Watcher watcher = watcher_of(1);
  watcher.fragment = true;
  Draft draft(100);
  const size_t answers = draft.add(watcher, encoded_head(), batch, all_of(batch));
  draft.seal();
  size_t events = 0;
  for (size_t i = 0; i < answers; ++i) {
    const std::string bytes = joined(draft.take(i));
    pb::WatchResponse response;
    ASSERT_TRUE(pb::decode(bytes, response));
    EXPECT_LT(bytes.size(), 100);
    EXPECT_EQ(response.fragment, i + 1 < answers);
    EXPECT_EQ(response.watch_id, 1);
    events += response.events.size();
  }
  EXPECT_EQ(events, 20);
}

TEST(Draft, AnAnswerExactlyBelowTheBoundIsWhole) {
  EventBatch batch;
  for (int i = 0; i < 2; ++i) batch.add(put_of("a", "0123456789"));
  for (size_t i = 0; i < 2; ++i) batch.want(i, false);
  batch.encode();
  Watcher watcher = watcher_of(1);
  watcher.fragment = true;
  const size_t whole = encoded_head().size() + watcher.encoded_id.size() + batch.chunk(0).size();
  Draft above(whole + 1), at(whole);
  EXPECT_EQ(above.add(watcher, encoded_head(), batch, all_of(batch)), 1);
  EXPECT_EQ(at.add(watcher, encoded_head(), batch, all_of(batch)), 2);
}

}  // namespace
}  // namespace quorate::watch
