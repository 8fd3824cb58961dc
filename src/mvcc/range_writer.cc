#include "mvcc/range_writer.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "pb/codec.h"

namespace quorate::mvcc {

namespace {

// A single key as a range: nothing lies between a key and itself with a zero byte.
std::string end_of(const pb::RangeRequest& request) {
  return request.range_end.empty() ? std::string(request.key) + '\0' : std::string(request.range_end);
}

}  // namespace

RangeWriter::RangeWriter(const Store& store, const pb::RangeRequest& request, const pb::ResponseHeader& header,
                         Revision at)
    : key_(request.key),
      range_end_(end_of(request)),
      request_(request),
      at_(at),
      pin_(store, at, Pin::Walks::kKeys),
      head_(pb::encode(pb::RangeResponse{.header = header, .kvs = {}, .more = false, .count = 0})),
      walk_(store.space_, {key_, range_end_}, at) {
  request_.key = key_;
  request_.range_end = range_end_;
  const KeyRange range{key_, range_end_};
  if (range.never()) {
    measured();
    return;
  }
  if (RangeScan::sorts(request_)) {
    scan_.emplace(store.space_, request_, at, store.revision());
    return;
  }
  wanted_ = request_.limit > 0 ? request_.limit : std::numeric_limits<int64_t>::max();
  if (request_.count_only) wanted_ = 0;
  if (at >= store.space_.newest_change()) {
    count_ = static_cast<int64_t>(store.space_.live_in(range));
    counted_ = true;
    if (count_ == 0 || request_.count_only) measured();
  }
}

Result<std::unique_ptr<RangeWriter>> RangeWriter::open(const Store& store, const pb::RangeRequest& request,
                                                       const pb::ResponseHeader& header) {
  if (Status status = store.check_bounds(request.revision); !status.ok()) return fail(std::move(status));
  const Revision at = request.revision > 0 ? request.revision : store.revision();
  return std::unique_ptr<RangeWriter>(new RangeWriter(store, request, header, at));
}

bool RangeWriter::measure(size_t budget) {
  if (measured_) return true;
  if (!scan_) return measure_walk(budget);
  if (!scan_->step(budget)) return false;
  list_ = scan_->take(count_, more_);
  scan_.reset();
  for (const Record* record : list_) bytes_ += pb::size_of_range_pair(RangeScan::shown(*record, request_));
  pairs_ = static_cast<int64_t>(list_.size());
  measured();
  return true;
}

bool RangeWriter::measure_walk(size_t budget) {
  const bool done = walk_.step(budget, VisibleWalk::kBatch, [this](const Record& record) {
    if (!counted_) ++count_;
    if (!RangeScan::passes(record, request_)) return Walk::kOn;
    if (pairs_ == wanted_) {
      more_ = !request_.count_only;
      return counted_ ? Walk::kEnd : Walk::kOn;
    }
    ++pairs_;
    bytes_ += pb::size_of_range_pair(RangeScan::shown(record, request_));
    return Walk::kOn;
  });
  if (done) measured();
  return done;
}

void RangeWriter::measured() {
  measured_ = true;
  tail_ = pb::encode(pb::RangeResponse{.header = {}, .kvs = {}, .more = more_, .count = count_});
  bytes_ += head_.size() + tail_.size();
  walk_.rewind();
}

void RangeWriter::append(const Record& record, std::string& out) {
  pb::append_range_pair(RangeScan::shown(record, request_), out);
  ++written_;
}

bool RangeWriter::write(size_t budget, size_t bytes_max, std::string& out) {
  CHECK(measured_);
  if (!begun_) out += head_;
  begun_ = true;
  if (!list_.empty()) {
    for (; written_ < pairs_; --budget) {
      if (budget == 0 || out.size() >= bytes_max) return false;
      append(*list_[static_cast<size_t>(written_)], out);
    }
  } else if (written_ < pairs_) {
    walk_.step(budget, VisibleWalk::kBatch, [&](const Record& record) {
      if (!RangeScan::passes(record, request_)) return Walk::kOn;
      append(record, out);
      if (written_ == pairs_) return Walk::kEnd;
      return out.size() >= bytes_max ? Walk::kPause : Walk::kOn;
    });
    if (written_ < pairs_) return false;
  }
  out += tail_;
  return true;
}

}  // namespace quorate::mvcc
