// The Lease service: etcdserverpb.Lease (v3 API, section 7).
#include <deque>

#include "api/proto.h"
#include "base/limits.h"
#include "pb/codec.h"

namespace quorate::api::lease_service {

void grant(Back& back, Responder call, Bytes message) {
  pb::LeaseGrantRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  if (refuse_without_room(back, call, server::Quota::cost_of_grant())) return;
  // The bytes as they came; an id of ours goes behind them, where it overrides what is before.
  std::string body(message.view());
  if (request.id == 0) {
    while (request.id == 0) {
      request.id = static_cast<LeaseId>(back.replica().next_request_id() & 0x7fffffffffffffffu);
    }
    pb::LeaseGrantRequest chosen;
    chosen.id = request.id;
    pb::append(chosen, body);
  }
  back.replica().propose(pb::Payload::kLeaseGrant, body, call.call(), [&back, call](machine::Outcome& outcome) {
    if (!outcome.status.ok()) return call.fail(outcome.status);
    pb::LeaseGrantResponse response = std::get<pb::LeaseGrantResponse>(outcome.response);
    response.header = back.replica().header(response.header);
    back.metrics().leases_granted_total.add();
    back.metrics().lease_ttl_s.observe(static_cast<double>(response.ttl_s));
    call.reply(pb::encode(response));
  });
}

void revoke(Back& back, Responder call, Bytes message) {
  pb::LeaseRevokeRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  back.replica().propose(pb::Payload::kLeaseRevoke, message.view(), call.call(),
                         [&back, call](machine::Outcome& outcome) {
                           if (!outcome.status.ok()) return call.fail(outcome.status);
                           pb::LeaseRevokeResponse response = std::get<pb::LeaseRevokeResponse>(outcome.response);
                           back.metrics().leases_revoked_total.add();
                           response.header = back.replica().header(response.header);
                           call.reply(pb::encode(response));
                         });
}

namespace {

void answer_time_to_live(Back& back, const Responder& call, const pb::LeaseTimeToLiveRequest& request) {
  pb::LeaseTimeToLiveResponse response;
  response.header = back.replica().header();
  response.id = request.id;
  const auto info = back.replica().machine().lessor().info(request.id, back.env().clock.now());
  response.ttl_s = info ? info->remaining_ttl_s : -1;
  response.granted_ttl_s = info ? info->granted_ttl_s : 0;
  if (info && request.keys) response.keys.assign(info->keys->begin(), info->keys->end());
  call.reply(pb::encode(response));
}

}  // namespace

// A linearizable read first: the lease may have been granted through another member.
void time_to_live(Back& back, Responder call, Bytes message) {
  pb::LeaseTimeToLiveRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  back.replica().read([&back, call, request](const Status& status) {
    if (!status.ok()) return call.fail(status);
    if (!request.keys) return answer_time_to_live(back, call, request);
    back.replica().settled([&back, call, request](const Status& settled) {
      if (!settled.ok()) return call.fail(settled);
      answer_time_to_live(back, call, request);
    });
  });
}

void leases(Back& back, Responder call, Bytes message) {
  etcdserverpb::LeaseLeasesRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  pb::LeaseLeasesResponse response;
  response.header = back.replica().header();
  response.leases = back.replica().machine().lessor().leases();
  call.reply(pb::encode(response));
}

namespace {

// Renewals of one stream are answered in the order in which they came, one at a time; a client that does not
// read its answers is not renewed further.
class KeepAliveStream final : public Stream {
 public:
  KeepAliveStream(Back& back, StreamWriter writer)
      : back_(back), writer_(writer), alive_(std::make_shared<bool>(true)) {}
  ~KeepAliveStream() override { *alive_ = false; }

  void on_message(Bytes message) override {
    pb::LeaseKeepAliveRequest request;
    if (!pb::decode(message.view(), request)) return end(malformed_message());
    if (waiting_.size() >= limits::kKeepAlivesWaitingMax) return end(errors::RequestTooManyRequests());
    waiting_.push_back(request.id);
    pump();
  }

  void on_half_close() override {
    half_closed_ = true;
    pump();
  }

  void on_credit(size_t bytes) override {
    unsent_bytes_ = writer_.credit(bytes);
    pump();
  }

 private:
  void pump() {
    if (pumping_ || ended_) return;
    pumping_ = true;
    while (!renewing_ && !ended_ && !waiting_.empty() && unsent_bytes_ < limits::kOutputBytesHigh) {
      renewing_ = true;
      const LeaseId lease = waiting_.front();
      waiting_.pop_front();
      // The header is of the moment before the renewal, as etcd's.
      const pb::ResponseHeader header = back_.replica().header();
      back_.replica().leases().renew(lease, [this, lease, header, alive = alive_](Result<int64_t> ttl_s) {
        if (!*alive) return;
        renewing_ = false;
        answer(lease, header, ttl_s);
        pump();
      });
    }
    pumping_ = false;
    if (half_closed_ && !renewing_ && waiting_.empty()) end(Status());
  }

  void answer(LeaseId lease, const pb::ResponseHeader& header, const Result<int64_t>& ttl_s) {
    if (!ttl_s && ttl_s.error() != errors::LeaseNotFound()) return end(ttl_s.error());
    unsent_bytes_ =
        writer_.send(pb::encode(pb::LeaseKeepAliveResponse{.header = header, .id = lease, .ttl_s = ttl_s.value_or(0)}));
  }

  void end(const Status& status) {
    if (std::exchange(ended_, true)) return;
    writer_.finish(status);
  }

  Back& back_;
  StreamWriter writer_;
  std::shared_ptr<bool> alive_;  // false once this is gone, for a renewal under way
  std::deque<LeaseId> waiting_;
  size_t unsent_bytes_ = 0;
  bool renewing_ = false, pumping_ = false, half_closed_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Stream> keep_alive(Back& back, StreamWriter writer) {
  return std::make_unique<KeepAliveStream>(back, writer);
}

}  // namespace quorate::api::lease_service
