// cmd/ctl/watch_stream.h: several watches over one stream, which is opened again when it was lost.
//
// Loop: the channel's.
// Invariants:
//   (1) Events of a watch come once and in order of their revisions, also across a lost connection.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "client/channel.h"
#include "cmd/ctl/watch_arguments.h"
#include "env/env.h"

namespace quorate::cmd::ctl {

// What a watch tells. Neither may destroy the stream.
class WatchListener {
 public:
  virtual ~WatchListener() = default;
  // Events, or a progress notification.
  virtual void on_response(const WatchPlan& plan, const pb::WatchResponse& response) = 0;
  // A watch has ended; `why` is the Error text.
  virtual void on_watch_ended(const std::string& why) = 0;
};

class WatchStream final : private client::CallEvents {
 public:
  WatchStream(client::Channel& channel, env::Loop& loop, WatchListener& listener)
      : channel_(channel), loop_(loop), listener_(listener) {}
  ~WatchStream() override;

  void add(WatchPlan plan);
  // Every watch is told how far the server is. Does nothing without a stream.
  void request_progress();

 private:
  struct Watch {
    WatchPlan plan;
    Revision next_revision = 0;  // 0: the server's next one
    bool created = false;
  };

  void on_message(Bytes message) override;
  void on_end(const Status& status, const http::Headers& trailers) override;
  void open();
  void create(int64_t id, const Watch& watch);
  void deliver(Watch& watch, const pb::WatchResponse& response);
  void ended(int64_t id, const pb::WatchResponse& response);

  client::Channel& channel_;
  env::Loop& loop_;
  WatchListener& listener_;
  std::map<int64_t, Watch> watches_;  // by the id that the server was told
  int64_t last_id_ = 0;
  client::CallId call_ = 0;
  env::TimerId reopen_ = 0;
};

}  // namespace quorate::cmd::ctl
