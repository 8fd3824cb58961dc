#include "client/channel.h"

#include <memory>

namespace quorate::client {
namespace {

// Owns itself until the call has ended.
class Unary final : public CallEvents {
 public:
  explicit Unary(std::move_only_function<void(Result<Bytes>)> done) : done_(std::move(done)) {}

  void on_message(Bytes message) override { message_ = std::move(message); }

  void on_end(const Status& status, const http::Headers& /*trailers*/) override {
    const std::unique_ptr<Unary> self(this);
    if (!status.ok()) return done_(fail(status));
    if (!message_) return done_(fail(Code::kInternal, "the server ended the call without an answer"));
    done_(std::move(*message_));
  }

 private:
  std::move_only_function<void(Result<Bytes>)> done_;
  std::optional<Bytes> message_;
};

}  // namespace

void unary(Channel& channel, std::string_view path, Bytes message, const CallOptions& options,
           std::move_only_function<void(Result<Bytes>)> done) {
  auto* events = new Unary(std::move(done));  // deletes itself at its end, which every call has
  const CallId call = channel.open(path, options, *events);
  channel.send(call, std::move(message));
  channel.half_close(call);
}

}  // namespace quorate::client
