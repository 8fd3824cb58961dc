// The Maintenance service: etcdserverpb.Maintenance (v3 API, section 10).
#include "api/proto.h"
#include "api/version.h"

namespace quorate::api::maintenance {
namespace {

constexpr int64_t kDefaultQuotaBytes = 2'147'483'648;  // what etcd reports while none is set

}  // namespace

void status(Back& back, Responder call, Bytes message) {
  etcdserverpb::StatusRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  const server::Replica& replica = back.replica();
  etcdserverpb::StatusResponse response;
  fill_header(*response.mutable_header(), replica.header());
  response.set_version(kEtcdVersion);
  response.set_dbsize(static_cast<int64_t>(replica.machine().store().bytes()));
  response.set_dbsizeinuse(static_cast<int64_t>(replica.machine().store().bytes()));
  response.set_dbsizequota(kDefaultQuotaBytes);
  response.set_leader(replica.leader());
  response.set_raftindex(replica.commit());
  response.set_raftappliedindex(replica.machine().applied_index());
  response.set_raftterm(replica.term());
  response.set_storageversion(kStorageVersion);
  response.mutable_downgradeinfo();
  if (replica.leader() == 0) response.add_errors(errors::NoLeader().text());
  call.reply(response.SerializeAsString());
}

// There is nothing yet that raises an alarm: the list is empty. Raising and clearing come with quotas.
void alarm(Back& back, Responder call, Bytes message) {
  etcdserverpb::AlarmRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  if (request.action() != etcdserverpb::AlarmRequest::GET) {
    return call.fail(Status(Code::kUnimplemented, "alarms cannot be raised or cleared yet"));
  }
  etcdserverpb::AlarmResponse response;
  fill_header(*response.mutable_header(), back.replica().header());
  call.reply(response.SerializeAsString());
}

// Of this member alone: no quorum is asked.
void hash_kv(Back& back, Responder call, Bytes message) {
  etcdserverpb::HashKVRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  back.replica().hash(request.revision(), [&back, call](const Result<mvcc::KeyHash>& hash) {
    if (!hash) return call.fail(hash.error());
    etcdserverpb::HashKVResponse response;
    fill_header(*response.mutable_header(), back.replica().header());
    response.set_hash(hash->hash);
    response.set_compact_revision(hash->compact_revision);
    response.set_hash_revision(hash->revision);
    call.reply(response.SerializeAsString());
  });
}

}  // namespace quorate::api::maintenance
