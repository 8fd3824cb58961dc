// api/port.h: what io loops and the core loop tell each other, and nothing else between them.
//
// A unary call crosses once each way. A stream is opened, fed, and ended by items in order. An io loop gives
// credit back as a stream's bytes leave, so that the core knows what is unsent. A unary call whose answer is made while
// it leaves is a stream of parts from kExpect on. kDrain asks an io loop to end its
// connections; kDrained says that there are none left.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/methods.h"
#include "api/stage_stamps.h"
#include "base/bytes.h"
#include "base/status.h"
#include "env/mailbox.h"
#include "http/server.h"

namespace quorate::api {

using IoIndex = uint16_t;  // which io loop

// Which listener a plain request came in by.
enum class Port : uint8_t { kClient, kPeer, kMetrics };

struct PlainCall {
  Port port = Port::kClient;
  http::PlainRequest request;
};

struct ToCore {
  enum class Kind : uint8_t { kUnary, kOpen, kMessage, kHalfClose, kCancel, kCredit, kPlain, kDrained };
  Kind kind = Kind::kUnary;
  Method method{};                 // kUnary, kOpen
  bool require_leader = false;     // kUnary, kOpen: metadata hasleader: true
  std::string client_api_version;  // kUnary, kOpen: metadata client-api-version; empty for none
  IoIndex io = 0;
  http::CallId call = 0;
  Bytes message;                      // kUnary, kMessage
  std::unique_ptr<StageTimes> times;  // kUnary: where its time went, if that was asked for
  size_t credit_bytes = 0;            // kCredit: so many bytes of the stream have left
  std::unique_ptr<PlainCall> plain;   // kPlain
};

struct ToIo {
  enum class Kind : uint8_t { kReply, kSend, kExpect, kPart, kFinish, kRespond, kDrain };
  Kind kind = Kind::kReply;
  http::CallId call = 0;      // not of kDrain
  Bytes message;              // kReply, kSend with one piece, kPart; kFinish after parts: what the log tells of them
  size_t message_bytes = 0;   // kPart, the first: of the whole
  std::vector<Bytes> pieces;  // kSend with several
  Status status;              // kFinish
  std::unique_ptr<StageTimes> times;              // kReply, kFinish: of a call that asked for them
  std::unique_ptr<http::PlainResponse> response;  // kRespond
};

using CoreMailbox = env::Mailbox<ToCore>;
using IoMailbox = env::Mailbox<ToIo>;

}  // namespace quorate::api
