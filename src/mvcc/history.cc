#include "mvcc/history.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::mvcc {

void History::clear(const Record& record) {
  const uint32_t index = record.position() - static_cast<uint32_t>(begin_);
  CHECK(slots_[index] == &record && begin_ + index < dense_);
  slots_[index] = nullptr;
  ++holes_;
}

void History::make_room(Position slots, Position dense) {
  CHECK(slots_.empty() && begin_ == 0 && dense <= slots);
  slots_.resize(slots);
  dense_ = dense;
  holes_ = slots;
}

void History::fill(Position position, Record& record) {
  Record*& slot = slots_[position - begin_];
  CHECK(!slot);
  slot = &record;
  record.set_position(static_cast<uint32_t>(position));
  --holes_;
}

History::Position History::first(Revision revision) const {
  const auto from = slots_.begin() + static_cast<std::ptrdiff_t>(dense_ - begin_);
  const auto found = std::lower_bound(from, slots_.end(), revision, [](const Record* record, Revision wanted) {
    return record->mod_revision() < wanted;
  });
  return begin_ + static_cast<Position>(found - slots_.begin());
}

bool History::Squeeze::step(size_t& budget) {
  while (read_ > history_.begin_) {
    if (budget == 0) return false;
    --budget;
    --read_;
    Record*& slot = history_.slots_[read_ - history_.begin_];
    if (!slot) continue;
    --write_;
    if (write_ == read_) continue;
    slot->set_position(static_cast<uint32_t>(write_));
    history_.slots_[write_ - history_.begin_] = std::exchange(slot, nullptr);
  }
  while (history_.begin_ < write_) {
    if (budget == 0) return false;
    --budget;
    history_.slots_.pop_front();
    ++history_.begin_;
    --history_.holes_;
    read_ = history_.begin_;
  }
  return true;
}

}  // namespace quorate::mvcc
