#include "mvcc/long_write.h"

#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::mvcc {

LongWrite::LongWrite(Store& store, LeaseBook& leases) : store_(store), write_(store.begin(leases)) {
  store.keys_before_ = store.keys();
  store.writing_ = true;
}

void LongWrite::touch(std::string_view key) {
  if (!span_.revision) span_ = {.revision = write_.revision, .first = std::string(key), .last = std::string(key)};
  if (key < span_.first) span_.first = key;
  if (key > span_.last) span_.last = key;
}

bool LongWrite::remove(std::string& next_key, std::string_view range_end, bool prev_kv,
                       pb::DeleteRangeResponse& response, size_t& budget) {
  auto place = store_.space_.tree().seek_live(next_key);
  const KeyRange range{next_key, range_end};
  const Key* last = nullptr;
  for (; !place.at_end() && range.contains(place.key().text()); place.next_live(), --budget) {
    if (budget == 0) break;
    if (!last) touch(place.key().text());
    last = &place.key();
    ++response.deleted;
    if (prev_kv) response.prev_kvs.push_back(last->newest->kv());
    store_.remove(place, write_);
    if (mutated(Mutant::kHalfDelete)) store_.end(write_);
  }
  if (last) touch(last->text());
  if (place.at_end() || !range.contains(place.key().text())) return true;
  next_key = place.key().text();
  return false;
}

void LongWrite::publish() {
  CHECK(store_.writing_);
  store_.writing_ = false;
  store_.end(write_);
  if (span_.revision != 0) store_.last_long_ = std::move(span_);
}

// --- Deletion

Deletion::Deletion(Store& store, const pb::DeleteRangeRequest& request, LeaseBook& leases)
    : LongWrite(store, leases), range_end_(request.range_end), prev_kv_(request.prev_kv), next_key_(request.key) {}

bool Deletion::step(size_t budget) { return remove(next_key_, range_end_, prev_kv_, response_, budget); }

pb::DeleteRangeResponse Deletion::finish() {
  publish();
  response_.header = pb::ResponseHeader{.revision = write_.view()};
  return std::move(response_);
}

// --- LongTxn

Result<std::unique_ptr<LongTxn>> LongTxn::open(Store& store, const pb::TxnRequest& request, LeaseBook& leases) {
  TxnPath path;
  if (Status status = store.check_txn(request, path, leases); !status.ok()) return fail(std::move(status));
  return std::unique_ptr<LongTxn>(new LongTxn(store, request, path, leases));
}

LongTxn::LongTxn(Store& store, const pb::TxnRequest& request, TxnPath& path, LeaseBook& leases)
    : LongWrite(store, leases) {
  gather(request, path, response_);
}

void LongTxn::gather(const pb::TxnRequest& request, TxnPath& path, pb::TxnResponse& response) {
  response.header = pb::ResponseHeader{};
  response.succeeded = path.next();
  const auto& branch = branch_of(request, response.succeeded);
  response.responses.resize(branch.size());
  for (size_t i = 0; i < branch.size(); ++i) {
    pb::ResponseOp& answer = response.responses[i];
    if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&branch[i].request)) {
      answer.response = std::make_unique<pb::TxnResponse>();
      gather(**nested, path, *std::get<std::unique_ptr<pb::TxnResponse>>(answer.response));
    } else {
      ops_.push_back({&branch[i], &answer});
    }
  }
}

bool LongTxn::step(size_t budget) {
  for (; next_op_ < ops_.size(); ++next_op_) {
    if (budget == 0 || !execute(ops_[next_op_], budget)) return false;
  }
  return true;
}

bool LongTxn::execute(const Op& op, size_t& budget) {
  if (auto* remove_request = std::get_if<pb::DeleteRangeRequest>(&op.request->request)) {
    if (!std::exchange(deleting_, true)) {
      next_key_ = remove_request->key;
      op.answer->response = pb::DeleteRangeResponse{};
    }
    auto& response = std::get<pb::DeleteRangeResponse>(op.answer->response);
    if (!remove(next_key_, remove_request->range_end, remove_request->prev_kv, response, budget)) return false;
    response.header = pb::ResponseHeader{.revision = write_.view()};
    deleting_ = false;
    return true;
  }
  --budget;
  if (auto* put_request = std::get_if<pb::PutRequest>(&op.request->request)) {
    op.answer->response = store_.put(*put_request, write_);
    touch(put_request->key);
  } else if (auto* range = std::get_if<pb::RangeRequest>(&op.request->request)) {
    op.answer->response = store_.read(*range, write_.view());
  }
  return true;
}

pb::TxnResponse LongTxn::finish() {
  publish();
  response_.header->revision = write_.view();
  return std::move(response_);
}

// --- KeysDeletion

KeysDeletion::KeysDeletion(Store& store, NextKey next_key, LeaseBook& leases)
    : LongWrite(store, leases), next_key_(std::move(next_key)) {}

bool KeysDeletion::step(size_t budget) {
  for (; budget > 0; --budget) {
    if (!next_key_(key_)) return true;
    if (!store_.space_.live(key_)) continue;
    touch(key_);
    store_.remove(store_.space_.tree().seek(key_), write_);
  }
  return false;
}

}  // namespace quorate::mvcc
