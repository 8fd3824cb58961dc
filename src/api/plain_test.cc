// The pages of plain HTTP, asked on the core loop, over a disk and a clock in memory.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "api/back.h"
#include "server/testing/bench.h"

namespace quorate::api {
namespace {

class PlainTest : public ::testing::Test {
 protected:
  void open(BackOptions options = {}) {
    bench_.open();
    stamps_.emplace(bench_.env().clock, trace_);
    back_ = std::make_unique<Back>(bench_.env(), bench_.replica(), *stamps_, options);
    io_ = std::make_unique<IoMailbox>(bench_.loop(), env::Priority::kCompletion, 0,
                                      [this](ToIo&& item) { answers_.push_back(std::move(item)); });
    back_->attach(0, *io_);
  }
  void serve(BackOptions options = {}) {
    open(std::move(options));
    bench_.settle();
    back_->serve();
  }
  void TearDown() override {
    back_.reset();
    io_.reset();
  }

  // The answer, or a status of 0 when there is none yet.
  http::PlainResponse ask(std::string path, Port port = Port::kClient, std::string method = "GET",
                          http::Headers headers = {}) {
    http::PlainRequest request;
    request.method = std::move(method);
    request.path = path.substr(0, path.find('?'));
    if (path.find('?') != std::string::npos) request.query = path.substr(path.find('?') + 1);
    request.headers = std::move(headers);
    ToCore item;
    item.kind = ToCore::Kind::kPlain;
    item.call = 1;
    item.plain = std::make_unique<PlainCall>(PlainCall{port, std::move(request)});
    back_->inbox().push(std::move(item));
    bench_.settle();
    if (answers_.empty()) return {.status = 0, .headers = {}, .body = {}};
    http::PlainResponse response = std::move(*answers_.front().response);
    answers_.clear();
    return response;
  }
  std::string body(const std::string& path) { return std::string(ask(path).body.view()); }
  void raise(pb::AlarmType alarm) {
    bench_.propose(pb::Payload::kAlarm,
                   pb::AlarmRequest{.action = pb::AlarmAction::kActivate, .member_id = 0x11, .alarm = alarm});
    bench_.settle();
  }

  server::testing::Bench bench_;
  std::vector<ToIo> answers_;
  env::Trace trace_;
  std::optional<StageStamps> stamps_;
  std::unique_ptr<Back> back_;
  std::unique_ptr<IoMailbox> io_;
};

TEST_F(PlainTest, AnAlarmMakesHealthFailUnlessItIsExcluded) {
  serve();
  EXPECT_EQ(body("/health"), R"({"health":"true","reason":""})");
  raise(pb::AlarmType::kNoSpace);
  EXPECT_EQ(ask("/health").status, 503);
  EXPECT_EQ(body("/health"), "{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}\n");
  EXPECT_EQ(ask("/health?serializable=true").status, 503);
  EXPECT_EQ(ask("/health?exclude=NOSPACE").status, 200);
  raise(pb::AlarmType::kCorrupt);
  EXPECT_EQ(body("/health?exclude=NOSPACE"), "{\"health\":\"false\",\"reason\":\"ALARM CORRUPT\"}\n");
  EXPECT_EQ(ask("/health?exclude=NOSPACE&exclude=CORRUPT").status, 200);
}

TEST_F(PlainTest, CorruptionMakesReadyzFailAndLivezNot) {
  serve();
  raise(pb::AlarmType::kNoSpace);
  EXPECT_EQ(body("/readyz"), "ok\n");
  raise(pb::AlarmType::kCorrupt);
  const http::PlainResponse failed = ask("/readyz");
  EXPECT_EQ(failed.status, 503);
  EXPECT_EQ(failed.body.view(),
            "[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n[+]linearizable_read ok\n"
            "[+]non_learner ok\n\n");
  EXPECT_EQ(ask("/readyz/data_corruption").status, 503);
  EXPECT_EQ(body("/readyz?exclude=data_corruption"), "ok\n");
  EXPECT_EQ(body("/livez"), "ok\n");
}

TEST_F(PlainTest, OneCheckIsAPageOfItsOwnAndOthersAreNot) {
  serve();
  EXPECT_EQ(body("/readyz/linearizable_read?verbose"), "[+]linearizable_read ok\nok\n");
  EXPECT_EQ(ask("/livez/linearizable_read").status, 404);
  EXPECT_EQ(ask("/readyz/").status, 404);
  EXPECT_EQ(ask("/readyz", Port::kClient, "POST").status, 405);
}

TEST_F(PlainTest, ChecksAreCountedByPageAndName) {
  serve();
  ask("/readyz/non_learner");
  const std::string text = bench_.metrics().scrape();
  EXPECT_NE(text.find(R"(etcd_server_healthchecks_total{name="non_learner",status="success",type="readyz"} 1)"),
            std::string::npos);
}

TEST_F(PlainTest, ProbesOnTheirOwnPortAreAnsweredBeforeClientsAre) {
  open();
  EXPECT_EQ(ask("/health").status, 0);
  EXPECT_EQ(ask("/livez", Port::kMetrics).status, 200);
  EXPECT_EQ(ask("/version", Port::kPeer).status, 200);
}

TEST_F(PlainTest, TheMetricsPortHasFewerPages) {
  serve();
  EXPECT_EQ(ask("/metrics", Port::kMetrics).status, 200);
  EXPECT_EQ(ask("/version", Port::kMetrics).status, 404);
  EXPECT_EQ(ask("/debug/vars", Port::kMetrics).status, 404);
  EXPECT_EQ(http::header_of(ask("/metrics", Port::kMetrics).headers, "access-control-allow-origin"), "");
}

TEST_F(PlainTest, OriginsOfTheListGetTheirHeaderBack) {
  BackOptions options;
  options.access.origins = {"http://a.example:80"};
  serve(options);
  const auto allowed = [&](const char* origin) {
    const http::PlainResponse response = ask("/version", Port::kClient, "GET", {{"origin", origin}});
    EXPECT_EQ(response.status, 200);
    return std::string(http::header_of(response.headers, "access-control-allow-origin"));
  };
  EXPECT_EQ(allowed("http://a.example:80"), "http://a.example:80");
  EXPECT_EQ(allowed("http://b.example:80"), "");
  EXPECT_EQ(ask("/nothing", Port::kClient, "OPTIONS").status, 200);
}

TEST_F(PlainTest, AForeignHostNameIsMisdirectedOnTheClientPortAlone) {
  BackOptions options;
  options.access.hosts = {"localhost"};
  serve(options);
  EXPECT_EQ(ask("/health", Port::kClient, "GET", {{"host", "localhost:2379"}}).status, 200);
  EXPECT_EQ(ask("/health", Port::kClient, "GET", {{"host", "evil.example:2379"}}).status, 421);
  EXPECT_EQ(ask("/health", Port::kClient, "OPTIONS", {{"host", "evil.example"}}).status, 421);
  EXPECT_EQ(ask("/health", Port::kMetrics, "GET", {{"host", "evil.example"}}).status, 200);
}

TEST_F(PlainTest, AnotherSpellingOfAPathIsRedirected) {
  serve();
  const http::PlainResponse response = ask("//health?exclude=NOSPACE&x=1");
  EXPECT_EQ(response.status, 307);
  EXPECT_EQ(http::header_of(response.headers, "location"), "/health?exclude=NOSPACE&x=1");
  EXPECT_EQ(response.body.view(), "<a href=\"/health?exclude=NOSPACE&amp;x=1\">Temporary Redirect</a>.\n\n");
}

TEST_F(PlainTest, DebugVarsTellTheCommandLineAndTheRaftState) {
  BackOptions options;
  options.command_line = {"etcd", "--name", "a\"b"};
  serve(options);
  const auto vars = nlohmann::json::parse(body("/debug/vars"));
  EXPECT_EQ(vars["cmdline"], nlohmann::json({"etcd", "--name", "a\"b"}));
  EXPECT_EQ(vars["raft.status"]["raftState"], "StateLeader");
  EXPECT_EQ(vars["raft.status"]["progress"]["11"]["state"], "StateReplicate");
  EXPECT_TRUE(vars.contains("memstats"));
  EXPECT_TRUE(vars.contains("file_descriptor_limit"));
}

}  // namespace
}  // namespace quorate::api
