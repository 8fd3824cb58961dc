#include "mvcc/bolt_size.h"

#include <algorithm>

#include "pb/codec.h"

namespace quorate::mvcc {

namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kPageHeadBytes = 16;
constexpr uint64_t kElementBytes = 16;
constexpr uint64_t kRevisionBytes = 17;                 // of a tombstone one more
constexpr uint64_t kFilledBytes = kPageBytes * 9 / 10;  // keys that come in order fill so much of a page
constexpr uint64_t kRowsMin = 2;                        // of a page, however large: the rest is behind it

}  // namespace

uint64_t bolt_bytes(const Record& record) {
  const uint64_t key_bytes = kRevisionBytes + (record.tombstone() ? 1 : 0);
  pb::KeyValue kv = record.kv();
  if (record.tombstone()) kv.mod_revision = 0;  // its row has its key alone
  const uint64_t row = kElementBytes + key_bytes + pb::size_of(kv);
  const uint64_t rows = std::max(kRowsMin, (kFilledBytes - kPageHeadBytes) / row);
  const uint64_t pages = (kPageHeadBytes + rows * row + kPageBytes - 1) / kPageBytes;
  return pages * kPageBytes / rows;
}

}  // namespace quorate::mvcc
