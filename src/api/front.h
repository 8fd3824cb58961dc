// api/front.h: the io loop's half of the service: HTTP in, items for the core out, and back.
//
// Loop:    one io loop each.
// Invariants:
//   (1) A unary call reaches the core once, when its one message and its end are both here.
//   (2) What the core says of a call that is gone is dropped.
//   (3) Credit is returned for every byte that the core sent on a stream, exactly once, while the stream lives.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "api/port.h"
#include "http/server.h"

namespace quorate::api {

class Front final : public http::Handler {
 public:
  Front(const env::LoopEnv& env, const http::ServerOptions& options, IoIndex io, Port port, CoreMailbox& core);
  ~Front() override;

  http::Server& server() { return *server_; }
  // Kept until the core asks to drain: no connection comes after that.
  void keep(std::unique_ptr<env::Listener> listener) { listeners_.push_back(std::move(listener)); }
  // Where the core answers.
  IoMailbox& mailbox() { return mailbox_; }

  void on_call(http::CallId call, http::CallHead&& head) override;
  void on_message(http::CallId call, Bytes message) override;
  void on_half_close(http::CallId call) override;
  void on_cancel(http::CallId call) override;
  void on_drained(http::CallId call, size_t queued_bytes) override;
  void on_request(http::CallId call, http::PlainRequest&& request) override;

 private:
  struct Open {
    Method method{};
    bool streaming = false;
    bool require_leader = false;
    bool has_message = false;
    bool forwarded = false;  // unary: the core has it
    Bytes message;
    size_t owed_bytes = 0;  // credit not yet returned
  };

  void forward_unary(http::CallId call, Open& open);
  void on_item(ToIo&& item);
  void send(ToIo&& item);
  void drain();
  void report_drained();
  void return_credit(http::CallId call, Open& open);
  ToCore item_of(ToCore::Kind kind, http::CallId call) const;

  const env::LoopEnv env_;
  const IoIndex io_;
  const Port port_;
  CoreMailbox& core_;
  std::unique_ptr<http::Server> server_;
  std::unordered_map<http::CallId, Open> open_;
  std::vector<std::unique_ptr<env::Listener>> listeners_;
  env::TimerId drain_timer_ = 0;
  IoMailbox mailbox_;
};

}  // namespace quorate::api
