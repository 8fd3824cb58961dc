#include "api/request_stats.h"

#include <gtest/gtest.h>

#include "env/log_format.h"
#include "pb/codec.h"

namespace quorate::api {
namespace {

class KeptLog final : public env::Log {
 public:
  bool enabled(env::Level) const override { return true; }
  void write(env::Level level, std::string_view message, std::initializer_list<env::Field> fields,
             const std::source_location& where) override {
    const std::string text = env::log_line(
        env::LogFormat::kJson, {level, message, std::span(fields.begin(), fields.size()), where, WallTime{}});
    line = text.substr(text.find("\"msg\""));
  }
  std::string line;
};

std::string told(Method method, const std::string& request, const std::string& response, bool ok = true) {
  KeptLog log;
  log_unary(log, env::Level::kWarn, WallTime(Duration(1'735'787'046s)),
            {.method = method,
             .peer = "127.0.0.1:40000",
             .request = request,
             .response = response,
             .response_bytes = response.size(),
             .ok = ok,
             .took = 1s});
  return log.line;
}

constexpr const char* kBefore =
    R"("msg":"request stats","start time":"2025-01-02T03:04:05.000000Z","time spent":"1s","remote":"127.0.0.1:40000",)";

TEST(RequestStats, APutIsOneRequestWhoseValueIsNotTold) {
  const std::string request = pb::encode(pb::PutRequest{.key = "a", .value = "bcd"});
  EXPECT_EQ(told(Method::kPut, request, std::string(28, 'x')),
            std::string(kBefore) +
                R"("response type":"/etcdserverpb.KV/Put","request count":1,"request size":8,"response count":0,)"
                R"("response size":28,"request content":"key:\"a\" value_size:3 "})"
                "\n");
}

TEST(RequestStats, ARangeTellsHowManyKeysThereAre) {
  pb::RangeRequest request;
  request.key = "a";
  pb::RangeResponse response;
  response.count = 7;
  const std::string line = told(Method::kRange, pb::encode(request), pb::encode(response));
  EXPECT_NE(line.find(R"("request count":0,"request size":3,"response count":7,"response size":2,)"), std::string::npos)
      << line;
  const std::string failed = told(Method::kRange, pb::encode(request), "", false);
  EXPECT_NE(failed.find(R"("response count":0,"response size":0,"request content":"key:\"a\""})"), std::string::npos);
}

TEST(RequestStats, ATransactionCountsTheBranchThatRan) {
  pb::TxnRequest request;
  pb::PutRequest put;
  put.key = "a";
  put.value = "b";
  request.success.push_back({put});
  pb::RangeRequest range;
  range.key = "a";
  request.failure.push_back({range});
  request.failure.push_back({range});
  pb::TxnResponse response;
  response.succeeded = false;
  const std::string line = told(Method::kTxn, pb::encode(request), pb::encode(response));
  EXPECT_NE(line.find(R"("request count":2,"request size":10,)"), std::string::npos) << line;
  EXPECT_NE(line.find("compare:<> success:<request_put:<key:"), std::string::npos) << line;
}

TEST(RequestStats, OfOtherMethodsOnlyTheTimeIsTold) {
  const std::string line = told(Method::kLeaseGrant, "xyz", "xyz");
  EXPECT_NE(
      line.find(R"("request count":-1,"request size":-1,"response count":-1,"response size":-1,"request content":""})"),
      std::string::npos)
      << line;
}

}  // namespace
}  // namespace quorate::api
