// api/back.h: the core loop's half of the service: takes items from the io loops and hands them to the services.
//
// Loop:    core.
// Invariants:
//   (1) Every unary call is answered exactly once, by reply or fail of its Responder.
//   (2) A stream object lives from kOpen until it is finished by either side; nothing is sent for it after that.
//   (3) What is held before serve() is bounded in items and in bytes.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/port.h"
#include "api/service_metrics.h"
#include "api/stage_stamps.h"
#include "env/env.h"
#include "machine/guard.h"
#include "server/replica.h"

namespace quorate::api {

class Back;
class StreamWriter;

// The way back to one unary call; a small value that a completion can hold. Safe to use after the client is gone.
class Responder {
 public:
  Responder(Back& back, IoIndex io, http::CallId call, Method method, MonoTime since)
      : back_(&back), call_(call), since_(since), io_(io), method_(method) {}

  // Ends the call with one encoded message.
  void reply(std::string encoded) const;
  void fail(const Status& status) const;
  // Instead of both: the answer is made while it leaves, by a Stream that Back adopts.
  StreamWriter in_parts() const;
  uint64_t call() const { return call_; }

 private:
  friend class Back;
  Back* back_;
  http::CallId call_;
  MonoTime since_;
  IoIndex io_;
  Method method_;
};

// One gRPC stream, seen from its service. Destroyed when it ends; its owner is Back.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual void on_message(Bytes message) = 0;
  virtual void on_half_close() {}
  // `unsent_bytes` of what was sent have not left yet.
  virtual void on_credit(size_t unsent_bytes) { (void)unsent_bytes; }
  // A slice of long work that was asked for; true to be asked again.
  virtual bool on_turn() { return false; }
};

// The way back to one stream's client, for the stream object itself.
class StreamWriter {
 public:
  StreamWriter(Back& back, IoIndex io, http::CallId call, Method method, MonoTime since)
      : back_(&back), call_(call), since_(since), io_(io), method_(method) {}

  // Both return the stream's unsent bytes.
  size_t send(std::string encoded);
  size_t send_pieces(std::vector<Bytes> pieces);
  // Of a unary call: the size of its answer, then the parts that make it up. The second returns the unsent bytes.
  void begin_message(size_t message_bytes) { message_bytes_ = message_bytes; }
  size_t send_part(std::string part);
  // Ends the stream. The stream object is destroyed on a later turn; what is sent after this is dropped. `summary` is
  // for the log of a unary call.
  void finish(const Status& status, std::string summary = {});
  // Asks for Stream::on_turn.
  void want_turn();
  size_t credit(size_t bytes) { return unsent_bytes_ -= std::min(bytes, unsent_bytes_); }

 private:
  Back* back_;
  http::CallId call_;
  MonoTime since_;
  IoIndex io_;
  Method method_;
  size_t unsent_bytes_ = 0;
  size_t message_bytes_ = 0;  // to be told with the first part
  bool finished_ = false;
};

struct BackOptions {
  machine::GuardLimits limits;
  bool extensive_metrics = false;  // --metrics extensive
  Access access;
  std::vector<std::string> command_line;  // as /debug/vars shows it
};

class Back {
 public:
  // `stamps` is a part of `env`'s trace.
  Back(const env::Env& env, server::Replica& replica, StageStamps& stamps, const BackOptions& options);
  ~Back();

  CoreMailbox& inbox() { return inbox_; }
  // Io loop number io answers here. Before any item of it arrives.
  void attach(IoIndex io, IoMailbox& mailbox);
  // Begins to answer; what came before waited.
  void serve();
  // Ends all streams (Unavailable), refuses what still comes, and asks the io loops to end their connections;
  // `drained` is called for each loop that has none left.
  void stop(std::move_only_function<void()> drained);

  server::Replica& replica() { return replica_; }
  const env::Env& env() const { return env_; }
  const BackOptions& options() const { return options_; }
  ServiceMetrics& metrics() { return metrics_; }
  StageStamps& stamps() { return stamps_; }

  // A unary call is answered in parts from here on, by `stream`.
  void adopt(const Responder& call, std::unique_ptr<Stream> stream);
  // What such calls have not sent yet, all together.
  size_t parts_bytes() const { return parts_bytes_; }
  void count_parts(size_t before, size_t now) { parts_bytes_ = parts_bytes_ - before + now; }

  // For Responder and StreamWriter.
  void answer(IoIndex io, ToIo&& item) { io_[io]->push(std::move(item)); }
  void end_stream(IoIndex io, http::CallId call);
  void want_turn(IoIndex io, http::CallId call);
  void confuse(ToIo& reply);  // Mutant::kWrongStream: one call in sixteen gets the reply of the one before

 private:
  struct OpenStream {
    std::unique_ptr<Stream> stream;
    Method method{};
    bool require_leader = false;
    MonoTime since{};
    bool wants_turn = false;
  };
  using StreamKey = std::pair<IoIndex, http::CallId>;

  void on_item(ToCore&& item);
  void hold(ToCore&& item);
  void count_client(const ToCore& item);
  void on_unary(ToCore&& item);
  void on_open(const ToCore& item);
  void on_stream_item(ToCore&& item);
  void finish_stream(const StreamKey& key, const OpenStream& open, const Status& status);
  void take_turn();
  void await_leader_check();
  void check_leader();

  const env::Env& env_;
  server::Replica& replica_;
  StageStamps& stamps_;
  const BackOptions options_;
  ServiceMetrics metrics_;
  std::vector<IoMailbox*> io_;
  std::map<StreamKey, OpenStream> streams_;
  std::deque<StreamKey> turns_;  // of streams with long work, one slice of one of them a turn
  size_t parts_bytes_ = 0;
  std::vector<std::unique_ptr<Stream>> ended_;  // until no caller of theirs is on the stack
  int leaderless_ticks_ = 0;
  env::TimerId leader_timer_ = 0;
  bool serving_ = false, stopping_ = false;
  std::vector<ToCore> held_;  // until serve()
  size_t held_bytes_ = 0;
  std::move_only_function<void()> drained_;
  Bytes previous_reply_;  // these two for the mutant alone
  uint64_t replies_ = 0;
  CoreMailbox inbox_;
};

// The services: one function per unary method (kv.cc, lease.cc, ...), one factory per streaming one.
namespace kv {
void range(Back& back, Responder call, Bytes message);
void put(Back& back, Responder call, Bytes message);
void delete_range(Back& back, Responder call, Bytes message);
void txn(Back& back, Responder call, Bytes message);
void compact(Back& back, Responder call, Bytes message);
std::unique_ptr<Stream> range_stream(Back& back, StreamWriter writer);
}  // namespace kv
namespace lease_service {
void grant(Back& back, Responder call, Bytes message);
void revoke(Back& back, Responder call, Bytes message);
void time_to_live(Back& back, Responder call, Bytes message);
void leases(Back& back, Responder call, Bytes message);
std::unique_ptr<Stream> keep_alive(Back& back, StreamWriter writer);
}  // namespace lease_service
namespace watch_service {
std::unique_ptr<Stream> watch(Back& back, StreamWriter writer);
}
namespace cluster {
void member_list(Back& back, Responder call, Bytes message);
}
namespace maintenance {
void status(Back& back, Responder call, Bytes message);
void alarm(Back& back, Responder call, Bytes message);
void hash_kv(Back& back, Responder call, Bytes message);
void defragment(Back& back, Responder call, Bytes message);
void hash(Back& back, Responder call, Bytes message);
}  // namespace maintenance
namespace auth_service {
void status(Back& back, Responder call, Bytes message);
void authenticate(Back& back, Responder call, Bytes message);
}  // namespace auth_service
namespace health {
void check(Back& back, Responder call, Bytes message);
void list(Back& back, Responder call, Bytes message);
std::unique_ptr<Stream> watch(Back& back, StreamWriter writer);
}  // namespace health

// What HTTP clients other than gRPC ask for: /health, /version, /metrics and the peer port's pages.
namespace plain {
void serve(Back& back, IoIndex io, http::CallId call, PlainCall&& plain);
}

// Where there is no room for what costs so much: raises the alarm, then refuses, and returns true.
bool refuse_without_room(Back& back, const Responder& call, uint64_t cost);
// For a message that is no valid protobuf, as gRPC's servers say it of unary calls and of streams.
Status malformed_request();
// The same of a message with fields of type `string` on its top level: the first fault counts, and text that is not
// UTF-8 is one with a name of its own.
Status malformed_request(const Bytes& message, std::initializer_list<uint32_t> string_fields);
Status malformed_message();
// Of an answer above limits::kMaxSendBytes.
Status larger_than_can_be_sent(size_t bytes);

}  // namespace quorate::api
