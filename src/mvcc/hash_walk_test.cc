#include "mvcc/hash_walk.h"

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "base/prng.h"
#include "mvcc/cursors.h"
#include "mvcc/store.h"

namespace quorate::mvcc {
namespace {

class AnyLease final : public LeaseBook {
 public:
  bool exists(LeaseId) const override { return true; }
  void move_key(std::string_view, LeaseId, LeaseId) override {}
};

std::string told(const Result<KeyHash>& hash) {
  if (!hash) return "! " + hash.error().text();
  return "= " + std::to_string(hash->hash) + " " + std::to_string(hash->compact_revision) + " " +
         std::to_string(hash->revision);
}

class HashKv : public testing::Test {
 protected:
  Result<KeyHash> hash(Revision revision, size_t budget = 3) {
    auto hasher = KeyHasher::open(store, revision);
    if (!hasher) return fail(hasher.error());
    while (!(*hasher)->step(budget)) continue;
    return (*hasher)->result();
  }
  void put(std::string_view key, std::string_view value) {
    ASSERT_TRUE(store.put({.key = key, .value = value}, leases).has_value());
  }
  void remove(std::string_view key, std::string_view end = {}) {
    ASSERT_TRUE(store.delete_range({.key = key, .range_end = end}, leases).has_value());
  }
  void finish_compaction(size_t budget = 2) {
    while (store.step_compaction(budget) != Progress::kDone) continue;
  }

  AnyLease leases;
  Store store;
};

// What a real etcd 3.7.1 answered; test/compat/record_hashkv.py says how a line reads.
class Transcript : public HashKv {
 protected:
  void replay(const std::string& name) {
    std::ifstream file(std::string(QUORATE_TRANSCRIPTS) + "/" + name);
    ASSERT_TRUE(file.is_open()) << name;
    int number = 0, hashes = 0;
    for (std::string line; std::getline(file, line);) {
      SCOPED_TRACE(name + ":" + std::to_string(++number));
      std::istringstream words(line);
      std::string verb;
      words >> verb;
      if (verb == "hash") {
        Revision revision = 0;
        std::string expected;
        words >> revision >> std::ws;
        std::getline(words, expected);
        EXPECT_EQ(told(hash(revision)), expected);
        ++hashes;
      } else if (verb == "compact") {
        Revision revision = 0;
        words >> revision;
        compact(revision);
      } else if (verb == "txn") {
        txn(words);
      } else if (verb != "grant") {
        single(verb, words);
      }
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(hashes, 100);
  }

 private:
  // The hash of the current revision is the same all the while.
  void compact(Revision revision) {
    ASSERT_TRUE(store.compact(revision).ok());
    const bool noted_later = revision == store.revision();
    const std::string before = told(hash(store.revision()));
    while (store.step_compaction(5) != Progress::kDone) {
      if (!noted_later) {
        EXPECT_EQ(told(hash(store.revision())), before);
      }
    }
  }

  static std::string bytes(const std::string& hex) {
    std::string out;
    for (size_t i = 0; hex != "-" && i + 1 < hex.size(); i += 2) {
      unsigned byte = 0;
      std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
      out.push_back(static_cast<char>(byte));
    }
    return out;
  }

  pb::RequestOp operation(const std::string& verb, std::istream& words) {
    pb::RequestOp out;
    std::string first, second;
    words >> first >> second;
    const std::string_view key = texts_.emplace_back(bytes(first));
    const std::string_view other = texts_.emplace_back(bytes(second));
    if (verb == "put") {
      pb::PutRequest request{.key = key, .value = other};
      words >> request.lease;
      out.request = request;
    } else {
      EXPECT_EQ(verb, "delete");
      out.request = pb::DeleteRangeRequest{.key = key, .range_end = other};
    }
    return out;
  }

  void txn(std::istream& words) {
    pb::TxnRequest request;
    for (std::string part; std::getline(words, part, ';');) {
      std::istringstream operation_words(part);
      std::string verb;
      operation_words >> verb;
      request.success.push_back(operation(verb, operation_words));
    }
    ASSERT_TRUE(store.txn(request, leases).has_value());
  }

  void single(const std::string& verb, std::istream& words) {
    const pb::RequestOp op = operation(verb, words);
    if (const auto* put_request = std::get_if<pb::PutRequest>(&op.request)) {
      ASSERT_TRUE(store.put(*put_request, leases).has_value());
    } else {
      ASSERT_TRUE(store.delete_range(std::get<pb::DeleteRangeRequest>(op.request), leases).has_value());
    }
  }

  std::deque<std::string> texts_;
};

TEST_F(Transcript, TheFirstRecordedRunGivesEtcdsHashes) { replay("hashkv_1.txt"); }
TEST_F(Transcript, TheSecondRecordedRunGivesEtcdsHashes) { replay("hashkv_2.txt"); }

// Numbers of the peer protocol's page, section 3.6.
TEST_F(HashKv, TheReferenceNumbersOfTheProtocolPage) {
  put("a", "1");
  put("b", "2");
  remove("a");
  put("a", "3");
  put("c", "1");
  remove("c");
  put("d", "1");
  EXPECT_EQ(hash(4)->hash, 1562576432u);
  ASSERT_TRUE(store.compact(4).ok());
  finish_compaction();
  put("b", "9");
  put("e", "1");
  EXPECT_EQ(hash(4)->hash, 1562576432u);
  ASSERT_TRUE(store.compact(7).ok());
  finish_compaction();
  EXPECT_EQ(told(hash(7)), "= 436549333 4 7");
  EXPECT_EQ(told(hash(8)), "= 1021314869 7 8");
  EXPECT_EQ(told(hash(0)), "= 1338183746 7 10");
  EXPECT_EQ(hash(6).error(), errors::Compacted());
  EXPECT_EQ(hash(11).error(), errors::FutureRev());
}

TEST_F(HashKv, AnEmptyStoreHashesItsBucketsName) { EXPECT_EQ(told(hash(0)), "= 1084519789 -1 1"); }

TEST_F(HashKv, TheNewestTenCompactionsAreNoted) {
  for (int i = 0; i < 12; ++i) {
    put("k", "v");
    ASSERT_TRUE(store.compact(store.revision()).ok());
    finish_compaction();
  }
  EXPECT_EQ(store.revision(), 13);
  EXPECT_EQ(hash(3).error(), errors::Compacted());
  for (Revision revision = 4; revision <= 13; ++revision) {
    EXPECT_EQ(hash(revision)->compact_revision, revision - 1);
  }
}

// As in etcd: a compaction that was asked for while one ran does not see all that the one before was to leave.
TEST_F(HashKv, ACompactionThatHadToWaitIsNotNoted) {
  for (int i = 0; i < 20; ++i) put("k", "v");
  ASSERT_TRUE(store.compact(5).ok());
  ASSERT_TRUE(store.compact(10).ok());
  finish_compaction();
  EXPECT_EQ(hash(5)->compact_revision, -1);
  EXPECT_EQ(hash(10)->compact_revision, 10);
  ASSERT_TRUE(store.compact(15).ok());
  finish_compaction();
  EXPECT_EQ(hash(15)->compact_revision, 10);
}

TEST_F(HashKv, AHashUnderWayIsNotDisturbedByChangesAndCompactions) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    const auto change = [&] {
      const std::string key(1, static_cast<char>('a' + prng.below(20)));
      prng.chance(2, 3) ? put(key, "v") : remove(key);
    };
    for (int i = 0; i < 300; ++i) change();
    const auto revision = static_cast<Revision>(prng.between(
        static_cast<uint64_t>(std::max<Revision>(store.compacted() + 1, 1)), static_cast<uint64_t>(store.revision())));
    const std::string expected = told(hash(revision));
    auto hasher = KeyHasher::open(store, revision);
    ASSERT_TRUE(hasher.has_value());
    ASSERT_TRUE(store.compact(store.revision()).ok());
    while (!(*hasher)->step(prng.below(30))) {
      change();
      store.step_compaction(prng.below(30));
    }
    EXPECT_EQ(told((*hasher)->result()), expected);
    EXPECT_EQ(store.step_compaction(10'000), Progress::kWaiting);
    hasher->reset();
    EXPECT_EQ(store.step_compaction(10'000), Progress::kDone);
  }
}

}  // namespace
}  // namespace quorate::mvcc
