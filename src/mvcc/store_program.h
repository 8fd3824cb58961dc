// mvcc/store_program.h: random requests for stores, over few keys, so that they meet.
//
// For tests alone.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/prng.h"
#include "base/result.h"
#include "mvcc/lease_book.h"
#include "pb/codec.h"

namespace quorate::mvcc {

// Which key hangs on which lease, as the store says it.
class Ledger final : public LeaseBook {
 public:
  explicit Ledger(const std::set<LeaseId>& leases) : leases_(leases) {}
  bool exists(LeaseId lease) const override { return leases_.contains(lease); }
  void move_key(std::string_view key, LeaseId from, LeaseId to) override {
    EXPECT_NE(from, to);
    EXPECT_TRUE(to == 0 || leases_.contains(to));
    if (from != 0) {
      EXPECT_EQ(keys_[from].erase(std::string(key)), 1u);
    }
    if (to != 0) {
      EXPECT_TRUE(keys_[to].insert(std::string(key)).second);
    }
  }
  const std::set<std::string>& keys(LeaseId lease) { return keys_[lease]; }

 private:
  const std::set<LeaseId>& leases_;
  std::map<LeaseId, std::set<std::string>> keys_;
};

// Draws requests over few keys, so that they meet.
class Draw {
 public:
  // `wide`: hundreds of keys with long common beginnings instead of a handful.
  explicit Draw(uint64_t seed, bool wide = false) : prng_(seed), wide_(wide) {}

  bool chance(uint64_t percent) { return prng_.chance(percent, 100); }
  uint64_t below(uint64_t bound) { return prng_.below(bound); }
  // Forgets the texts of the requests so far.
  void forget() { texts_.clear(); }
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::string_view key() {
    static constexpr std::string_view kKeys[] = {"a", "b", "ba", "bb", "c", "\xff", "d", "e"};
    if (wide_) return keep("/registry/pods/" + std::to_string(below(100)) + "/" + std::to_string(below(30)));
    if (chance(3)) return keep(std::string("a\0", 2));
    return kKeys[below(std::size(kKeys))];
  }
  std::string_view end() {
    if (chance(55)) return {};
    if (chance(20)) return keep(std::string(1, '\0'));
    return key();
  }
  std::string_view value() { return keep(prng_.bytes(below(wide_ && chance(1) ? 3000 : 4))); }
  LeaseId lease() { return chance(60) ? 0 : static_cast<LeaseId>(7 + below(4)); }  // 10 does not exist
  Revision near(Revision current) {
    return current + 1 - static_cast<Revision>(below(static_cast<uint64_t>(current) + 3));
  }

  pb::RangeRequest range(Revision current) {
    pb::RangeRequest r{.key = key(), .range_end = end()};
    if (chance(10)) r.key = keep(std::string(1, '\0')), r.range_end = r.key;
    if (chance(40)) r.limit = static_cast<int64_t>(below(6)) - 1;
    if (chance(40)) r.revision = near(current);
    if (chance(50)) r.sort_order = static_cast<pb::SortOrder>(below(3));
    if (chance(50)) r.sort_target = static_cast<pb::SortTarget>(below(5));
    r.keys_only = chance(20);
    r.count_only = chance(10);
    for (Revision* bound : {&r.min_mod_revision, &r.max_mod_revision, &r.min_create_revision, &r.max_create_revision}) {
      if (chance(10)) *bound = near(current);
    }
    return r;
  }
  pb::PutRequest put() {
    pb::PutRequest p{.key = key(), .value = value(), .lease = lease()};
    p.prev_kv = chance(30);
    if (chance(15)) p.ignore_value = true, p.value = {};
    if (chance(15)) p.ignore_lease = true, p.lease = 0;
    return p;
  }
  pb::DeleteRangeRequest remove() { return {.key = key(), .range_end = end(), .prev_kv = chance(40)}; }

  pb::Compare compare(Revision current) {
    pb::Compare c{.key = key()};
    c.result = static_cast<pb::CompareResult>(below(5));
    c.target = static_cast<pb::CompareTarget>(below(6));
    c.range_end = chance(70) ? std::string_view() : end();
    c.union_field = static_cast<uint32_t>(c.target) + 4;
    if (c.union_field == 7) c.value = value();
    if (c.union_field != 7) c.number = chance(50) ? static_cast<int64_t>(below(4)) : near(current);
    if (chance(10)) c.union_field = 0;
    if (chance(5)) c.union_field = 4 + static_cast<uint32_t>(below(5));
    return c;
  }
  pb::TxnRequest txn(Revision current, int depth) {
    pb::TxnRequest t;
    for (uint64_t n = below(3); n > 0; --n) t.compare.push_back(compare(current));
    for (auto* ops : {&t.success, &t.failure}) {
      for (uint64_t n = below(5); n > 0; --n) ops->push_back(op(current, depth));
    }
    return t;
  }

 private:
  pb::RequestOp op(Revision current, int depth) {
    pb::RequestOp out;
    const uint64_t kind = below(100);
    if (kind < 35) {
      out.request = range(current);
    } else if (kind < 65) {
      out.request = put();
    } else if (kind < 80 || depth == 0) {
      out.request = remove();
    } else if (kind < 98) {
      out.request = std::make_unique<pb::TxnRequest>(txn(current, depth - 1));
    }
    return out;
  }

  Prng prng_;
  const bool wide_;
  std::deque<std::string> texts_;
};

template <class Response>
std::string told(const Result<Response>& result) {
  return result ? pb::encode(*result) : result.error().text();
}

}  // namespace quorate::mvcc
