#include "api/service_metrics.h"

#include <gtest/gtest.h>

#include "server/testing/bench.h"

namespace quorate::api {
namespace {

class ServiceMetricsTest : public ::testing::Test {
 protected:
  void open(bool extensive) {
    bench_.serve();
    metrics_ = std::make_unique<ServiceMetrics>(bench_.metrics(), bench_.replica(), extensive);
  }
  bool scraped(const std::string& line) { return bench_.metrics().scrape().find(line + "\n") != std::string::npos; }

  server::testing::Bench bench_;
  std::unique_ptr<ServiceMetrics> metrics_;
};

TEST_F(ServiceMetricsTest, WhatNeverMovesHereIsThereAtZero) {
  open(false);
  EXPECT_TRUE(scraped("etcd_disk_backend_commit_duration_seconds_count 0"));
  EXPECT_TRUE(scraped("etcd_disk_defrag_inflight 0"));
  EXPECT_TRUE(scraped("etcd_debugging_store_expires_total 0"));
}

TEST_F(ServiceMetricsTest, MethodsAreTimedOnlyWhenAskedFor) {
  open(false);
  metrics_->handled(Method::kPut, Code::kOk, 20ms);
  EXPECT_EQ(bench_.metrics().scrape().find("grpc_server_handling_seconds"), std::string::npos);
}

TEST_F(ServiceMetricsTest, ExtensiveTimesEachMethod) {
  open(true);
  metrics_->handled(Method::kPut, Code::kOk, 20ms);
  const std::string labels = R"({grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary")";
  EXPECT_TRUE(scraped("grpc_server_handling_seconds_bucket" + labels + R"(,le="0.01"} 0)"));
  EXPECT_TRUE(scraped("grpc_server_handling_seconds_bucket" + labels + R"(,le="0.025"} 1)"));
}

TEST_F(ServiceMetricsTest, ClientsAreCountedByTheirVersionUpToABound) {
  open(false);
  metrics_->client_request(MethodKind::kUnary, "3.7");
  metrics_->client_request(MethodKind::kUnary, "3.7");
  metrics_->client_request(MethodKind::kBidiStream, "3.7");
  metrics_->client_request(MethodKind::kUnary, "");
  EXPECT_TRUE(scraped(R"(etcd_server_client_requests_total{client_api_version="3.7",type="unary"} 2)"));
  EXPECT_TRUE(scraped(R"(etcd_server_client_requests_total{client_api_version="3.7",type="stream"} 1)"));
  EXPECT_TRUE(scraped(R"(etcd_server_client_requests_total{client_api_version="unknown",type="unary"} 1)"));
  for (int i = 0; i < 1000; ++i) metrics_->client_request(MethodKind::kUnary, "x" + std::to_string(i));
  EXPECT_FALSE(scraped(R"(etcd_server_client_requests_total{client_api_version="x999",type="unary"} 1)"));
}

TEST_F(ServiceMetricsTest, ChecksTellTheirLastStateAndTheirCounts) {
  open(false);
  metrics_->check("readyz", "linearizable_read", true);
  metrics_->check("readyz", "linearizable_read", false);
  EXPECT_TRUE(scraped(R"(etcd_server_healthcheck{name="linearizable_read",type="readyz"} 0)"));
  EXPECT_TRUE(scraped(R"(etcd_server_healthchecks_total{name="linearizable_read",status="success",type="readyz"} 1)"));
  EXPECT_TRUE(scraped(R"(etcd_server_healthchecks_total{name="linearizable_read",status="error",type="readyz"} 1)"));
}

}  // namespace
}  // namespace quorate::api
