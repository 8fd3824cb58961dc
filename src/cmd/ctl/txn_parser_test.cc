#include "cmd/ctl/txn_parser.h"

#include <gtest/gtest.h>

namespace quorate::cmd::ctl {
namespace {

using Words = std::vector<std::string>;

TEST(SplitWords, QuotesAreRemovedAndEscapesRead) {
  EXPECT_EQ(split_words("put key \"a \\\"b\\\"\\x41\" 'c \\x41'"), (Words{"put", "key", "a \"b\"A", "c \\x41"}));
  EXPECT_EQ(split_words("  get   k  "), (Words{"get", "k"}));
  EXPECT_EQ(split_words("a\"b c\""), (Words{"a\"b", "c\""}));
  EXPECT_EQ(split_words("put '' \"\""), (Words{"put", "", ""}));
  EXPECT_EQ(split_words(""), Words{});
}

TEST(SplitWords, AQuoteThatNeverEndsIsNoPartOfAWord) {
  EXPECT_EQ(split_words("put \"a"), (Words{"put", "a"}));
  EXPECT_EQ(split_words("put 'a"), (Words{"put", "a"}));
  EXPECT_EQ(split_words("\""), Words{});
}

TEST(SplitWords, ABadEscapeIsRefused) {
  const auto words = split_words("put \"\\q\"");
  ASSERT_FALSE(words.has_value());
  EXPECT_EQ(words.error().text, "invalid syntax");
  EXPECT_EQ(words.error().exit_code, kExitInvalidInput);
}

TEST(TxnDraft, EveryTargetAndOperatorIsUnderstood) {
  struct Case {
    std::string_view line;
    pb::CompareTarget target;
    pb::CompareResult result;
    uint32_t field;
    int64_t number;
    std::string_view value;
  };
  using enum pb::CompareTarget;
  using enum pb::CompareResult;
  const Case cases[] = {{"ver(\"k\") = \"1\"", kVersion, kEqual, 4, 1, ""},
                        {"version(\"k\") != \"2\"", kVersion, kNotEqual, 4, 2, ""},
                        {"c(\"k\") > \"3\"", kCreate, kGreater, 5, 3, ""},
                        {"create(\"k\") < \"4\"", kCreate, kLess, 5, 4, ""},
                        {"m(\"k\") = \"-5\"", kMod, kEqual, 6, -5, ""},
                        {"mod( `k`)  =  \"6\" and more", kMod, kEqual, 6, 6, ""},
                        {"val(\"\\x6b\") = \"a b\"", kValue, kEqual, 7, 0, "a b"},
                        {"value(\"k\") = \"\"", kValue, kEqual, 7, 0, ""},
                        {"lease(\"k\") = \"8\"", kLease, kEqual, 8, 8, ""}};
  TxnDraft draft;
  for (const Case& at : cases) ASSERT_TRUE(draft.add_compare(at.line).has_value()) << at.line;
  for (size_t i = 0; i < std::size(cases); ++i) {
    const pb::Compare& compare = draft.request().compare[i];
    EXPECT_EQ(compare.key, "k");
    EXPECT_EQ(compare.target, cases[i].target);
    EXPECT_EQ(compare.result, cases[i].result);
    EXPECT_EQ(compare.union_field, cases[i].field);
    EXPECT_EQ(compare.number, cases[i].number);
    EXPECT_EQ(compare.value, cases[i].value);
  }
}

TEST(TxnDraft, AMalformedComparisonIsToldAsEtcdctlTellsIt) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"foo", "malformed comparison: foo"},
      {"foo(\"a\") = \"1\"", "malformed comparison: foo(\"a\") = \"1\" (unknown target foo)"},
      {"ver(\"a\") = \"x\"", "invalid txn compare request: ver(\"a\") = \"x\""},
      {"ver(\"a\") = 1", "malformed comparison: ver(\"a\") = 1; got ver(\"a\") = \"\""},
      {"ver(a) = \"1\"", "malformed comparison: ver(a) = \"1\"; got ver(\"\")  \"\""},
      {"val(\"a\")=\"0\"", "malformed comparison: val(\"a\")=\"0\"; got val(\"a\")  \"\""},
      {"val(\"a\") = \"0", "malformed comparison: val(\"a\") = \"0; got val(\"a\") = \"\""},
      {"c(\"a\") >= \"0\"", "malformed comparison: c(\"a\") >= \"0\" (unknown operator >=)"},
  };
  for (const auto& [line, text] : cases) {
    const auto added = TxnDraft().add_compare(line);
    ASSERT_FALSE(added.has_value()) << line;
    EXPECT_EQ(added.error().text, text);
    EXPECT_EQ(added.error().exit_code, kExitInvalidInput);
  }
}

TEST(TxnDraft, RequestsTakeTheFlagsOfTheirCommands) {
  TxnDraft draft;
  std::string usage;
  ASSERT_TRUE(draft.add_success("put k \"a value\" --lease 1f --prev-kv", usage).has_value());
  ASSERT_TRUE(draft.add_success("get a --prefix --limit=2", usage).has_value());
  ASSERT_TRUE(draft.add_failure("del \"\" --from-key", usage).has_value());
  const auto& put = std::get<pb::PutRequest>(draft.request().success[0].request);
  EXPECT_EQ(put.key, "k");
  EXPECT_EQ(put.value, "a value");
  EXPECT_EQ(put.lease, 0x1f);
  EXPECT_TRUE(put.prev_kv);
  const auto& get = std::get<pb::RangeRequest>(draft.request().success[1].request);
  EXPECT_EQ(get.key, "a");
  EXPECT_EQ(get.range_end, "b");
  EXPECT_EQ(get.limit, 2);
  const auto& del = std::get<pb::DeleteRangeRequest>(draft.request().failure[0].request);
  EXPECT_EQ(del.key, std::string_view("\0", 1));
  EXPECT_EQ(del.range_end, std::string_view("\0", 1));
  EXPECT_EQ(usage, "");
}

TEST(TxnDraft, ABadRequestIsToldAsEtcdctlTellsIt) {
  const std::tuple<std::string_view, int, std::string_view> cases[] = {
      {"put a", kExitBadArguments, "put command needs 1 argument and input from stdin or 2 arguments"},
      {"foo a", kExitInvalidInput, "invalid txn request: foo a"},
      {"get", kExitInvalidInput, "invalid txn compare request: get"},
      {"get a --foo", kExitInvalidInput, "invalid txn request: get a --foo"},
      {"get a --order x", kExitBadFeature, "bad sort order x"},
  };
  for (const auto& [line, exit_code, text] : cases) {
    std::string usage;
    const auto added = TxnDraft().add_success(line, usage);
    ASSERT_FALSE(added.has_value()) << line;
    EXPECT_EQ(added.error().text, text);
    EXPECT_EQ(added.error().exit_code, exit_code);
    EXPECT_EQ(usage.empty(), line != "get a --foo");
  }
}

}  // namespace
}  // namespace quorate::cmd::ctl
