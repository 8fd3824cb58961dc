// mvcc/record.h: what a key was from one revision on, and the key that knows all that it was.
//
// Loop:    core. Not safe for any other.
// Invariants:
//   (1) A record never changes, but for the link to what it replaced and its place in history.
//   (2) A key's records fall from newest to oldest in (revision, order of execution).
//   (3) Fields that most records do not need take no room: a pair that was put once and has no lease costs 32 bytes
//       besides its value.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/ids.h"
#include "mvcc/pool.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

class Record;

// A key and its newest record. The key's bytes lie behind it.
struct Key {
  Record* newest;
  Key* next;  // in its bucket of the key table
  uint32_t hash;
  uint32_t size;

  static Key* make(Pool& pool, std::string_view text, uint32_t hash);
  void free(Pool& pool);

  std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), size}; }
  size_t bytes() const { return sizeof(Key) + size; }
  // The newest record unless it is a tombstone.
  const Record* live() const;
  // What the key was at the end of `revision`; null where it was not.
  const Record* at(Revision revision) const;
  // The newest record, tombstone or not, of at most `revision`; null where there is none.
  const Record* newest_up_to(Revision revision) const;
};

class Record {
 public:
  struct Fields {
    Revision mod_revision = 0;
    Revision create_revision = 0;  // 0 for a tombstone, as version and lease
    int64_t version = 0;
    LeaseId lease = 0;
    uint32_t sub = 0;  // place among the changes of its revision
  };

  static constexpr size_t kValueBytesMax = (size_t{1} << 28) - 1;

  // Requires value.size() <= kValueBytesMax.
  static Record* make(Pool& pool, Key& key, const Fields& fields, std::string_view value);
  void free(Pool& pool);

  Record* older() const { return older_; }
  void set_older(Record* older) { older_ = older; }
  uint32_t position() const { return position_; }
  void set_position(uint32_t position) { position_ = position; }

  Key& key() const { return *key_; }
  Revision mod_revision() const { return mod_revision_; }
  bool tombstone() const { return form() == kTombstone; }
  Revision create_revision() const;
  int64_t version() const;
  LeaseId lease() const { return has_lease() ? read<LeaseId>(lease_offset()) : 0; }
  uint32_t sub() const { return has_sub() ? read<uint32_t>(sub_offset()) : 0; }
  std::string_view value() const { return {behind() + value_offset(), value_size()}; }
  // A tombstone's has its key and mod_revision alone.
  pb::KeyValue kv() const;
  // What it takes of the pool.
  size_t bytes() const { return sizeof(Record) + value_offset() + value_size(); }

 private:
  // What is known of create_revision and version: nothing; equal to mod_revision and 1; 32 bits each, the first as
  // its distance to mod_revision; 64 bits each.
  enum Form : uint32_t { kTombstone, kFirst, kNarrow, kWide };
  static constexpr uint32_t kFormShift = 28, kHasSub = 1u << 30, kHasLease = 1u << 31;

  Record(Key& key, const Fields& fields, Form form, size_t value_size);

  Form form() const { return static_cast<Form>(bits_ >> kFormShift & 3); }
  bool has_sub() const { return (bits_ & kHasSub) != 0; }
  bool has_lease() const { return (bits_ & kHasLease) != 0; }
  size_t value_size() const { return bits_ & kValueBytesMax; }

  // Behind the record: create_revision and version, sub, lease, value.
  size_t sub_offset() const { return form() == kWide ? 16 : form() == kNarrow ? 8 : 0; }
  size_t lease_offset() const { return sub_offset() + (has_sub() ? 4 : 0); }
  size_t value_offset() const { return lease_offset() + (has_lease() ? 8 : 0); }
  const char* behind() const { return reinterpret_cast<const char*>(this + 1); }
  template <class T>
  T read(size_t offset) const {
    T value;
    std::memcpy(&value, behind() + offset, sizeof(T));
    return value;
  }

  Record* older_ = nullptr;
  Key* key_;
  Revision mod_revision_;
  uint32_t bits_;  // flags, form, size of the value
  uint32_t position_ = 0;
};
static_assert(sizeof(Record) == 32 && sizeof(Key) == 24);

inline const Record* Key::live() const { return newest && !newest->tombstone() ? newest : nullptr; }

}  // namespace quorate::mvcc
