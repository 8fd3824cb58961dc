#include "lease/lessor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/limits.h"
#include "base/prng.h"

namespace quorate::lease {
namespace {

constexpr int64_t kMinTtlS = 2;

MonoTime at(Duration since) { return MonoTime() + since; }

using Ids = std::vector<LeaseId>;

TEST(Lessor, RaisesAShortTtlToTheMinimumAndRefusesALongOne) {
  Lessor lessor(kMinTtlS);
  EXPECT_EQ(lessor.grant(1, 0, at(0s)), 2);
  EXPECT_EQ(lessor.grant(2, -5, at(0s)), 2);
  EXPECT_EQ(lessor.grant(3, limits::kMaxLeaseTtlS, at(0s)), limits::kMaxLeaseTtlS);
  EXPECT_EQ(lessor.grant(4, limits::kMaxLeaseTtlS + 1, at(0s)).error(), errors::LeaseTTLTooLarge());
  EXPECT_EQ(lessor.grant(1, 10, at(0s)).error(), errors::LeaseExist());
  // The TTL is looked at first.
  EXPECT_EQ(lessor.grant(1, limits::kMaxLeaseTtlS + 1, at(0s)).error(), errors::LeaseTTLTooLarge());
  EXPECT_EQ(lessor.info(1, at(0s))->granted_ttl_s, 2);
}

TEST(Lessor, AnIdMayBeNegative) {
  Lessor lessor(kMinTtlS);
  EXPECT_EQ(lessor.grant(-7, 10, at(0s)), 10);
  EXPECT_TRUE(lessor.exists(-7));
}

TEST(Lessor, RevokeGivesTheKeysInOrderAndForgetsTheLease) {
  Lessor lessor(kMinTtlS);
  lessor.grant(1, 10, at(0s)).value();
  for (const char* key : {"b", "a", "c", "a"}) lessor.attach(1, key);
  lessor.detach(1, "c");
  EXPECT_EQ(lessor.revoke(1), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(lessor.exists(1));
  EXPECT_EQ(lessor.revoke(1).error(), errors::LeaseNotFound());
}

TEST(Lessor, OnlyThePrimaryHasDeadlines) {
  Lessor lessor(kMinTtlS);
  lessor.grant(1, 10, at(0s)).value();
  EXPECT_TRUE(lessor.expired(at(1000s), 10).empty());
  EXPECT_EQ(lessor.renew(1, at(0s)).error(), errors::NotPrimaryLessor());
  lessor.promote(at(100s), 1s);
  EXPECT_EQ(lessor.next_deadline(), at(111s));
  lessor.grant(2, 5, at(101s)).value();
  EXPECT_EQ(lessor.next_deadline(), at(106s));
  lessor.demote();
  EXPECT_FALSE(lessor.next_deadline());
  EXPECT_TRUE(lessor.expired(at(1000s), 10).empty());
  EXPECT_EQ(lessor.info(1, at(1000s))->remaining_ttl_s, 10);
}

TEST(Lessor, ALeaseIsExpiredAtItsDeadlineAndNotBefore) {
  Lessor lessor(kMinTtlS);
  lessor.promote(at(0s), 0s);
  lessor.grant(3, 5, at(0s)).value();
  lessor.grant(1, 7, at(0s)).value();
  lessor.grant(2, 5, at(0s)).value();
  EXPECT_TRUE(lessor.expired(at(5s) - 1ns, 10).empty());
  EXPECT_EQ(lessor.expired(at(5s), 10), (Ids{2, 3}));
  EXPECT_EQ(lessor.expired(at(9s), 2), (Ids{2, 3}));
  EXPECT_EQ(lessor.expired(at(9s), 10), (Ids{2, 3, 1}));
  EXPECT_EQ(lessor.leases(), (Ids{2, 3, 1}));
}

TEST(Lessor, ARenewalGivesTheGrantedTtlBackButNotToAnExpiredLease) {
  Lessor lessor(kMinTtlS);
  lessor.promote(at(0s), 0s);
  lessor.grant(1, 5, at(0s)).value();
  EXPECT_EQ(lessor.renew(1, at(4s)), 5);
  EXPECT_EQ(lessor.next_deadline(), at(9s));
  EXPECT_EQ(lessor.renew(1, at(9s)).error(), errors::LeaseNotFound());
  EXPECT_EQ(lessor.renew(2, at(0s)).error(), errors::LeaseNotFound());
}

TEST(Lessor, RemainingTimeIsInWholeSecondsTruncated) {
  Lessor lessor(kMinTtlS);
  lessor.promote(at(0s), 0s);
  lessor.grant(1, 10, at(0s)).value();
  EXPECT_EQ(lessor.info(1, at(1ms))->remaining_ttl_s, 9);
  EXPECT_EQ(lessor.info(1, at(10s))->remaining_ttl_s, 0);
  EXPECT_EQ(lessor.info(1, at(11s))->remaining_ttl_s, -1);
  EXPECT_FALSE(lessor.info(2, at(0s)));
}

TEST(Lessor, ANewPrimaryStartsFromTheReplicatedRemainingTtl) {
  Lessor lessor(kMinTtlS);
  lessor.grant(1, 100, at(0s)).value();
  lessor.checkpoint(1, 40, at(0s));
  lessor.checkpoint(2, 40, at(0s));
  EXPECT_EQ(lessor.info(1, at(0s))->replicated_ttl_s, 40);
  lessor.promote(at(0s), 1s);
  EXPECT_EQ(lessor.next_deadline(), at(41s));
  lessor.checkpoint(1, 0, at(1s));  // none: the granted one
  EXPECT_EQ(lessor.info(1, at(1s))->replicated_ttl_s, 100);
  EXPECT_EQ(lessor.next_deadline(), at(101s));
}

TEST(Lessor, ACheckpointThatLowersDoesNotMoveTheDeadline) {
  Lessor lessor(kMinTtlS);
  lessor.promote(at(0s), 0s);
  lessor.grant(1, 100, at(0s)).value();
  lessor.checkpoint(1, 90, at(50s));
  EXPECT_EQ(lessor.next_deadline(), at(100s));
  lessor.checkpoint(1, 95, at(50s));
  EXPECT_EQ(lessor.next_deadline(), at(145s));
  lessor.checkpoint(1, 1'000, at(0s));
  EXPECT_EQ(lessor.info(1, at(0s))->replicated_ttl_s, 100);
}

TEST(Lessor, CheckpointsAreDueATenthOfTheTtlButAtLeastFiveSecondsBelowWhatIsReplicated) {
  using Due = std::vector<std::pair<LeaseId, int64_t>>;
  Lessor lessor(kMinTtlS);
  lessor.promote(at(0s), 0s);
  lessor.grant(1, 100, at(0s)).value();
  lessor.grant(2, 20, at(0s)).value();
  lessor.grant(3, 5, at(0s)).value();  // would end first
  EXPECT_TRUE(lessor.due_checkpoints(at(5s) - 1ns, 10).empty());
  EXPECT_EQ(lessor.due_checkpoints(at(5s), 10), (Due{{2, 15}}));
  EXPECT_EQ(lessor.due_checkpoints(at(10s) + 1ms, 10), (Due{{2, 10}, {1, 90}}));
  EXPECT_EQ(lessor.due_checkpoints(at(10s) + 1ms, 1), (Due{{2, 10}}));
  lessor.checkpoint(1, 90, at(10s));
  EXPECT_EQ(lessor.due_checkpoints(at(19s), 10), (Due{{2, 1}}));
  EXPECT_EQ(lessor.due_checkpoints(at(20s), 10), (Due{{1, 80}}));  // 2 has ended
  lessor.renew(1, at(20s)).value();
  EXPECT_TRUE(lessor.due_checkpoints(at(39s), 10).empty());
  EXPECT_EQ(lessor.due_checkpoints(at(40s), 10), (Due{{1, 80}}));
}

TEST(Lessor, TheLongestTtlDoesNotOverflowTheClock) {
  Lessor lessor(kMinTtlS);
  const MonoTime late = at(std::chrono::hours(24 * 365 * 20));
  lessor.promote(late, 1s);
  lessor.grant(1, limits::kMaxLeaseTtlS, late).value();
  lessor.promote(late, 100h);
  EXPECT_TRUE(lessor.expired(late + std::chrono::hours(24 * 365 * 200), 10).empty());
}

// A list that is searched from end to end.
class List {
 public:
  struct Item {
    LeaseId id;
    int64_t granted, replicated;
    std::set<std::string> keys;
    MonoTime deadline;
  };

  Item* find(LeaseId id) {
    for (Item& item : items) {
      if (item.id == id) return &item;
    }
    return nullptr;
  }
  Ids expired(MonoTime now) {
    std::vector<std::pair<MonoTime, LeaseId>> all;
    for (const Item& item : items) {
      if (primary && item.deadline <= now) all.emplace_back(item.deadline, item.id);
    }
    std::sort(all.begin(), all.end());
    Ids ids;
    for (auto& [deadline, id] : all) ids.push_back(id);
    return ids;
  }
  std::map<LeaseId, int64_t> due(MonoTime now) {
    std::map<LeaseId, int64_t> out;
    for (const Item& item : items) {
      const Duration left = item.deadline - now;
      const Duration floor = std::chrono::seconds(item.replicated - std::max<int64_t>(5, item.granted / 10));
      if (primary && left > 0s && left <= floor) out[item.id] = (left + 1s - 1ns) / 1s;
    }
    return out;
  }

  std::vector<Item> items;
  bool primary = false;
};

TEST(Lessor, EqualsAListInRandomPrograms) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    Lessor lessor(kMinTtlS);
    List list;
    MonoTime now = at(1000s);
    for (int step = 0; step < 300; ++step) {
      now += std::chrono::milliseconds(prng.below(3000));
      const LeaseId id = static_cast<LeaseId>(1 + prng.below(8));
      List::Item* item = list.find(id);
      const uint64_t kind = prng.below(100);
      if (kind < 25) {
        const int64_t ttl = static_cast<int64_t>(prng.below(60));
        const auto granted = lessor.grant(id, ttl, now);
        EXPECT_EQ(granted.has_value(), item == nullptr);
        if (!item) {
          const int64_t force = std::max<int64_t>(ttl, kMinTtlS);
          EXPECT_EQ(granted, force);
          list.items.push_back({id, force, force, {}, now + std::chrono::seconds(force)});
        }
      } else if (kind < 35) {
        const auto keys = lessor.revoke(id);
        EXPECT_EQ(keys.has_value(), item != nullptr);
        if (item) {
          EXPECT_EQ(*keys, std::vector<std::string>(item->keys.begin(), item->keys.end()));
        }
        std::erase_if(list.items, [&](const auto& i) { return i.id == id; });
      } else if (kind < 55) {
        const std::string key(1, static_cast<char>('a' + prng.below(5)));
        if (prng.chance(2, 3)) {
          lessor.attach(id, key);
          if (item) item->keys.insert(key);
        } else {
          lessor.detach(id, key);
          if (item) item->keys.erase(key);
        }
      } else if (kind < 70) {
        const auto renewed = lessor.renew(id, now);
        const bool fine = list.primary && item && item->deadline > now;
        EXPECT_EQ(renewed.has_value(), fine);
        if (fine) item->deadline = now + std::chrono::seconds(item->granted);
      } else if (kind < 85) {
        const int64_t remaining = static_cast<int64_t>(prng.below(70)) - 2;
        lessor.checkpoint(id, remaining, now);
        if (item) {
          const int64_t before = item->replicated;
          item->replicated = remaining <= 0 ? item->granted : std::min(remaining, item->granted);
          const MonoTime raised = now + std::chrono::seconds(item->replicated);
          if (item->replicated > before && raised > item->deadline) item->deadline = raised;
        }
      } else if (kind < 90) {
        list.primary = prng.chance(2, 3);
        const Duration extend = std::chrono::seconds(prng.below(3));
        if (list.primary) lessor.promote(now, extend);
        if (!list.primary) lessor.demote();
        for (auto& i : list.items) i.deadline = now + extend + std::chrono::seconds(i.replicated);
      }
      EXPECT_EQ(lessor.expired(now, 100), list.expired(now));
      const auto due = lessor.due_checkpoints(now, 100);
      EXPECT_EQ((std::map<LeaseId, int64_t>(due.begin(), due.end())), list.due(now));
      EXPECT_EQ(lessor.size(), list.items.size());
      EXPECT_EQ(lessor.leases().size(), list.items.size());
      for (const auto& i : list.items) {
        const auto info = lessor.info(i.id, now);
        ASSERT_TRUE(info);
        EXPECT_EQ(info->replicated_ttl_s, i.replicated);
        EXPECT_EQ(info->remaining_ttl_s, list.primary ? (i.deadline - now) / 1s : i.granted);
        EXPECT_TRUE(std::equal(info->keys->begin(), info->keys->end(), i.keys.begin(), i.keys.end()));
      }
      if (HasFailure()) FAIL() << "step " << step;
    }
  }
}

}  // namespace
}  // namespace quorate::lease
