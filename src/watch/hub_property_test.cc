// The hub against a twin that filters the whole log.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/limits.h"
#include "base/prng.h"
#include "mvcc/long_write.h"
#include "watch/inbox.h"

namespace quorate::watch {
namespace {

constexpr size_t kFragmentBytes = 300;

// An event as the twin remembers it: whole, with the value before.
struct Logged {
  Revision revision;
  std::string key;
  std::string text;  // without the value before
  bool put;
  std::optional<std::string> before;  // none for a creation
};

// What the test knows of one watcher: what was asked, and how far it was told.
struct Asked {
  std::string key, end;
  Revision start = 0;  // the first revision that it is owed
  bool prev_kv = false, fragment = false, progress = false, no_put = false, no_delete = false;
  size_t stream = 0;
  bool may_lag = false;

  Revision told = 0;  // all up to here was delivered
  bool in_fragments = false;
  bool ended = false;
};

// How often each thing of interest came up: a test that never sees one proves nothing of it.
struct Tally {
  size_t events = 0, before = 0, before_gone = 0, fragments = 0, progress = 0, all_progress = 0, ended = 0, slow = 0;
};

class World {
 public:
  World(uint64_t seed, Tally& tally)
      : random_(seed),
        tally_(tally),
        hub_(store_, [] { return Term{1}; },
             {.cluster = 1, .member = 2, .fragment_bytes = kFragmentBytes, .progress_interval = 10s}) {
    for (size_t i = 0; i < 3; ++i) {
      inboxes_.push_back(std::make_unique<Inbox>());
      inboxes_.back()->holds = i != 0;
      inboxes_.back()->weight = limits::kWatchStreamBytesHigh / 1000;  // a few answers fill it
      streams_.push_back(hub_.open(*inboxes_.back()));
      asked_.emplace_back();
    }
  }

  void run(int turns) {
    for (int turn = 0; turn < turns; ++turn) {
      act();
      read();
      if (testing::Test::HasFailure()) return;
      tally_.slow += hub_.counters().slow_watchers != 0;
    }
    settle();
  }

 private:
  std::string some_key() { return std::string(1, static_cast<char>('a' + random_.below(6))); }

  void act() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: return put();
      case 5: return remove();
      case 6:
      case 7: return txn();
      case 8: return compact();
      case 9:
      case 10: return create();
      case 11: return cancel();
      case 12:
      case 13: (void)hub_.step(random_.between(1, 20)); return;
      case 14: return drain(1 + random_.below(2));
      default: return ask_progress();
    }
  }

  std::string some_value() { return std::to_string(random_.below(1000)) + std::string(random_.below(80), '.'); }

  void put() {
    CHECK(store_.put({.key = some_key(), .value = some_value()}, leases_).has_value());
    moved();
  }
  void remove() {
    const std::string key = some_key();
    const std::string end = random_.chance(1, 2) ? std::string() : some_key();
    if (random_.chance(1, 2)) {  // in steps: told of by another way
      mvcc::Deletion deletion(store_, {.key = key, .range_end = end}, leases_);
      while (!deletion.step(random_.below(3))) hub_.advance();
      deletion.finish();
    } else {
      CHECK(store_.delete_range({.key = key, .range_end = end}, leases_).has_value());
    }
    moved();
  }
  void txn() {
    std::deque<std::string> texts;
    pb::TxnRequest request;
    for (char key = 'a'; key < 'g'; ++key) {
      if (!random_.chance(1, 2)) continue;
      const std::string& name = texts.emplace_back(1, key);
      request.success.emplace_back();
      if (random_.chance(1, 4)) {
        request.success.back().request = pb::DeleteRangeRequest{.key = name};
      } else {
        request.success.back().request = pb::PutRequest{.key = name, .value = texts.emplace_back(some_value())};
      }
    }
    CHECK(store_.txn(request, leases_).has_value());
    moved();
  }
  void compact() {
    const Revision low = std::max<Revision>(store_.compacted() + 1, 1);
    if (low > store_.revision()) return;
    CHECK(store_.compact(random_.between(low, store_.revision())).ok());
    hub_.advance();
  }

  // The store has moved on: the twin's log, from the store's own, one revision at a time.
  void moved() {
    if (store_.revision() == logged_) return;
    ++logged_;
    ASSERT_EQ(store_.revision(), logged_);
    using namespace std::string_view_literals;
    store_.events(logged_, logged_ + 1, {"\0"sv, "\0"sv}, false, 1, [&](const pb::Event& event) {
      Logged entry{.revision = logged_,
                   .key = std::string(event.kv.key),
                   .text = Inbox::text(event),
                   .put = event.type == pb::EventType::kPut,
                   .before = {}};
      const auto old = values_.find(entry.key);
      if (old != values_.end()) entry.before = old->second;
      if (entry.put) {
        values_[entry.key] = std::string(event.kv.value);
      } else {
        values_.erase(entry.key);
      }
      log_.push_back(std::move(entry));
    });
    hub_.advance();
  }

  void create() {
    const size_t stream = random_.below(streams_.size());
    Asked ask;
    ask.stream = stream;
    ask.key = some_key();
    const uint64_t shape = random_.below(4);
    if (shape == 1) ask.end = std::string(1, static_cast<char>(ask.key[0] + 1 + static_cast<char>(random_.below(4))));
    if (shape == 2) ask.end = std::string(1, '\0');
    pb::WatchCreateRequest request;
    // A client that goes on where another had come to, or any other point.
    if (random_.chance(2, 3)) {
      request.start_revision = static_cast<Revision>(random_.between(1, static_cast<uint64_t>(store_.revision()) + 5));
    }
    ask.start = request.start_revision == 0 ? store_.revision() + 1 : request.start_revision;
    ask.told = ask.start - 1;
    ask.may_lag = inboxes_[stream]->holds || ask.start <= store_.revision();
    ask.prev_kv = request.prev_kv = random_.chance(1, 2);
    ask.fragment = request.fragment = random_.chance(1, 2);
    ask.progress = request.progress_notify = random_.chance(1, 2);
    ask.no_put = random_.chance(1, 6);
    ask.no_delete = random_.chance(1, 6);
    if (ask.no_put) request.filters.push_back(pb::WatchFilter::kNoPut);
    if (ask.no_delete) request.filters.push_back(pb::WatchFilter::kNoDelete);
    request.key = ask.key;
    request.range_end = ask.end;
    read();
    hub_.handle(streams_[stream], {.request = request});
    ASSERT_EQ(inboxes_[stream]->answers.size(), 1);
    const pb::WatchResponse& created = inboxes_[stream]->answers[0].response;
    ASSERT_TRUE(created.created && !created.canceled);
    ASSERT_EQ(created.header->revision, store_.revision());
    ASSERT_TRUE(asked_[stream].emplace(created.watch_id, ask).second);
    inboxes_[stream]->answers.clear();
  }

  void cancel() {
    const size_t stream = random_.below(streams_.size());
    if (asked_[stream].size() < 3) return;
    read();
    auto it = asked_[stream].begin();
    std::advance(it, random_.below(asked_[stream].size()));
    ASSERT_FALSE(it->second.in_fragments);
    hub_.handle(streams_[stream], {.request = pb::WatchCancelRequest{it->first}});
    ASSERT_EQ(inboxes_[stream]->take(),
              Strings({std::to_string(it->first) + "@" + std::to_string(store_.revision()) + " canceled"}));
    asked_[stream].erase(it);
  }

  void drain(size_t stream) {
    Inbox& inbox = *inboxes_[stream];
    inbox.unsent = random_.chance(1, 2) ? 0 : random_.below(inbox.unsent + 1);
    hub_.drained(streams_[stream], inbox.unsent);
  }

  void ask_progress() {
    now_ += Duration(random_.below(8'000'000'000));
    hub_.tick(now_);
    const size_t stream = random_.below(streams_.size());
    hub_.handle(streams_[stream], {.request = pb::WatchProgressRequest{}});
  }

  static bool wants(const Asked& ask, const Logged& entry) {
    return entry.revision >= ask.start && mvcc::KeyRange{ask.key, ask.end}.contains(entry.key) &&
           (entry.put ? !ask.no_put : !ask.no_delete);
  }

  // What the watcher is owed of revisions in (from, to].
  std::vector<const Logged*> owed(const Asked& ask, Revision from, Revision to) const {
    std::vector<const Logged*> out;
    auto it = std::lower_bound(log_.begin(), log_.end(), from + 1,
                               [](const Logged& entry, Revision revision) { return entry.revision < revision; });
    for (; it != log_.end() && it->revision <= to; ++it) {
      if (wants(ask, *it)) out.push_back(&*it);
    }
    return out;
  }

  void read() {
    for (size_t stream = 0; stream < streams_.size(); ++stream) {
      Inbox& inbox = *inboxes_[stream];
      for (const Inbox::Answer& answer : inbox.answers) {
        check(stream, answer);
        if (testing::Test::HasFailure()) return;
      }
      inbox.answers.clear();
    }
  }

  void check(size_t stream, const Inbox::Answer& answer) {
    const pb::WatchResponse& response = answer.response;
    if (response.watch_id == -1) {
      // Progress of them all.
      ++tally_.all_progress;
      for (auto& [id, ask] : asked_[stream]) check_progress(ask, response.header->revision);
      return;
    }
    ASSERT_TRUE(asked_[stream].contains(response.watch_id));
    Asked& ask = asked_[stream][response.watch_id];
    ASSERT_FALSE(ask.ended);
    if (response.canceled) {
      ASSERT_EQ(response.header->revision, 0);
      ASSERT_EQ(response.compact_revision, store_.compacted());
      ASSERT_LT(ask.told + 1, response.compact_revision);
      ASSERT_TRUE(ask.may_lag) << "a compaction dropped events of a synced watcher";
      ask.ended = true;
      ++tally_.ended;
      return;
    }
    if (response.events.empty()) {
      ASSERT_TRUE(ask.progress);
      ++tally_.progress;
      return check_progress(ask, response.header->revision);
    }
    check_events(ask, answer);
  }

  void check_progress(Asked& ask, Revision revision) {
    ASSERT_FALSE(ask.ended || ask.in_fragments);
    ASSERT_LE(revision, store_.revision());
    ASSERT_TRUE(owed(ask, ask.told, revision).empty()) << "progress ahead of events";
    ask.told = std::max(ask.told, revision);
  }

  void check_events(Asked& ask, const Inbox::Answer& answer) {
    const pb::WatchResponse& response = answer.response;
    if (!ask.in_fragments) joined_.clear();
    for (const pb::Event& event : response.events) joined_.push_back(copy(event));
    if (response.fragment || ask.in_fragments) {
      ASSERT_TRUE(ask.fragment);
      ASSERT_TRUE(answer.bytes->size() < kFragmentBytes || response.events.size() == 1);
    }
    ask.in_fragments = response.fragment;
    tally_.fragments += response.fragment;
    if (response.fragment) return;
    const Revision last = response.events.back().kv.mod_revision;
    ASSERT_GE(response.header->revision, last);
    const std::vector<const Logged*> expected = owed(ask, ask.told, last);
    ASSERT_EQ(joined_.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      std::string text = expected[i]->text;
      ASSERT_EQ(joined_[i].first, text);
      const std::optional<std::string>& before = joined_[i].second;
      if (before) {
        ASSERT_TRUE(ask.prev_kv);
        ASSERT_EQ(before, expected[i]->before);
        ++tally_.before;
      } else if (ask.prev_kv && expected[i]->before) {
        ASSERT_LE(expected[i]->revision, store_.compacted()) << "left out though it was not compacted";
        ++tally_.before_gone;
      }
    }
    ask.told = last;
    tally_.events += expected.size();
  }

  static std::pair<std::string, std::optional<std::string>> copy(const pb::Event& event) {
    std::optional<std::string> before;
    if (event.prev_kv) before = std::string(event.prev_kv->value);
    return {Inbox::text({.type = event.type, .kv = event.kv, .prev_kv = {}}), before};
  }

  // In the end everyone reads everything, and has been told all or has been ended.
  void settle() {
    for (int round = 0; round < 10'000; ++round) {
      for (size_t stream = 0; stream < streams_.size(); ++stream) {
        inboxes_[stream]->unsent = 0;
        hub_.drained(streams_[stream], 0);
      }
      const bool more = hub_.step(1000);
      read();
      if (testing::Test::HasFailure()) return;
      if (!more && hub_.counters().slow_watchers == 0) break;
    }
    ASSERT_EQ(hub_.counters().slow_watchers, 0);
    for (const auto& of_stream : asked_) {
      for (const auto& [id, ask] : of_stream) {
        ASSERT_FALSE(ask.in_fragments);
        ASSERT_TRUE(ask.ended || owed(ask, ask.told, store_.revision()).empty()) << "events were lost";
      }
    }
  }

  Prng random_;
  Tally& tally_;
  mvcc::Store store_;
  NoLeases leases_;
  Hub hub_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::vector<StreamId> streams_;
  std::vector<std::map<int64_t, Asked>> asked_;  // by stream and id
  std::deque<Logged> log_;
  std::map<std::string, std::string> values_;
  std::vector<std::pair<std::string, std::optional<std::string>>> joined_;  // of the answer at hand
  Revision logged_ = 1;
  MonoTime now_ = MonoTime{} + 1h;
};

TEST(HubProperty, EveryWatcherIsToldExactlyWhatFilteringTheWholeLogGives) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(seed, tally).run(400);
    if (HasFailure()) return;
  }
  EXPECT_GT(tally.events, 10'000);
  EXPECT_GT(tally.before, 1000);
  EXPECT_GT(tally.before_gone, 100);
  EXPECT_GT(tally.fragments, 1000);
  EXPECT_GT(tally.progress, 1000);
  EXPECT_GT(tally.all_progress, 1000);
  EXPECT_GT(tally.ended, 1000);
  EXPECT_GT(tally.slow, 10'000);
}

}  // namespace
}  // namespace quorate::watch
