// http/connection.h: the parts of a Server: its calls, its connections, and what a connection speaks.
//
// Loop: the server's.
// Invariants:
//   (1) A Call belongs to one Protocol from open_call to close_call; its slot is used again under another id.
//   (2) A Connection that is lost or done is kept until the end of the turn, so that no callback's ground is
//       taken away.
//   (3) All output of a turn leaves in the turn hook, by as few writes as the socket allows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "http/message_reader.h"
#include "http/output.h"
#include "http/server.h"
#include "http/session.h"
#include "http/share.h"
#include "http/stall.h"

namespace quorate::http {

class Connection;
class Protocol;
class ServerState;

// One gRPC call or plain request.
struct Call : StreamState {
  CallId call_id = 0;  // 0: a free slot
  uint64_t generation = 0;
  Protocol* protocol = nullptr;
  Call* previous = nullptr;  // in its protocol's list
  Call* next = nullptr;
  env::TimerId deadline = 0;
  size_t held_bytes = 0;        // of the unfinished request
  size_t unconsumed_bytes = 0;  // taken, and not yet given back to the stream's window
  bool grpc = false;
  bool told = false;       // the handler knows it
  bool ended = false;      // the handler has finished it or was told of its end
  bool responded = false;  // headers went out
  bool half_closed = false;
  bool above_high = false;
  bool head_only = false;    // HEAD
  bool gzip = false;         // the client compresses, and so do we
  std::string content_type;  // of a gRPC answer; empty for the plain one
  MessageReader reader;
  std::unique_ptr<PlainRequest> request;
  std::string body;
  std::optional<uint64_t> announced_bytes;  // content-length of the body
  Stall stall;
};

// What is spoken on a connection.
class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void on_bytes(std::string_view bytes) = 0;
  virtual void on_read_end() = 0;
  // Moves what is to be sent to `out`, at most about limits::kSocketBytesHigh. Called at the end of a turn.
  virtual void produce(Output& out) = 0;
  // Nothing more will be sent or understood: close once the output is written.
  virtual bool done() const = 0;
  // Bytes that calls have queued and that are in no Output yet.
  virtual size_t queued_bytes() const = 0;
  // The connection's, with what its output holds.
  virtual size_t unsent_bytes() const = 0;
  // Frames, or whatever else answers to what came, that wait besides.
  virtual size_t queued_frames() const { return 0; }
  // Ends the calls that have made no progress for so long, of which this is one of the looks (stall.h).
  virtual void cut_stalled(Duration still_max) { (void)still_max; }
  virtual void drain() = 0;
  // The connection is gone: every open call is told.
  virtual void on_lost() = 0;

  virtual size_t send(Call& call, Bytes message) = 0;
  virtual size_t send_pieces(Call& call, std::vector<Bytes>&& pieces) = 0;
  virtual void begin_message(Call& call, size_t message_bytes) = 0;
  virtual size_t send_part(Call& call, Bytes part) = 0;
  virtual void finish(Call& call, const Status& status, const Headers& trailers) = 0;
  virtual void respond(Call& call, PlainResponse&& response) = 0;
  virtual void on_deadline(Call& call) = 0;
};

// A socket, its output, and its protocol once the first bytes have told it.
class Connection final : public env::SocketEvents {
 public:
  Connection(ServerState& server, std::unique_ptr<env::Socket> socket);
  ~Connection() override;

  void start();
  ServerState& server() { return server_; }
  Output& output() { return output_; }
  const std::string& peer() const { return peer_; }
  // Asks for flush() at the end of this turn.
  void touch();
  // Writes what there is. Closes the connection when its protocol is done.
  void flush();
  void drain();
  // Closes at once; open calls are told.
  void lose();
  // Closes after limits::kLinger, if nothing closes it before.
  void lose_soon();
  // What is awaited has to arrive in this; nullopt: nothing is awaited.
  void expect_within(std::optional<Duration> timeout);
  // Bytes of answers that have not left.
  size_t unsent_bytes() const { return output_.size() + (protocol_ ? protocol_->queued_bytes() : 0); }
  uint64_t id() const { return id_; }
  // One of the looks at who has stood still for so long: it, or calls of it, are cut.
  void cut_stalled(Duration still_max);
  // Reading goes on while no reason to pause is set.
  enum class Pause : uint8_t { kPipeline = 1, kOutput = 2 };
  void pause_reading(Pause reason);
  void resume_reading(Pause reason);

  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  void on_writable() override;
  void on_closed(const Status& why) override;

 private:
  friend class ServerState;
  void sniff(std::string_view bytes);
  void begin_linger();
  void come_back();

  ServerState& server_;
  std::unique_ptr<env::Socket> socket_;
  std::unique_ptr<Protocol> protocol_;
  const std::string peer_;
  const uint64_t id_;
  const std::shared_ptr<Connection*> self_;  // for tasks that may run after us
  std::string first_bytes_;                  // until the protocol is known
  Output output_;
  Share output_share_;
  uint64_t written_bytes_ = 0;
  Stall stall_;
  env::TimerId first_timer_ = 0;
  env::TimerId linger_timer_ = 0;
  size_t place_ = 0;  // in the server's list
  bool dirty_ = false;
  bool blocked_ = false;  // the socket took less than it was given
  uint8_t pauses_ = 0;    // a set of Pause
  bool read_ended_ = false;
  bool draining_ = false;
  bool lingering_ = false;  // our direction has ended; what still comes is dropped
  bool gone_ = false;
};

// What all connections of a Server share.
class ServerState final : public Server {
 public:
  static constexpr size_t kWrittenPerTurn = 4 * 1024 * 1024;  // of all; above it each socket has one write more
  static constexpr size_t kToldPerLook = 20;                  // lines about who was cut; the rest is counted

  ServerState(const env::LoopEnv& env, const ServerOptions& options, Handler& handler);
  ~ServerState() override;

  void adopt(std::unique_ptr<env::Socket> socket) override;
  size_t send(CallId call, Bytes message) override;
  size_t send_pieces(CallId call, std::vector<Bytes> pieces) override;
  void begin_message(CallId call, size_t message_bytes) override;
  size_t send_part(CallId call, Bytes part) override;
  void finish(CallId call, const Status& status, const Headers& trailers) override;
  void respond(CallId call, PlainResponse&& response) override;
  void drain() override;
  size_t open_connections() const override { return connections_.size(); }
  size_t unsent_bytes() const override { return unsent_bytes_; }
  size_t unsent_bytes(CallId call) override;
  size_t unfinished_bytes() const override { return unfinished_bytes_; }
  const ServerCounters& counters() const override { return counters_; }

  const env::LoopEnv& env() { return env_; }
  const ServerOptions& options() const { return options_; }
  Handler& handler() { return handler_; }
  ServerCounters& mutable_counters() { return counters_; }
  // For Shares.
  size_t& unsent_budget() { return unsent_bytes_; }
  size_t& unfinished_budget() { return unfinished_bytes_; }

  // Null when limits::kCallsPerServerMax are open.
  Call* open_call(Protocol& protocol);
  void close_call(Call& call);
  void set_deadline(Call& call, Duration timeout);
  // Tells the handler that the call is over, unless it knows.
  void cancel(Call& call);

  // Whether there is to be a line about one more who was cut in this look.
  bool may_tell() { return ++cut_in_look_ <= kToldPerLook; }
  void touched(Connection& connection) { dirty_.push_back(&connection); }
  // So that many who read fast do not make a turn long: when enough was written in it, each has one round more.
  void count_written(size_t bytes) { written_in_turn_ += bytes; }
  int rounds_left(int most) const { return written_in_turn_ > kWrittenPerTurn ? 1 : most; }
  // Frees the connection at the end of the turn.
  void retire(Connection& connection);
  // The current date as HTTP prints it.
  std::string_view http_date();

 private:
  Call* find(CallId id);
  void end_of_turn();
  void look_for_stalls();

  env::LoopEnv env_;
  const ServerOptions options_;
  Handler& handler_;
  ServerCounters counters_;
  size_t unsent_bytes_ = 0;
  size_t unfinished_bytes_ = 0;
  env::TimerId stall_timer_ = 0;
  size_t written_in_turn_ = 0;
  size_t cut_in_look_ = 0;
  std::shared_ptr<ServerState*> self_;  // emptied by the destructor, so that the turn hook may outlive us
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<uint32_t> free_calls_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> retired_;
  std::vector<Connection*> dirty_;
  bool draining_ = false;
  int64_t date_second_ = -1;
  std::string date_;
};

std::unique_ptr<Protocol> make_http1(Connection& connection);
std::unique_ptr<Protocol> make_http2(Connection& connection);

}  // namespace quorate::http
