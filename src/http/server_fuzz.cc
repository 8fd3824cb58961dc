// Any bytes from a client, in any parts: the server keeps its promises to its handler and ends in silence.
#include <map>

#include "base/check.h"
#include "http/session.h"
#include "http/testing/fake_world.h"

namespace {

using namespace quorate;        // NOLINT: the names are many
using namespace quorate::http;  // NOLINT

// Answers at random, and checks the order of what it is told.
class Checker final : public Handler {
 public:
  void on_call(CallId call, CallHead&& head) override {
    CHECK(open_.emplace(call, false).second);
    const bool at_once = head.path.size() % 3 == 1;
    if (at_once) finish(call);
  }
  void on_message(CallId call, Bytes message) override {
    CHECK(open_.contains(call) && !open_[call]);
    CHECK(message.size() <= 1000);
    server->send(call, message);
    if (message.size() % 7 == 3) finish(call);
  }
  void on_half_close(CallId call) override {
    CHECK(open_.contains(call) && !open_[call]);
    open_[call] = true;
    if (call % 5 != 0) finish(call);
  }
  void on_cancel(CallId call) override { CHECK(open_.erase(call) == 1); }
  void on_drained(CallId call, size_t) override { CHECK(open_.contains(call)); }
  void on_request(CallId call, PlainRequest&& request) override {
    CHECK(open_.emplace(call, true).second);
    if (request.path == "/hang") return;
    open_.erase(call);
    server->respond(call, {.status = 200, .headers = {}, .body = request.body});
  }
  Server* server = nullptr;

 private:
  void finish(CallId call) {
    open_.erase(call);
    server->finish(call, Status(Code::kNotFound, "no"));
  }
  std::map<CallId, bool> open_;  // half-closed?
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  http::testing::FakeWorld world(data[0]);
  Checker checker;
  const auto server = Server::create(world.env(), {.max_message_bytes = 1000, .max_body_bytes = 500}, checker);
  checker.server = server.get();
  auto pair = world.connect(4096);
  server->adopt(std::move(pair.far));
  const bool preface = (data[1] & 1) != 0;
  const bool cut = (data[1] & 2) != 0;
  world.cut_reads(cut);
  if (preface) pair.to_far->bytes = kClientPreface;
  pair.to_far->bytes.append(reinterpret_cast<const char*>(data + 2), size - 2);
  for (int i = 0; i < 200 && world.turn(); ++i) {
    if (i % 3 == 0) pair.to_near->bytes.clear();
  }
  world.clock().advance(1min);
  if ((data[1] & 4) != 0) server->drain();
  pair.to_far->ended = true;
  for (int i = 0; i < 200 && world.turn(); ++i) pair.to_near->bytes.clear();
  return 0;
}
