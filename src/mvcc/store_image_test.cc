// An image beside the store that it was taken of: equal in everything that anybody can ask, and ever after.
#include "mvcc/store_image.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "mvcc/store_program.h"

namespace quorate::mvcc {
namespace {

// A store, its leases' book, and what can be seen of both.
struct Side {
  std::set<LeaseId> leases{7, 8, 9};
  Ledger ledger{leases};
  Store store;

  std::string events() const {
    std::string out;
    store.events(std::max<Revision>(store.compacted(), 1), store.revision() + 1,
                 KeyRange{"\0", std::string_view("\0", 1)}, true, static_cast<size_t>(-1),
                 [&out](const pb::Event& event) { pb::append(event, out); });
    return out;
  }
  std::string hash(Revision revision) const {
    auto hasher = KeyHasher::open(store, revision);
    if (!hasher) return hasher.error().text();
    while (!(*hasher)->step(100)) {}
    const KeyHash hash = (*hasher)->result();
    return std::to_string(hash.hash) + " " + std::to_string(hash.compact_revision) + " " +
           std::to_string(hash.revision);
  }
  std::string contents(Revision revision) const {
    const std::string_view all("\0", 1);
    return told(store.range({.key = all, .range_end = all, .revision = revision}));
  }
  void settle() {
    while (store.step_compaction(1000) == Progress::kMore) {}
  }
};

void expect_equal(Side& a, Side& b) {
  ASSERT_EQ(a.store.revision(), b.store.revision());
  ASSERT_EQ(a.store.compacted(), b.store.compacted());
  EXPECT_EQ(a.store.keys(), b.store.keys());
  EXPECT_EQ(a.store.bytes(), b.store.bytes());
  EXPECT_EQ(a.store.bolt_bytes(), b.store.bolt_bytes());
  EXPECT_EQ(a.events(), b.events());
  for (Revision revision = 0; revision <= a.store.revision() + 1; ++revision) {
    ASSERT_EQ(a.hash(revision), b.hash(revision)) << "revision " << revision;
    ASSERT_EQ(a.contents(revision), b.contents(revision)) << "revision " << revision;
  }
  for (const LeaseId lease : {7, 8, 9}) EXPECT_EQ(a.ledger.keys(lease), b.ledger.keys(lease));
}

// A change of a store, that can be made to several.
using Change = std::function<std::string(Side&)>;

class Program {
 public:
  explicit Program(uint64_t seed) : draw_(seed, seed % 2 == 1) {}

  Change change(Revision current) {
    const uint64_t kind = draw_.below(100);
    if (kind < 40) return [r = draw_.put()](Side& s) { return told(s.store.put(r, s.ledger)); };
    if (kind < 60) return [r = draw_.remove()](Side& s) { return told(s.store.delete_range(r, s.ledger)); };
    if (kind < 90) {
      auto request = std::make_shared<pb::TxnRequest>(draw_.txn(current, 2));
      return [request](Side& s) { return told(s.store.txn(*request, s.ledger)); };
    }
    return [at = draw_.near(current)](Side& s) { return s.store.compact(at).text(); };
  }
  uint64_t below(uint64_t bound) { return draw_.below(bound); }

 private:
  Draw draw_;
};

bool load(std::string_view facts, const std::vector<std::string>& items, Side& out) {
  uint64_t bytes = facts.size();
  for (const std::string& part : items) bytes += part.size();
  StoreLoader loader(out.store, out.ledger, bytes);
  FixedReader in(facts);
  if (!loader.take_facts(in) || !in.at_end()) return false;
  for (const std::string& part : items) {
    if (!loader.take_items(part)) return false;
  }
  return loader.finish();
}

TEST(StoreImage, IsTheStoreAsItWasWhenTheWalkBegan) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Program program(seed);
    auto walked = std::make_unique<Side>();
    Side twin;
    for (int round = 0; round < 4; ++round) {
      for (uint64_t n = program.below(60); n > 0; --n) {
        const Change change = program.change(twin.store.revision());
        ASSERT_EQ(change(*walked), change(twin));
        walked->settle();
        twin.settle();
      }
      std::string facts;
      std::vector<std::string> items;
      std::vector<Change> meanwhile;
      {
        StoreWalk walk(walked->store);
        walk.append_facts(facts);
        for (bool done = false; !done;) {
          size_t budget = 1 + program.below(8);
          done = walk.step(budget, 1 + program.below(200), items.emplace_back());
          if (meanwhile.size() == 100) continue;
          meanwhile.push_back(program.change(walked->store.revision()));
          meanwhile.back()(*walked);
          walked->store.step_compaction(program.below(100));
        }
      }
      auto loaded = std::make_unique<Side>();
      ASSERT_TRUE(load(facts, items, *loaded));
      expect_equal(*loaded, twin);
      for (const Change& change : meanwhile) {
        ASSERT_EQ(change(*loaded), change(twin));
        loaded->settle();
        twin.settle();
      }
      expect_equal(*loaded, twin);
      if (HasFailure()) return;
      walked = std::move(loaded);
    }
  }
}

TEST(StoreImage, OfAnEmptyStoreIsAnEmptyStore) {
  Side empty, loaded;
  std::string facts, items;
  StoreWalk walk(empty.store);
  walk.append_facts(facts);
  size_t budget = 1;
  EXPECT_TRUE(walk.step(budget, 100, items));
  EXPECT_EQ(items, "");
  ASSERT_TRUE(load(facts, {items}, loaded));
  expect_equal(empty, loaded);
}

TEST(StoreImage, LetsACompactionBeAskedForAndFreesNothingUntilItIsDone) {
  Side side;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(side.store.put({.key = "k", .value = "v"}, side.ledger));
  const uint64_t bytes = side.store.bytes();
  std::string out;
  StoreWalk walk(side.store);
  size_t budget = 3;
  EXPECT_FALSE(walk.step(budget, 1000, out));
  EXPECT_TRUE(side.store.compact(11).ok());
  EXPECT_EQ(side.store.step_compaction(1000), Progress::kWaiting);
  EXPECT_EQ(side.store.bytes(), bytes);
  budget = 1000;
  EXPECT_TRUE(walk.step(budget, 1'000'000, out));
  EXPECT_EQ(walk.records(), 10u);
  EXPECT_EQ(side.store.step_compaction(1000), Progress::kDone);
  EXPECT_LT(side.store.bytes(), bytes);
}

TEST(StoreImage, GoesOnInAKeyThatChangesFasterThanItIsWalked) {
  Side side;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(side.store.put({.key = "k", .value = "v"}, side.ledger));
  std::string out;
  StoreWalk walk(side.store);
  int steps = 0;
  for (bool done = false; !done && steps < 1000; ++steps) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(side.store.put({.key = "k", .value = "w"}, side.ledger));
    size_t budget = 2;
    done = walk.step(budget, 1'000'000, out);
  }
  EXPECT_LT(steps, 20);
  EXPECT_EQ(walk.records(), 5u);
}

TEST(StoreImage, RefusesWhatNoWalkCanHaveMade) {
  Side side;
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(side.store.put({.key = key, .value = "v"}, side.ledger));
  ASSERT_TRUE(side.store.put({.key = "b", .value = "w"}, side.ledger));
  std::string facts, items;
  StoreWalk walk(side.store);
  walk.append_facts(facts);
  size_t budget = 100;
  ASSERT_TRUE(walk.step(budget, 1'000'000, items));
  {
    Side whole;
    ASSERT_TRUE(load(facts, {items}, whole));
  }
  // Any cut, and any byte with another value: refused, or a store all the same (a value's byte may be any).
  for (size_t cut = 0; cut < items.size(); ++cut) {
    Side loaded;
    EXPECT_FALSE(load(facts, {items.substr(0, cut)}, loaded)) << cut;
  }
  for (const bool in_facts : {true, false}) {
    for (size_t at = 0; at < (in_facts ? facts : items).size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string f = facts, i = items;
        char& byte = in_facts ? f[at] : i[at];
        byte = static_cast<char>(byte ^ (1 << bit));
        Side loaded;
        if (!load(f, {i}, loaded)) continue;
        EXPECT_LE(loaded.store.keys(), 3u);
        loaded.contents(0);
        loaded.hash(0);
      }
    }
  }
}

}  // namespace
}  // namespace quorate::mvcc
