#include "server/apply_meter.h"

#include <gtest/gtest.h>

#include "server/testing/bench.h"

namespace quorate::server {
namespace {

// Keeps the names and texts of what is logged.
class KeptLog final : public env::Log {
 public:
  bool enabled(env::Level) const override { return true; }
  void write(env::Level, std::string_view message, std::initializer_list<env::Field> fields,
             const std::source_location&) override {
    last = std::string(message);
    for (const env::Field& field : fields) {
      last += " " + std::string(field.name);
      if (const auto* text = std::get_if<std::string>(&field.value)) last += "=" + *text;
    }
  }
  std::string last;
};

class ApplyMeterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bench_.serve();
    env::Env env = bench_.env();
    env_.emplace(env::Env{env.clock, env.core, env.net, env.disk, env.pool, log_, bench_.metrics(), env.trace, 7});
    meter_.emplace(*env_, 100ms);
  }
  bool scraped(const std::string& line) { return bench_.metrics().scrape().find(line + "\n") != std::string::npos; }
  static pb::Entry entry_of(pb::Payload payload, const std::string& body) {
    pb::Entry entry;
    entry.data = Bytes::adopt(pb::encode_internal(7, payload, body));
    return entry;
  }

  testing::Bench bench_;
  KeptLog log_;
  std::optional<env::Env> env_;
  std::optional<ApplyMeter> meter_;
};

TEST_F(ApplyMeterTest, ASlowApplyIsLoggedWithItsRequestAndCounted) {
  const pb::PutRequest put{.key = "a", .value = "secret"};
  const pb::Entry entry = entry_of(pb::Payload::kPut, pb::encode(put));
  machine::Outcome outcome;
  outcome.payload = pb::Payload::kPut;
  outcome.response = pb::PutResponse{.header = pb::ResponseHeader{.revision = 2}, .prev_kv = {}};
  meter_->applied(entry, outcome, 100ms);
  EXPECT_EQ(log_.last, "");
  EXPECT_TRUE(scraped("etcd_server_slow_apply_total 0"));
  meter_->applied(entry, outcome, 101ms);
  EXPECT_EQ(log_.last,
            "apply request took too long took expected-duration prefix= request=header:<ID:7> put:<key:\"a\" "
            "value_size:6 > response=size:4");
  EXPECT_TRUE(scraped("etcd_server_slow_apply_total 1"));
}

TEST_F(ApplyMeterTest, ASlowReadTellsItsErrorInTheStoresWords) {
  pb::RangeRequest range;
  range.key = "a";
  meter_->answered(range, fail(errors::Compacted()), 1s);
  EXPECT_EQ(log_.last,
            "apply request took too long took expected-duration prefix=read-only range  request=key:\"a\" response= "
            "error=mvcc: required revision has been compacted");
  EXPECT_TRUE(scraped(R"(etcd_server_range_duration_seconds_count{success="false"} 1)"));
  meter_->answered(pb::TxnRequest{}, pb::TxnResponse{}, 1s);
  EXPECT_EQ(log_.last,
            "apply request took too long took expected-duration prefix=read-only txn  request=compare:<> success:<> "
            "failure:<> response=responses:<> size:0");
}

TEST_F(ApplyMeterTest, AppliesAreTimedByKindAndOutcome) {
  bench_.put("k", "value");
  bench_.settle();
  bench_.propose(pb::Payload::kCompaction, pb::CompactionRequest{.revision = 99});
  bench_.settle();
  EXPECT_TRUE(scraped(R"(etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"} 1)"));
  EXPECT_TRUE(scraped(R"(etcd_server_apply_duration_seconds_count{op="Compaction",success="false",version="v3"} 1)"));
  EXPECT_TRUE(scraped(R"(etcd_server_request_duration_seconds_count{success="true",type="Put"} 1)"));
  EXPECT_TRUE(scraped("etcd_mvcc_put_total 1"));
  EXPECT_TRUE(scraped("etcd_debugging_mvcc_total_put_size_in_bytes 6"));
  EXPECT_TRUE(scraped("etcd_debugging_mvcc_db_compaction_last 0"));
}

TEST_F(ApplyMeterTest, ACompactionTellsWhenItWas) {
  bench_.put("k", "v");
  bench_.settle();
  bench_.propose(pb::Payload::kCompaction, pb::CompactionRequest{.revision = 2});
  bench_.settle();
  EXPECT_TRUE(scraped("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count 1"));
  EXPECT_FALSE(scraped("etcd_debugging_mvcc_db_compaction_last 0"));
}

TEST_F(ApplyMeterTest, WhatAStartAppliesAgainIsNotCounted) {
  bench_.put("k", "v");
  bench_.settle();
  bench_.kill();
  bench_.serve();
  EXPECT_EQ(bench_.get("k"), "v");
  EXPECT_TRUE(scraped("etcd_mvcc_put_total 0"));
}

}  // namespace
}  // namespace quorate::server
