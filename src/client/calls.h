// client/calls.h: typed calls: a request in, a decoded answer out.
//
// Loop: the channel's. Source: v3 API, section 1.
#pragma once

#include <memory>
#include <utility>

#include "client/channel.h"
#include "pb/codec.h"

namespace quorate::client {

// An answer together with the bytes that its views point into.
template <class Message>
struct Reply {
  Bytes buffer;
  Message message;
};

template <class Message>
using OnReply = std::move_only_function<void(Result<Reply<Message>>)>;

// The answer of `path` decoded with pb's codec for it.
template <class Response, class Request>
void call(Channel& channel, std::string_view path, const Request& request, const CallOptions& options,
          OnReply<Response> done) {
  unary(channel, path, Bytes::adopt(pb::encode(request)), options,
        [done = std::move(done)](Result<Bytes> bytes) mutable {
          if (!bytes) return done(fail(bytes.error()));
          Reply<Response> reply{std::move(*bytes), {}};
          if (!pb::decode(reply.buffer.view(), reply.message)) {
            return done(fail(Code::kInternal, "the server's answer is no valid message"));
          }
          done(std::move(reply));
        });
}

inline void range(Channel& channel, const pb::RangeRequest& request, const CallOptions& options,
                  OnReply<pb::RangeResponse> done) {
  call<pb::RangeResponse>(channel, "/etcdserverpb.KV/Range", request, options, std::move(done));
}
inline void put(Channel& channel, const pb::PutRequest& request, const CallOptions& options,
                OnReply<pb::PutResponse> done) {
  call<pb::PutResponse>(channel, "/etcdserverpb.KV/Put", request, options, std::move(done));
}
inline void delete_range(Channel& channel, const pb::DeleteRangeRequest& request, const CallOptions& options,
                         OnReply<pb::DeleteRangeResponse> done) {
  call<pb::DeleteRangeResponse>(channel, "/etcdserverpb.KV/DeleteRange", request, options, std::move(done));
}
inline void txn(Channel& channel, const pb::TxnRequest& request, const CallOptions& options,
                OnReply<pb::TxnResponse> done) {
  call<pb::TxnResponse>(channel, "/etcdserverpb.KV/Txn", request, options, std::move(done));
}
inline void compact(Channel& channel, const pb::CompactionRequest& request, const CallOptions& options,
                    OnReply<pb::CompactionResponse> done) {
  call<pb::CompactionResponse>(channel, "/etcdserverpb.KV/Compact", request, options, std::move(done));
}
inline void lease_grant(Channel& channel, const pb::LeaseGrantRequest& request, const CallOptions& options,
                        OnReply<pb::LeaseGrantResponse> done) {
  call<pb::LeaseGrantResponse>(channel, "/etcdserverpb.Lease/LeaseGrant", request, options, std::move(done));
}
inline void lease_revoke(Channel& channel, const pb::LeaseRevokeRequest& request, const CallOptions& options,
                         OnReply<pb::LeaseRevokeResponse> done) {
  call<pb::LeaseRevokeResponse>(channel, "/etcdserverpb.Lease/LeaseRevoke", request, options, std::move(done));
}
inline void lease_time_to_live(Channel& channel, const pb::LeaseTimeToLiveRequest& request, const CallOptions& options,
                               OnReply<pb::LeaseTimeToLiveResponse> done) {
  call<pb::LeaseTimeToLiveResponse>(channel, "/etcdserverpb.Lease/LeaseTimeToLive", request, options, std::move(done));
}

}  // namespace quorate::client
