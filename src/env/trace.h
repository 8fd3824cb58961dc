// env/trace.h: stage marks of requests, and the tap on everything that comes in.
//
// Both cost one virtual call where nobody listens. Stage stamps, the path-of-a-put test and the flight
// recorder read them. Threads: each call on the loop where it happens; implementations that are shared
// between loops synchronise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quorate::env {

// The stages that a write passes, in order; a read skips the middle.
enum class Stage : uint8_t {
  kParse,    // io: the request is whole
  kGuard,    // core: admitted
  kPropose,  // handed to raft
  kLog,      // its log write was submitted
  kDurable,  // its log write is durable
  kCommit,   // committed by raft
  kApply,    // in the state machine
  kReply,    // core: the answer is encoded
  kSend,     // io: the answer is in the socket's queue
};
inline constexpr size_t kStages = 9;
std::string_view stage_name(Stage stage);

// Kinds of input, for the recorder. An accept's bytes are the text of the address that was listened on; those of a
// read what was read, of an end the error's text. Sockets of one member have different sources.
enum class Input : uint8_t { kTimer, kAccept, kRead, kReadEnd, kClosed, kWriteDone, kMailbox, kWallClock };

class Trace {
 public:
  virtual ~Trace() = default;
  // `call` is the request's id on its io loop, 0 where a stage covers a batch; `index` its log index where known.
  virtual void mark(Stage stage, uint64_t call, uint64_t index) { (void)stage, (void)call, (void)index; }
  // Something came in through source number `source`.
  virtual void input(Input kind, uint64_t source, std::string_view bytes) { (void)kind, (void)source, (void)bytes; }
};

}  // namespace quorate::env
