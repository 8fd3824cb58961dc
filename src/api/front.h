// api/front.h: the io loop's half of the service: HTTP in, items for the core out, and back.
//
// Loop:    one io loop each.
// Invariants:
//   (1) A call with one request reaches the core when its message and its end are both here; a unary one once.
//   (2) What the core says of a call that is gone is dropped.
//   (3) Credit is returned for every byte that the core sent on a stream, exactly once, while the stream lives.
//   (4) Unary requests that the core has not answered, or that wait for a share of the answers' budget, hold at most
//       limits::kForwardedBytesMax; more are refused. None waits for longer than limits::kBudgetWait.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "api/admission.h"
#include "api/port.h"
#include "http/server.h"

namespace quorate::api {

class Front final : public http::Handler {
 public:
  // A unary call that takes longer than `slow` is logged.
  Front(const env::LoopEnv& env, const http::ServerOptions& options, IoIndex io, Port port, CoreMailbox& core,
        Duration slow);
  ~Front() override;

  http::Server& server() { return *server_; }
  // Kept until the core asks to drain: no connection comes after that.
  void keep(std::unique_ptr<env::Listener> listener) { listeners_.push_back(std::move(listener)); }
  // Where the core answers.
  IoMailbox& mailbox() { return mailbox_; }

  // What is counted against budgets now, all together; 0 where no call is under way.
  size_t budgeted_bytes() const {
    return forwarded_bytes_ + admission_.reserved_bytes() + server_->unsent_bytes() + server_->unfinished_bytes();
  }

  void on_call(http::CallId call, http::CallHead&& head) override;
  void on_message(http::CallId call, Bytes message) override;
  void on_half_close(http::CallId call) override;
  Status cut_off(http::CallId call) override;
  void on_cancel(http::CallId call) override;
  void on_drained(http::CallId call, size_t queued_bytes) override;
  void on_request(http::CallId call, http::PlainRequest&& request) override;

 private:
  struct Open {
    Method method{};
    MethodKind kind{};
    bool require_leader = false;
    uint32_t reserved_bytes = 0;  // of the answers' budget; an answer is below 2 GiB
    uint64_t connection = 0;
    std::string client_api_version;
    bool has_message = false;  // not of a bidirectional stream
    Bytes message;
    size_t forwarded_bytes = 0;  // of the request, while the core has it or it waits
    // Unary, for the log: who asked, what, and when the core was asked.
    std::string peer;
    Bytes request;
    MonoTime since{};
    std::unique_ptr<StageTimes> times;  // unary: until the core has it, if the client asked
    size_t owed_bytes = 0;              // credit not yet returned
    bool in_parts = false;              // unary: the core answers as on a stream
    size_t response_bytes = 0;          // of those parts
  };

  using OpenCalls = std::unordered_map<http::CallId, Open>;

  void forward_message(http::CallId call, Bytes message);
  // Goes on to the core, or waits for its share.
  void admit(http::CallId call, Open& open);
  void forward(http::CallId call, Open& open, AnswerSize size);
  void forward_unary(http::CallId call, Open& open);
  void forward_waiting(size_t connections_max);
  bool take_waiting(uint64_t connection, const Admission::Waiting& waiting);
  void look_at_waiting_later();
  bool may_tell_of_refusal();
  // Forgets the call and ends it.
  void finish(http::CallId call, const Status& status, std::string_view summary = {},
              const http::Headers& trailers = {});
  http::Headers trailers_of(const std::unique_ptr<StageTimes>& times) const;
  void forget(OpenCalls::iterator found);
  void note_answer(const Open& open, std::string_view response, bool ok);
  void on_item(ToIo&& item);
  void send(ToIo&& item);
  void expect_parts(http::CallId call);
  void send_part(ToIo&& item);
  void note_sent(http::CallId call, Open& open, size_t bytes, size_t queued);
  void drain();
  void report_drained();
  void return_credit(http::CallId call, Open& open);
  ToCore item_of(ToCore::Kind kind, http::CallId call) const;

  const env::LoopEnv env_;
  const IoIndex io_;
  const Port port_;
  const Duration slow_;
  CoreMailbox& core_;
  std::unique_ptr<http::Server> server_;
  OpenCalls open_;
  size_t forwarded_bytes_ = 0;
  Admission admission_;
  env::TimerId waiting_timer_ = 0;
  // Refusals of one second; a line is worth the first of them.
  MonoTime refusals_since_{};
  size_t refusals_ = 0;
  std::vector<std::unique_ptr<env::Listener>> listeners_;
  env::TimerId drain_timer_ = 0;
  IoMailbox mailbox_;
};

}  // namespace quorate::api
