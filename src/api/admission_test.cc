#include "api/admission.h"

#include <gtest/gtest.h>

#include "pb/codec.h"

namespace quorate::api {
namespace {

using enum AnswerSize;

AnswerSize size_of(const pb::RangeRequest& request) {
  return answer_size(Method::kRange, Bytes::adopt(pb::encode(request)));
}

TEST(Admission, TellsFromTheRequestWhetherAnythingBoundsItsAnswer) {
  EXPECT_EQ(size_of({.key = "a", .range_end = ""}), kOneValue);
  EXPECT_EQ(size_of({.key = "a", .range_end = "b", .limit = 1}), kLarge);
  EXPECT_EQ(answer_size(Method::kTxn, {}), kLarge);
  EXPECT_EQ(answer_size(Method::kRangeStream, {}), kLarge);
  EXPECT_EQ(answer_size(Method::kPut, {}), kSmall);
  EXPECT_EQ(answer_size(Method::kRange, Bytes::copy("\xff")), kOneValue) << "the core refuses it";
}

TEST(Admission, AConnectionThatHoldsItsFillWaitsAndOthersDoNot) {
  const Admission admission;
  const size_t fill = limits::kConnectionQueuedBytesHigh;
  EXPECT_FALSE(admission.admits(1, kSmall, {.connection = fill, .all = fill}));
  EXPECT_TRUE(admission.admits(2, kSmall, {.connection = 0, .all = fill}));
  EXPECT_TRUE(admission.admits(2, kLarge, {.connection = 0, .all = fill}));
}

TEST(Admission, WhatIsAwaitedCountsUntilItIsGivenBack) {
  Admission admission;
  size_t let_in = 0;
  while (admission.admits(1, kLarge, {})) {
    admission.reserve(1, admission.guess(kLarge));
    ++let_in;
  }
  EXPECT_EQ(let_in, limits::kConnectionQueuedBytesHigh / limits::kRangeBytesAtOnce);
  EXPECT_TRUE(admission.admits(2, kLarge, {}));
  admission.give_back(1, admission.guess(kLarge));
  EXPECT_TRUE(admission.admits(1, kLarge, {}));
  while (--let_in > 0) admission.give_back(1, admission.guess(kLarge));
  EXPECT_EQ(admission.reserved_bytes(), 0U);
  EXPECT_EQ(admission.connections(), 0U);
}

TEST(Admission, OverTheBudgetOfAllOnlyThoseGoOnWhoHoldNothing) {
  const Admission admission;
  const size_t all = limits::kUnsentBytesHigh;
  EXPECT_FALSE(admission.admits(1, kLarge, {.connection = 1, .all = all}));
  EXPECT_TRUE(admission.admits(2, kLarge, {.connection = 0, .all = all}));
  EXPECT_TRUE(admission.admits(1, kSmall, {.connection = 1, .all = all}));
  EXPECT_FALSE(admission.admits(2, kLarge, {.connection = 0, .all = limits::kUnsentBytesMax + 1}));
  EXPECT_TRUE(admission.admits(2, kOneValue, {.connection = 0, .all = limits::kUnsentBytesMax + 1}));
}

TEST(Admission, AnEmptyConnectionIsLetInWhateverItsAnswerIsGuessedToBe) {
  Admission admission;
  admission.answered(2 * limits::kConnectionQueuedBytesHigh);
  EXPECT_TRUE(admission.admits(1, kOneValue, {}));
}

TEST(Admission, TheGuessFollowsTheLargestOfLate) {
  Admission admission;
  admission.answered(1'000'000);
  EXPECT_EQ(admission.guess(kOneValue), 1'000'000U);
  for (int i = 0; i < 1000; ++i) admission.answered(100);
  EXPECT_EQ(admission.guess(kOneValue), limits::kAnswerGuessBytes);
}

TEST(Admission, WaitingRequestsAreTakenInOrderWithinAConnectionAndInTurnBetweenThem) {
  Admission admission;
  for (const http::CallId call : {11, 12}) admission.wait(1, {.call = call, .size = kLarge, .since = {}});
  admission.wait(2, {.call = 21, .size = kLarge, .since = {}});
  std::vector<http::CallId> taken;
  const auto all_but_12 = [&](uint64_t, const Admission::Waiting& waiting) {
    if (waiting.call == 12) return false;
    taken.push_back(waiting.call);
    return true;
  };
  admission.step(1, all_but_12);
  EXPECT_EQ(taken, (std::vector<http::CallId>{11}));
  admission.step(10, all_but_12);
  EXPECT_EQ(taken, (std::vector<http::CallId>{11, 21}));
  EXPECT_TRUE(admission.has_waiting());
  admission.step(10, [](uint64_t, const Admission::Waiting&) { return true; });
  EXPECT_FALSE(admission.has_waiting());
  EXPECT_EQ(admission.connections(), 0U);
}

}  // namespace
}  // namespace quorate::api
