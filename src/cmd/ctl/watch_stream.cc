#include "cmd/ctl/watch_stream.h"

#include "cmd/ctl/session.h"

namespace quorate::cmd::ctl {
namespace {

constexpr Duration kReopenPause = 100ms;
constexpr int64_t kAllWatches = -1;  // of a progress notification that was asked for, and of a refused creation

// Why the server ended a watch.
std::string end_text(const pb::WatchResponse& response) {
  if (response.compact_revision != 0) return errors::Compacted().text();
  if (response.cancel_reason.empty()) return errors::FutureRev().text();
  return error_text(Status(Code::kFailedPrecondition, std::string(response.cancel_reason)));
}

}  // namespace

WatchStream::~WatchStream() {
  loop_.cancel(reopen_);
  if (call_ != 0) channel_.cancel(call_);
}

void WatchStream::add(WatchPlan plan) {
  const int64_t id = ++last_id_;
  Watch& watch = watches_[id];
  watch.next_revision = plan.start_revision;
  watch.plan = std::move(plan);
  if (call_ != 0) return create(id, watch);
  if (reopen_ == 0) open();
}

void WatchStream::request_progress() {
  if (call_ == 0) return;
  pb::WatchRequest request;
  request.request = pb::WatchProgressRequest{};
  channel_.send(call_, Bytes::adopt(pb::encode(request)));
}

void WatchStream::open() {
  client::CallOptions options;
  options.metadata = {{"hasleader", "true"}};
  call_ = channel_.open("/etcdserverpb.Watch/Watch", options, *this);
  for (auto& [id, watch] : watches_) {
    watch.created = false;
    create(id, watch);
  }
}

void WatchStream::create(int64_t id, const Watch& watch) {
  pb::WatchCreateRequest create;
  create.key = watch.plan.key;
  create.range_end = watch.plan.range_end;
  create.start_revision = watch.next_revision;
  create.progress_notify = watch.plan.progress_notify;
  create.prev_kv = watch.plan.prev_kv;
  create.watch_id = id;
  pb::WatchRequest request;
  request.request = std::move(create);
  channel_.send(call_, Bytes::adopt(pb::encode(request)));
}

void WatchStream::on_message(Bytes message) {
  pb::WatchResponse response;
  if (!pb::decode(message.view(), response)) return;
  if (response.watch_id == kAllWatches && !response.canceled) {
    for (auto& [id, watch] : watches_) {
      if (watch.created) deliver(watch, response);
    }
    return;
  }
  auto found = watches_.find(response.watch_id);
  if (found == watches_.end() && response.canceled) {
    // A refused creation has no id: answers come in order of their requests.
    found = watches_.begin();
    while (found != watches_.end() && found->second.created) ++found;
  }
  if (found == watches_.end()) return;
  if (response.created) found->second.created = true;
  if (response.canceled) return ended(found->first, response);
  deliver(found->second, response);
}

void WatchStream::deliver(Watch& watch, const pb::WatchResponse& response) {
  if (!response.events.empty()) {
    watch.next_revision = response.events.back().kv.mod_revision + 1;
  } else if (response.header && (!response.created || watch.next_revision == 0)) {
    watch.next_revision = response.header->revision + 1;
  }
  if (!response.created || !response.events.empty()) listener_.on_response(watch.plan, response);
}

void WatchStream::ended(int64_t id, const pb::WatchResponse& response) {
  watches_.erase(id);
  listener_.on_watch_ended(end_text(response));
}

void WatchStream::on_end(const Status& status, const http::Headers&) {
  call_ = 0;
  // A server that answers so is there and says no; anything else is worth another try.
  const bool lost = status.ok() || status.code() == Code::kUnavailable || status.code() == Code::kInternal;
  if (lost && error_text(status) != status.text()) {
    reopen_ = loop_.after(kReopenPause, [this] {
      reopen_ = 0;
      open();
    });
    return;
  }
  watches_.clear();
  listener_.on_watch_ended(error_text(status));
}

}  // namespace quorate::cmd::ctl
