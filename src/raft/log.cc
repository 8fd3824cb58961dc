#include "raft/log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::raft {

Log::Log(Start start)
    : offset_(start.offset),
      offset_term_(start.offset_term),
      commit_(std::max({start.commit, start.applied, start.offset})),
      delivered_(start.applied),
      applied_(start.applied) {
  for (pb::Entry& entry : start.entries) {
    CHECK(entry.index == last() + 1);
    entries_.push_back(std::move(entry));
  }
  durable_ = written_ = last();
  CHECK(offset_ <= applied_ && commit_ <= last());
}

std::optional<Term> Log::term_of(Index index) const {
  if (index == offset_) return offset_term_;
  if (index < offset_ || index > last()) return std::nullopt;
  return entries_[index - first()].term;
}

bool Log::is_up_to_date(Index last_index, Term term) const {
  return term > last_term() || (term == last_term() && last_index >= last());
}

Index Log::last_at_or_below_term(Index index, Term term) const {
  Index candidate = std::min(index, last());
  while (candidate > offset_ && entries_[candidate - first()].term > term) --candidate;
  return candidate;
}

const pb::Entry& Log::at(Index index) const {
  CHECK(index >= first() && index <= last());
  return entries_[index - first()];
}

std::vector<pb::Entry> Log::slice(Index from, Index to, size_t bytes_max) const {
  std::vector<pb::Entry> out;
  from = std::max(from, first());
  to = std::min(to, last() + 1);
  if (from >= to) return out;
  size_t bytes = weight_of(at(from));
  Index end = from + 1;
  for (; end < to; ++end) {
    bytes += weight_of(at(end));
    if (bytes > bytes_max) break;
  }
  out.reserve(end - from);
  for (Index i = from; i < end; ++i) out.push_back(at(i));
  return out;
}

bool Log::has_conf_change(Index from, Index to) const {
  for (Index i = std::max(from + 1, first()); i <= to; ++i) {
    if (at(i).type != pb::EntryType::kNormal) return true;
  }
  return false;
}

Index Log::append(pb::Entry entry) {
  entry.index = last() + 1;
  entries_.push_back(std::move(entry));
  return last();
}

Index Log::merge(Index previous, std::span<pb::Entry> entries) {
  CHECK(previous <= last());
  const Index end = previous + entries.size();
  for (pb::Entry& entry : entries) {
    ++previous;
    CHECK(entry.index == previous);
    if (entry.index <= offset_ || matches(entry.index, entry.term)) continue;
    if (entry.index <= last()) truncate_to(entry.index - 1);
    entries_.push_back(std::move(entry));
  }
  return end;
}

void Log::truncate_to(Index new_last) {
  CHECK(new_last >= commit_);
  entries_.pop_back(last() - new_last);
  written_ = std::min(written_, new_last);
  durable_ = std::min(durable_, new_last);
}

void Log::commit_to(Index index) {
  CHECK(index <= last());
  commit_ = std::max(commit_, index);
}

std::vector<pb::Entry> Log::take_unwritten() {
  std::vector<pb::Entry> out = slice(written_ + 1, last() + 1, SIZE_MAX);
  written_ = last();
  return out;
}

void Log::durable_to(Index index) {
  CHECK(index <= written_);
  durable_ = std::max(durable_, index);
}

std::vector<pb::Entry> Log::take_deliverable(size_t bytes_max) {
  std::vector<pb::Entry> out;
  if (deliverable() <= delivered_) return out;
  out = slice(delivered_ + 1, deliverable() + 1, bytes_max);
  delivered_ += out.size();
  return out;
}

void Log::applied_to(Index index) {
  CHECK(index <= delivered_);
  applied_ = std::max(applied_, index);
}

void Log::compact(Index index) {
  if (index <= offset_) return;
  CHECK(index <= applied_);
  offset_term_ = *term_of(index);
  entries_.pop_front(index - offset_);
  offset_ = index;
}

void Log::restore(Index index, Term term) {
  CHECK(index > commit_);
  entries_.clear();
  durable_ = std::min(durable_, commit_);  // what lay above is replaced by an image that is not durable yet
  offset_ = index;
  offset_term_ = term;
  commit_ = index;
  delivered_ = index;
  written_ = index;
}

}  // namespace quorate::raft
