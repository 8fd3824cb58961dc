// http/testing/echo.h: a server whose handler echoes, in a world made by hand.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/testing/fake_world.h"

namespace quorate::http::testing {

// Answers each message with itself and each request with its words. "/fail" ends in NotFound, "/hang" never
// ends, "/quiet" takes messages without an answer, and a request for "/later" waits.
class Echo final : public Handler {
 public:
  void on_call(CallId call, CallHead&& head) override {
    paths[call] = head.path;
    heads.push_back(std::move(head));
  }
  void on_message(CallId call, Bytes message) override {
    received_bytes += message.size();
    ++messages;
    if (paths[call] != "/quiet") server->send(call, std::move(message));
  }
  void on_half_close(CallId call) override {
    if (paths[call] == "/fail") {
      server->finish(call, Status(Code::kNotFound, "n\xC3\xB6 100%"), {{"x-trailer", "1"}});
    } else if (paths[call] != "/hang") {
      server->finish(call, Status());
    }
  }
  void on_cancel(CallId call) override { cancelled.push_back(call); }
  void on_drained(CallId call, size_t) override { drained.push_back(call); }
  void on_request(CallId call, PlainRequest&& request) override {
    last_request = call;
    if (request.path == "/later") return;
    PlainResponse response;
    response.headers = {{"content-type", "text/plain"}};
    response.body =
        Bytes::copy(request.method + " " + request.path + "?" + request.query + " " + std::string(request.body.view()));
    server->respond(call, std::move(response));
  }

  Server* server = nullptr;
  std::map<CallId, std::string> paths;
  std::vector<CallHead> heads;
  std::vector<CallId> cancelled;
  std::vector<CallId> drained;
  CallId last_request = 0;
  size_t received_bytes = 0;
  size_t messages = 0;
};

// What a client's call saw.
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

// A connection whose client is the test itself.
struct RawClient {
  std::unique_ptr<env::Socket> socket;
  std::shared_ptr<Pipe> in;   // what the server says
  std::shared_ptr<Pipe> out;  // what it is told
  // All that the server has said and that was not taken before.
  std::string take() { return std::exchange(in->bytes, {}); }
  bool closed() const { return in->ended; }
};

struct EchoFixture {
  explicit EchoFixture(const ServerOptions& options = {}, uint64_t seed = 1)
      : world(seed), server(Server::create(world.env(), options, echo)) {
    echo.server = server.get();
  }
  std::unique_ptr<ClientConnection> client(const ClientOptions& options = {}) {
    auto pair = world.connect();
    server->adopt(std::move(pair.far));
    return ClientConnection::create(world.env(), std::move(pair.near), options, [this](const Status&) { ++lost; });
  }
  RawClient raw(std::string_view bytes, size_t capacity = 64 * 1024) {
    auto pair = world.connect(capacity);
    server->adopt(std::move(pair.far));
    pair.to_far->bytes = std::string(bytes);
    world.settle();
    return {std::move(pair.near), pair.to_near, pair.to_far};
  }
  void say(RawClient& to, std::string_view bytes) {
    to.out->bytes.append(bytes);
    world.settle();
  }

  FakeWorld world;
  Echo echo;
  std::unique_ptr<Server> server;
  int lost = 0;
};

}  // namespace quorate::http::testing
