#include "machine/tally.h"

#include <algorithm>

#include "machine/guard.h"

namespace quorate::machine {
namespace {

// What asks for a previous value, or keeps it, reads it.
void add(const pb::PutRequest& put, Tally& out) {
  ++out.puts;
  out.put_bytes += put.key.size() + put.value.size();
  if (put.prev_kv || put.ignore_value || put.ignore_lease) ++out.ranges;
}

void add(const pb::DeleteRangeRequest& remove, Tally& out) {
  ++out.deletes;
  if (remove.prev_kv) ++out.ranges;
}

// Adds the comparisons to `compared` and the operations that ran to `ran`; nested transactions are their parts.
void add(const pb::TxnRequest& request, const pb::TxnResponse& response, size_t& compared, Tally& ran) {
  compared += request.compare.size();
  const std::vector<pb::RequestOp>& branch = response.succeeded ? request.success : request.failure;
  const size_t ops = std::min(branch.size(), response.responses.size());
  for (size_t i = 0; i < ops; ++i) {
    const auto& op = branch[i].request;
    if (std::holds_alternative<pb::RangeRequest>(op)) {
      ++ran.ranges;
    } else if (const auto* put = std::get_if<pb::PutRequest>(&op)) {
      add(*put, ran);
    } else if (const auto* remove = std::get_if<pb::DeleteRangeRequest>(&op)) {
      add(*remove, ran);
    } else if (const auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op)) {
      const auto* answer = std::get_if<std::unique_ptr<pb::TxnResponse>>(&response.responses[i].response);
      if (answer != nullptr && *answer != nullptr && *nested != nullptr) add(**nested, **answer, compared, ran);
    }
  }
}

size_t txns_of(const Tally& pass) { return pass.ranges + pass.puts + pass.deletes == 1 ? 0 : 1; }

}  // namespace

Tally tally(const pb::PutRequest& request) {
  Tally out;
  add(request, out);
  out.txns = txns_of(out);
  return out;
}

Tally tally(const pb::DeleteRangeRequest& request) {
  Tally out;
  add(request, out);
  out.txns = txns_of(out);
  return out;
}

Tally tally(const pb::TxnRequest& request, const pb::TxnResponse& response) {
  size_t compared = 0;
  Tally out;
  add(request, response, compared, out);
  if (is_read_only(request)) {
    out.ranges += compared;
    out.txns = txns_of(out);
    return out;
  }
  out.txns = txns_of(out) + (compared == 1 ? 0 : 1);
  out.ranges += compared;
  return out;
}

Tally tally_of_revoke(size_t keys) {
  Tally out;
  out.deletes = keys;
  out.txns = txns_of(out);
  return out;
}

}  // namespace quorate::machine
