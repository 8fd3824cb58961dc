#include "machine/guard.h"

#include <gtest/gtest.h>

#include <set>

#include "base/prng.h"

namespace quorate::machine {
namespace {

using namespace std::string_view_literals;

using Ops = std::vector<pb::RequestOp>;

pb::RequestOp op(auto request) {
  pb::RequestOp out;
  out.request = std::move(request);
  return out;
}
pb::RequestOp put(std::string_view key) { return op(pb::PutRequest{.key = key}); }
pb::RequestOp range(std::string_view key, bool serializable = false) {
  return op(pb::RangeRequest{.key = key, .serializable = serializable});
}
pb::RequestOp remove(std::string_view key, std::string_view end = {}) {
  return op(pb::DeleteRangeRequest{.key = key, .range_end = end});
}
template <class... Op>
Ops list(Op... ops) {
  Ops out;
  (out.push_back(std::move(ops)), ...);
  return out;
}
pb::RequestOp nested(Ops success, Ops failure = {}) {
  auto txn = std::make_unique<pb::TxnRequest>();
  txn->success = std::move(success);
  txn->failure = std::move(failure);
  return op(std::move(txn));
}
Status txn(Ops success, Ops failure = {}, size_t max_ops = 128) {
  pb::TxnRequest request;
  request.success = std::move(success);
  request.failure = std::move(failure);
  return check(request, {.max_txn_ops = max_ops});
}

TEST(Guard, AKeyIsRequired) {
  EXPECT_EQ(check(pb::RangeRequest{}), errors::EmptyKey());
  EXPECT_EQ(check(pb::PutRequest{}), errors::EmptyKey());
  EXPECT_EQ(check(pb::DeleteRangeRequest{.range_end = "z"}), errors::EmptyKey());
  EXPECT_EQ(txn(list(put(""))), errors::EmptyKey());
  pb::TxnRequest request;
  request.compare.emplace_back();
  EXPECT_EQ(check(request, {}), errors::EmptyKey());
}

TEST(Guard, UnknownSortOptionsAreRefusedAfterAnEmptyKey) {
  pb::RangeRequest request{.key = "k", .sort_order = static_cast<pb::SortOrder>(3)};
  EXPECT_EQ(check(request), errors::InvalidSortOption());
  request.key = {};
  EXPECT_EQ(check(request), errors::EmptyKey());
  EXPECT_EQ(check(pb::RangeRequest{.key = "k", .sort_order = static_cast<pb::SortOrder>(-1)}),
            errors::InvalidSortOption());
  EXPECT_EQ(check(pb::RangeRequest{.key = "k", .sort_target = static_cast<pb::SortTarget>(5)}),
            errors::InvalidSortOption());
  EXPECT_TRUE(
      check(pb::RangeRequest{.key = "k", .sort_order = pb::SortOrder::kDescend, .sort_target = pb::SortTarget::kValue})
          .ok());
}

TEST(Guard, APutThatKeepsMayNotGive) {
  pb::PutRequest request{.key = "k", .value = "v", .lease = 1, .ignore_value = true, .ignore_lease = true};
  EXPECT_EQ(check(request), errors::ValueProvided());
  request.value = {};
  EXPECT_EQ(check(request), errors::LeaseProvided());
  request.lease = 0;
  EXPECT_TRUE(check(request).ok());
}

TEST(Guard, AnUnsetOperationIsAKeyNotFound) {
  EXPECT_EQ(txn(list(pb::RequestOp{})), errors::KeyNotFound());
  EXPECT_EQ(txn(list(put("a")), list(nested(list(pb::RequestOp{})))), errors::KeyNotFound());
}

TEST(Guard, ComparesAndBranchesAreCountedEachAndNestedOnesHaveWhatTheirParentLeft) {
  EXPECT_TRUE(txn(list(put("a"), put("b")), list(put("a"), put("b")), 2).ok());
  EXPECT_EQ(txn(list(put("a"), put("b"), put("c")), {}, 2), errors::TooManyOps());
  EXPECT_EQ(txn({}, list(put("a"), put("b"), put("c")), 2), errors::TooManyOps());
  pb::TxnRequest compares;
  compares.compare.resize(3);
  EXPECT_EQ(check(compares, {.max_txn_ops = 2}), errors::TooManyOps());  // before their empty keys
  EXPECT_TRUE(txn(list(nested(list(put("a"))), nested(list(put("b")))), {}, 3).ok());
  EXPECT_EQ(txn(list(nested(list(put("a"))), nested(list(put("b"), put("c")))), {}, 3), errors::TooManyOps());
  EXPECT_EQ(txn(list(nested({})), {}, 0), errors::TooManyOps());
  EXPECT_TRUE(txn(list(nested({})), {}, 1).ok());
}

TEST(Guard, ShapeIsCheckedInBothBranchesBeforeDuplicates) {
  EXPECT_EQ(txn(list(put("a"), put("a")), list(put(""))), errors::EmptyKey());
}

// Each as etcd 3.7.1 answered it.
TEST(Guard, AKeyIsPutOnceInABranch) {
  EXPECT_EQ(txn(list(put("a"), put("a"))), errors::DuplicateKey());
  EXPECT_EQ(txn({}, list(put("a"), put("a"))), errors::DuplicateKey());
  EXPECT_TRUE(txn(list(put("a")), list(put("a"))).ok());
  EXPECT_EQ(txn(list(put("a"), nested(list(put("a"))))), errors::DuplicateKey());
  EXPECT_EQ(txn(list(nested(list(put("a"))), nested({}, list(put("a"))))), errors::DuplicateKey());
  EXPECT_TRUE(txn(list(nested(list(put("n")), list(put("n"))))).ok());
}

TEST(Guard, AKeyIsNotPutWhereItIsDeleted) {
  EXPECT_EQ(txn(list(remove("a"), put("a"))), errors::DuplicateKey());
  EXPECT_EQ(txn(list(put("b"), remove("a", "z"))), errors::DuplicateKey());
  EXPECT_TRUE(txn(list(put("z"), remove("a", "z"))).ok());
  EXPECT_TRUE(txn(list(put("b"), remove("z", "a"))).ok());
  EXPECT_EQ(txn(list(remove("a", "z"), nested(list(put("b"))))), errors::DuplicateKey());
  EXPECT_EQ(txn(list(nested(list(remove("a", "z"))), put("b"))), errors::DuplicateKey());
  EXPECT_TRUE(txn(list(remove("n"), remove("n"), remove("a", "z"))).ok());
  EXPECT_TRUE(txn(list(nested(list(remove("n")), list(put("n"))))).ok());
}

TEST(Guard, ADeleteToTheEndOfAllKeysClaimsNone) {
  EXPECT_TRUE(txn(list(remove("a", "\0"sv), put("b"))).ok());
  EXPECT_TRUE(txn(list(remove("a", "\0"sv), put("a"))).ok());
}

TEST(Guard, OfNestedTransactionsALaterOneMayDeleteWhatAnEarlierOnePutButNotTheReverse) {
  EXPECT_TRUE(txn(list(nested(list(put("n"))), nested(list(remove("n"))))).ok());
  EXPECT_EQ(txn(list(nested(list(remove("n"))), nested(list(put("n"))))), errors::DuplicateKey());
}

// The rule in its plainest form: sets of everything, compared pair by pair.
struct Plain {
  std::set<std::string> puts;
  std::vector<std::pair<std::string, std::string>> deletes;
};

bool hit(const Plain& plain, const std::string& key) {
  return std::any_of(plain.deletes.begin(), plain.deletes.end(), [&](const auto& d) {
    return d.second.empty() ? key == d.first : key >= d.first && key < d.second;
  });
}

bool plain_claim(const Ops& ops, Plain& all) {
  for (const auto& o : ops) {
    auto* d = std::get_if<pb::DeleteRangeRequest>(&o.request);
    if (d) all.deletes.emplace_back(d->key, d->range_end);
  }
  for (const auto& o : ops) {
    auto* n = std::get_if<std::unique_ptr<pb::TxnRequest>>(&o.request);
    if (!n) continue;
    Plain yes, no;
    if (!plain_claim((*n)->success, yes) || !plain_claim((*n)->failure, no)) return false;
    const Plain before = all;
    for (const Plain* branch : {&yes, &no}) {
      for (const auto& key : branch->puts) {
        if (before.puts.contains(key) || hit(before, key)) return false;
        all.puts.insert(key);
      }
      all.deletes.insert(all.deletes.end(), branch->deletes.begin(), branch->deletes.end());
    }
  }
  for (const auto& o : ops) {
    auto* p = std::get_if<pb::PutRequest>(&o.request);
    if (p && (hit(all, std::string(p->key)) || !all.puts.insert(std::string(p->key)).second)) return false;
  }
  return true;
}

Ops random_ops(Prng& prng, int depth) {
  static constexpr std::string_view kKeys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"};
  const auto key = [&] { return kKeys[prng.below(std::size(kKeys))]; };
  Ops ops;
  for (uint64_t n = prng.below(4); n > 0; --n) {
    const uint64_t kind = prng.below(10);
    if (kind < 4) {
      ops.push_back(put(key()));
    } else if (kind < 7 || depth == 0) {
      ops.push_back(remove(key(), prng.chance(1, 2) ? std::string_view() : key()));
    } else {
      ops.push_back(nested(random_ops(prng, depth - 1), random_ops(prng, depth - 1)));
    }
  }
  return ops;
}

TEST(Guard, FindsTheDuplicatesOfThePlainRuleInRandomTransactions) {
  Prng prng(7);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    Ops ops = random_ops(prng, 3);
    Plain plain;
    const bool fine = plain_claim(ops, plain);
    refused += !fine;
    ASSERT_EQ(txn(std::move(ops)), fine ? Status() : errors::DuplicateKey()) << "transaction " << i;
  }
  EXPECT_GT(refused, 4'000);
  EXPECT_LT(refused, 16'000);
}

TEST(Guard, ReadOnlyAreRangesAloneAndSerializableOnesIfAllAre) {
  const auto request = [](Ops success, Ops failure) {
    pb::TxnRequest out;
    out.success = std::move(success);
    out.failure = std::move(failure);
    return out;
  };
  EXPECT_TRUE(is_read_only(request({}, {})));
  EXPECT_TRUE(is_serializable(request({}, {})));
  EXPECT_TRUE(is_read_only(request(list(range("a")), list(range("b")))));
  EXPECT_FALSE(is_read_only(request({}, list(remove("b")))));
  EXPECT_FALSE(is_read_only(request(list(nested(list(range("a")))), {})));
  EXPECT_TRUE(is_serializable(request(list(range("a", true)), {})));
  EXPECT_FALSE(is_serializable(request(list(range("a", true)), list(range("b")))));
  EXPECT_FALSE(has_put(request(list(remove("a")), list(range("b")))));
  EXPECT_TRUE(has_put(request({}, list(nested({}, list(put("b")))))));
  EXPECT_TRUE(has_put(request(list(range("a"), put("b")), {})));
}

}  // namespace
}  // namespace quorate::machine
