#include "http/server.h"

#include <gtest/gtest.h>

#include <map>

#include "base/limits.h"
#include "http/client.h"
#include "http/testing/fake_world.h"

namespace quorate::http {
namespace {

using testing::FakeWorld;

// Answers each message with itself, each request with its path.
class Echo final : public Handler {
 public:
  void on_call(CallId call, CallHead&& head) override { paths[call] = std::move(head.path); }
  void on_message(CallId call, Bytes message) override { server->send(call, std::move(message)); }
  void on_half_close(CallId call) override {
    if (paths[call] == "/fail") {
      server->finish(call, Status(Code::kNotFound, "n\xC3\xB6 100%"), {{"x-trailer", "1"}});
    } else if (paths[call] != "/hang") {
      server->finish(call, Status());
    }
  }
  void on_cancel(CallId call) override { cancelled.push_back(call); }
  void on_drained(CallId, size_t) override { ++drained; }
  void on_request(CallId call, PlainRequest&& request) override {
    PlainResponse response;
    response.headers = {{"content-type", "text/plain"}};
    response.body = Bytes::copy(request.method + " " + request.path + "?" + request.query + " " + std::string(request.body.view()));
    server->respond(call, std::move(response));
  }

  Server* server = nullptr;
  std::map<CallId, std::string> paths;
  std::vector<CallId> cancelled;
  int drained = 0;
};

struct Seen final : CallEvents {
  void on_message(Bytes message) override { messages.emplace_back(message.view()); }
  void on_end(const Status& how, const Headers& with) override {
    ++ends;
    status = how;
    trailers = with;
  }
  std::vector<std::string> messages;
  int ends = 0;
  Status status;
  Headers trailers;
};

struct Fixture {
  explicit Fixture(const ServerOptions& options = {}) : server(Server::create(world.env(), options, echo)) {
    echo.server = server.get();
  }
  std::unique_ptr<ClientConnection> client() {
    auto pair = world.connect();
    server->adopt(std::move(pair.far));
    return ClientConnection::create(world.env(), std::move(pair.near), {}, [this](const Status&) { ++lost; });
  }
  // What the server answers to raw bytes.
  std::string raw(std::string_view bytes) {
    auto pair = world.connect();
    server->adopt(std::move(pair.far));
    pair.to_far->bytes = std::string(bytes);
    world.settle();
    return pair.to_near->bytes;
  }
  FakeWorld world{1};
  Echo echo;
  std::unique_ptr<Server> server;
  int lost = 0;
};

TEST(Server, AnswersAUnaryCall) {
  Fixture f;
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/echo", {}, seen);
  client->send(call, Bytes::copy("hello"));
  client->half_close(call);
  f.world.settle();
  EXPECT_EQ(seen.ends, 1);
  EXPECT_TRUE(seen.status.ok()) << seen.status.text();
  EXPECT_EQ(seen.messages, std::vector<std::string>{"hello"});
}

TEST(Server, EndsACallWithItsStatusAndTrailers) {
  Fixture f;
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/fail", {}, seen);
  client->half_close(call);
  f.world.settle();
  EXPECT_EQ(seen.status, Status(Code::kNotFound, "n\xC3\xB6 100%"));
  EXPECT_EQ(header_of(seen.trailers, "x-trailer"), "1");
}

TEST(Server, AnswersAPlainRequestOfHttp1) {
  Fixture f;
  const std::string answer = f.raw("GET /health?a=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /health?a=1 ")) << answer;
}

}  // namespace
}  // namespace quorate::http
