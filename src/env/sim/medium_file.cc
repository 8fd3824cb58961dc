#include <algorithm>

#include "base/check.h"
#include "env/sim/medium.h"

namespace quorate::env::sim {
namespace {

constexpr uint64_t kPageSectors = SparseBytes::kPageBytes / kSectorBytes;

}  // namespace

void MediumFile::resize(uint64_t size) {
  cached_.resize(size);
  cut_to_ = std::min(cut_to_, size);
}

void MediumFile::write(uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  cached_.write(offset, bytes);
  const uint64_t last = (offset + bytes.size() - 1) / kSectorBytes;
  for (uint64_t sector = offset / kSectorBytes; sector <= last; ++sector) {
    unsynced_[sector / kPageSectors] |= static_cast<uint8_t>(1U << (sector % kPageSectors));
  }
}

void MediumFile::sync_range(uint64_t offset, size_t length) {
  if (lying_ || length == 0) return;
  const uint64_t first = offset / kSectorBytes;
  const uint64_t last = (offset + length - 1) / kSectorBytes;
  const uint64_t end = std::min((last + 1) * kSectorBytes, cached_.size());
  if (durable_.size() < end) durable_.resize(end);
  durable_.copy_from(cached_, first * kSectorBytes, static_cast<size_t>(end - first * kSectorBytes));
  for (uint64_t sector = first; sector <= last; ++sector) {
    const auto page = unsynced_.find(sector / kPageSectors);
    if (page == unsynced_.end()) continue;
    page->second &= static_cast<uint8_t>(~(1U << (sector % kPageSectors)));
    if (page->second == 0) unsynced_.erase(page);
  }
}

void MediumFile::sync() {
  if (lying_) return;
  durable_.resize(std::min(cut_to_, durable_.size()));
  durable_.resize(cached_.size());
  for (const auto& [page, sectors] : unsynced_) {
    const uint64_t at = page * SparseBytes::kPageBytes;
    if (at >= durable_.size()) continue;
    durable_.copy_from(cached_, at,
                       static_cast<size_t>(std::min<uint64_t>(SparseBytes::kPageBytes, durable_.size() - at)));
  }
  unsynced_.clear();
  cut_to_ = cached_.size();
}

void MediumFile::overwrite(uint64_t offset, std::string_view bytes) {
  cached_.write(offset, bytes);
  if (durable_.size() < offset + bytes.size()) durable_.resize(offset + bytes.size());
  durable_.write(offset, bytes);
}

void MediumFile::flip_bit(uint64_t offset, int bit) {
  for (SparseBytes* bytes : {&cached_, &durable_}) {
    std::string byte = bytes->read(offset, 1);
    if (byte.empty()) continue;
    byte[0] = static_cast<char>(static_cast<unsigned char>(byte[0]) ^ (1U << bit));
    bytes->write(offset, byte);
  }
}

std::vector<uint64_t> MediumFile::unsynced_sectors() const {
  std::vector<uint64_t> sectors;
  for (const auto& [page, mask] : unsynced_) {
    for (uint64_t i = 0; i < kPageSectors; ++i) {
      if ((mask >> i & 1U) != 0) sectors.push_back(page * kPageSectors + i);
    }
  }
  return sectors;
}

void MediumFile::settle(uint64_t sector, Fate fate, Prng& prng, CrashOutcomes& outcomes) {
  const uint64_t at = sector * kSectorBytes;
  if (at >= durable_.size()) return;  // of a part that is not there
  const auto length = static_cast<size_t>(std::min<uint64_t>(kSectorBytes, durable_.size() - at));
  switch (fate) {
    case Fate::kKept:
      ++outcomes.sectors_kept;
      durable_.copy_from(cached_, at, length);
      return;
    case Fate::kLost: ++outcomes.sectors_lost; return;
    case Fate::kGarbage:
      ++outcomes.sectors_garbage;
      durable_.write(at, prng.bytes(length));
      return;
  }
}

void MediumFile::tear_range(uint64_t offset, size_t length, Prng& prng, CrashOutcomes& outcomes) {
  for (const uint64_t sector : unsynced_sectors()) {
    const uint64_t at = sector * kSectorBytes;
    if (at < offset || at >= offset + length) continue;
    settle(sector, static_cast<Fate>(prng.below(3)), prng, outcomes);
  }
}

void MediumFile::settle_size(bool lost, Prng& prng, CrashOutcomes& outcomes) {
  const uint64_t before = durable_.size();
  const uint64_t after = cached_.size();
  if (before == after && cut_to_ == before) return;
  const uint64_t way = lost ? 0 : prng.below(after > before ? 3 : 2);
  if (way == 0) {
    ++outcomes.sizes_before;
    return;
  }
  ++outcomes.sizes_after;
  durable_.resize(std::min(cut_to_, before));
  durable_.resize(way == 1 ? after : prng.between(before, after));
}

void MediumFile::crash(Prng& prng, CrashOutcomes& outcomes) {
  settle_size(lying_, prng, outcomes);
  // Whole worlds of tears: all kept, all lost, a prefix, or (as often as these together) each by itself.
  const std::vector<uint64_t> sectors = unsynced_sectors();
  const uint64_t way = sectors.empty() ? 0 : prng.below(6);
  const uint64_t prefix = way == 2 ? prng.below(sectors.size() + 1) : 0;
  for (size_t i = 0; i < sectors.size(); ++i) {
    auto fate = static_cast<Fate>(way >= 3 ? prng.below(3) : 0);
    if (way == 1 || (way == 2 && i >= prefix) || lying_) fate = Fate::kLost;
    settle(sectors[i], fate, prng, outcomes);
  }
  cached_ = durable_;
  cut_to_ = durable_.size();
  unsynced_.clear();
  lying_ = false;
}

}  // namespace quorate::env::sim
