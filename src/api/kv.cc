// The KV service but for its ranges: etcdserverpb.KV (v3 API, section 4).
#include "api/back.h"
#include "pb/codec.h"

namespace quorate::api::kv {
namespace {

// Answers with `response` of an applied entry, its header completed.
template <class Response>
void reply_with_outcome(Back& back, const Responder& call, machine::Outcome& outcome) {
  if (!outcome.status.ok()) return call.fail(outcome.status);
  Response response = std::get<Response>(std::move(outcome.response));
  response.header = back.replica().header(response.header);
  call.reply(pb::encode(response));
}

// What came at `since` took until now.
Duration took(Back& back, MonoTime since) { return back.env().clock.now() - since; }

void answer_read_txn(Back& back, const Responder& call, const pb::TxnRequest& request, MonoTime since) {
  Result<pb::TxnResponse> response = back.replica().machine().store().read_txn(request);
  back.replica().meter().answered(request, response, took(back, since));
  if (!response) return call.fail(response.error());
  response->header = back.replica().header(response->header);
  call.reply(pb::encode(*response));
}

}  // namespace

void put(Back& back, Responder call, Bytes message) {
  pb::PutRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  if (refuse_without_room(back, call, server::Quota::cost_of(request))) return;
  if (const Status status = machine::check(request); !status.ok()) return call.fail(status);
  back.replica().propose(pb::Payload::kPut, message.view(), call.call(), [&back, call](machine::Outcome& outcome) {
    reply_with_outcome<pb::PutResponse>(back, call, outcome);
  });
}

void delete_range(Back& back, Responder call, Bytes message) {
  pb::DeleteRangeRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  if (const Status status = machine::check(request); !status.ok()) return call.fail(status);
  back.replica().propose(
      pb::Payload::kDeleteRange, message.view(), call.call(),
      [&back, call](machine::Outcome& outcome) { reply_with_outcome<pb::DeleteRangeResponse>(back, call, outcome); });
}

void txn(Back& back, Responder call, Bytes message) {
  auto request = std::make_unique<pb::TxnRequest>();
  if (!pb::decode(message.view(), *request)) return call.fail(malformed_request());
  if (refuse_without_room(back, call, server::Quota::cost_of(*request))) return;
  if (const Status status = machine::check(*request, back.options().limits); !status.ok()) return call.fail(status);
  if (!machine::is_read_only(*request)) {
    return back.replica().propose(
        pb::Payload::kTxn, message.view(), call.call(),
        [&back, call](machine::Outcome& outcome) { reply_with_outcome<pb::TxnResponse>(back, call, outcome); });
  }
  const MonoTime since = back.env().core.now();
  if (machine::is_serializable(*request)) return answer_read_txn(back, call, *request, since);
  back.replica().read(
      [&back, call, message = std::move(message), request = std::move(request), since](const Status& status) {
        if (!status.ok()) return call.fail(status);
        answer_read_txn(back, call, *request, since);
      });
}

void compact(Back& back, Responder call, Bytes message) {
  pb::CompactionRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  back.replica().propose(
      pb::Payload::kCompaction, message.view(), call.call(),
      [&back, call](machine::Outcome& outcome) { reply_with_outcome<pb::CompactionResponse>(back, call, outcome); });
}

}  // namespace quorate::api::kv
