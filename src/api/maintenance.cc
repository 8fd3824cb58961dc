// The Maintenance service: etcdserverpb.Maintenance (v3 API, section 10).
#include "api/proto.h"
#include "api/version.h"
#include "base/crc32c.h"
#include "pb/codec.h"

namespace quorate::api::maintenance {
namespace {

// A message in protobuf's text form, as etcd puts it among the errors of a member.
std::string alarm_text(const machine::Alarm& alarm) {
  const auto type = static_cast<etcdserverpb::AlarmType>(alarm.first);
  const std::string name = AlarmType_IsValid(type) ? AlarmType_Name(type) : std::to_string(type);
  const std::string member = alarm.second == 0 ? "" : "memberID:" + std::to_string(alarm.second) + " ";
  return member + "alarm:" + name;
}

}  // namespace

void status(Back& back, Responder call, Bytes message) {
  etcdserverpb::StatusRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  const server::Replica& replica = back.replica();
  etcdserverpb::StatusResponse response;
  fill_header(*response.mutable_header(), replica.header());
  response.set_version(kEtcdVersion);
  response.set_dbsize(replica.quota().db_bytes());
  response.set_dbsizeinuse(replica.quota().db_bytes_in_use());
  response.set_dbsizequota(replica.quota().quota_bytes());
  response.set_leader(replica.leader());
  response.set_raftindex(replica.commit());
  response.set_raftappliedindex(replica.machine().applied_index());
  response.set_raftterm(replica.term());
  response.set_storageversion(kStorageVersion);
  response.mutable_downgradeinfo();
  if (replica.leader() == 0) response.add_errors(errors::NoLeader().text());
  for (const machine::Alarm& alarm : replica.machine().alarms()) response.add_errors(alarm_text(alarm));
  call.reply(response.SerializeAsString());
}

// An unknown action ends a real etcd.
void alarm(Back& back, Responder call, Bytes message) {
  etcdserverpb::AlarmRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  if (!etcdserverpb::AlarmRequest::AlarmAction_IsValid(request.action())) {
    return call.fail(Status(Code::kInvalidArgument, "etcdserver: unknown alarm action"));
  }
  back.replica().propose(pb::Payload::kAlarm, message.view(), call.call(), [&back, call](machine::Outcome& outcome) {
    if (!outcome.status.ok()) return call.fail(outcome.status);
    auto response = std::get<pb::AlarmResponse>(std::move(outcome.response));
    response.header = back.replica().header(response.header);
    call.reply(pb::encode(response));
  });
}

// There is no file with holes in it: done at once, and the size that is told falls. The answer has no header, as
// etcd's.
void defragment(Back& back, Responder call, Bytes message) {
  etcdserverpb::DefragmentRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  back.replica().quota().defragment();
  call.reply({});
}

// Of what tells two states apart without a walk over them: members that applied the same give the same. HashKV is
// the one that covers every pair.
void hash(Back& back, Responder call, Bytes message) {
  etcdserverpb::HashRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  const mvcc::Store& store = back.replica().machine().store();
  std::string summary;
  for (const uint64_t number : {static_cast<uint64_t>(store.revision()), static_cast<uint64_t>(store.compacted()),
                                store.keys(), static_cast<uint64_t>(back.replica().machine().lessor().size())}) {
    summary += std::to_string(number) + ";";
  }
  etcdserverpb::HashResponse response;
  fill_header(*response.mutable_header(), back.replica().header());
  response.set_hash(crc32c(summary));
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
