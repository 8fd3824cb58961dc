#include "api/request_stats.h"

#include "env/log_format.h"
#include "pb/codec.h"
#include "server/request_text.h"

namespace quorate::api {
namespace {

// What only four methods tell; -1 of all others.
struct Details {
  int64_t request_count = -1, request_bytes = -1, response_count = -1, response_bytes = -1;
  std::string content;
};

template <class Request>
Request decoded(std::string_view bytes) {
  Request out;
  if (!pb::decode(bytes, out)) return Request{};
  return out;
}

Details details_of_range(const UnaryStats& stats) {
  const auto count = stats.ok ? decoded<pb::RangeResponse>(stats.response).count : 0;
  return {.request_count = 0,
          .request_bytes = static_cast<int64_t>(stats.request.size()),
          .response_count = count,
          .response_bytes = static_cast<int64_t>(stats.response_bytes),
          .content = server::request_text(decoded<pb::RangeRequest>(stats.request))};
}

Details details_of_put(const UnaryStats& stats) {
  return {.request_count = 1,
          .request_bytes = static_cast<int64_t>(stats.request.size()),
          .response_count = 0,
          .response_bytes = static_cast<int64_t>(stats.response_bytes),
          .content = server::request_text(decoded<pb::PutRequest>(stats.request))};
}

Details details_of_delete(const UnaryStats& stats) {
  return {.request_count = 0,
          .request_bytes = static_cast<int64_t>(stats.request.size()),
          .response_count = stats.ok ? decoded<pb::DeleteRangeResponse>(stats.response).deleted : 0,
          .response_bytes = static_cast<int64_t>(stats.response_bytes),
          .content = server::request_text(decoded<pb::DeleteRangeRequest>(stats.request))};
}

// Counts the branch that ran; of a failed call nothing is known.
Details details_of_txn(const UnaryStats& stats) {
  Details out{.request_count = 0, .request_bytes = 0, .response_count = 0, .response_bytes = 0, .content = {}};
  if (!stats.ok) return out;
  const auto request = decoded<pb::TxnRequest>(stats.request);
  const bool succeeded = decoded<pb::TxnResponse>(stats.response).succeeded;
  pb::TxnRequest whole = decoded<pb::TxnRequest>(stats.request);
  auto& ops = succeeded ? whole.success : whole.failure;
  out.request_count = static_cast<int64_t>(ops.size());
  for (pb::RequestOp& op : ops) {
    pb::TxnRequest one;
    one.success.push_back(std::move(op));
    const size_t framed = pb::encode(one).size();
    // Less the field's tag and its length, of one byte for each seven bits.
    size_t length_bytes = 1;
    while (framed - 1 - length_bytes >= size_t{1} << (7 * length_bytes)) ++length_bytes;
    out.request_bytes += static_cast<int64_t>(framed - 1 - length_bytes);
  }
  out.response_bytes = static_cast<int64_t>(stats.response_bytes);
  out.content = server::request_text(request);
  return out;
}

Details details_of(const UnaryStats& stats) {
  switch (stats.method) {
    case Method::kRange: return details_of_range(stats);
    case Method::kPut: return details_of_put(stats);
    case Method::kDeleteRange: return details_of_delete(stats);
    case Method::kTxn: return details_of_txn(stats);
    default: return {};
  }
}

}  // namespace

void log_unary(env::Log& log, env::Level level, WallTime now, const UnaryStats& stats) {
  const MethodRow& row = row_of(stats.method);
  Details details = details_of(stats);
  log.write(level, "request stats",
            {{"start time", env::timestamp_text(now - stats.took)},
             {"time spent", stats.took},
             {"remote", stats.peer},
             {"response type", "/" + std::string(row.service) + "/" + std::string(row.name)},
             {"request count", details.request_count},
             {"request size", details.request_bytes},
             {"response count", details.response_count},
             {"response size", details.response_bytes},
             {"request content", std::move(details.content)}},
            std::source_location::current());
}

}  // namespace quorate::api
