#include "mvcc/record.h"

#include <limits>
#include <new>

#include "base/check.h"

namespace quorate::mvcc {

namespace {

template <class T>
char* write(char* at, T value) {
  std::memcpy(at, &value, sizeof(T));
  return at + sizeof(T);
}

bool fits_32_bits(int64_t number) { return number >= 0 && number <= std::numeric_limits<uint32_t>::max(); }

}  // namespace

Key* Key::make(Pool& pool, std::string_view text, uint32_t hash) {
  CHECK(text.size() <= std::numeric_limits<uint32_t>::max());
  auto* key =
      new (pool.take(sizeof(Key) + text.size())) Key{nullptr, nullptr, hash, static_cast<uint32_t>(text.size())};
  if (!text.empty()) std::memcpy(static_cast<void*>(key + 1), text.data(), text.size());
  return key;
}

void Key::free(Pool& pool) { pool.give(this, bytes()); }

const Record* Key::newest_up_to(Revision revision) const {
  const Record* record = newest;
  while (record && record->mod_revision() > revision) record = record->older();
  return record;
}

const Record* Key::at(Revision revision) const {
  const Record* record = newest_up_to(revision);
  return record && !record->tombstone() ? record : nullptr;
}

Record::Record(Key& key, const Fields& fields, Form form, size_t value_size)
    : key_(&key),
      mod_revision_(fields.mod_revision),
      bits_(static_cast<uint32_t>(value_size) | form << kFormShift | (fields.sub != 0 ? kHasSub : 0) |
            (fields.lease != 0 ? kHasLease : 0)) {}

Record* Record::make(Pool& pool, Key& key, const Fields& fields, std::string_view value) {
  CHECK(value.size() <= kValueBytesMax);
  const Revision distance = fields.mod_revision - fields.create_revision;
  Form form = kWide;
  if (fields.version == 0) {
    form = kTombstone;
  } else if (fields.version == 1 && distance == 0) {
    form = kFirst;
  } else if (fits_32_bits(fields.version) && fits_32_bits(distance)) {
    form = kNarrow;
  }
  Record measure(key, fields, form, value.size());
  auto* record = new (pool.take(measure.bytes())) Record(measure);
  char* at = reinterpret_cast<char*>(record + 1);
  if (form == kNarrow) {
    at = write(at, static_cast<uint32_t>(distance));
    at = write(at, static_cast<uint32_t>(fields.version));
  } else if (form == kWide) {
    at = write(at, fields.create_revision);
    at = write(at, fields.version);
  }
  if (fields.sub != 0) at = write(at, fields.sub);
  if (fields.lease != 0) at = write(at, fields.lease);
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  return record;
}

void Record::free(Pool& pool) { pool.give(this, bytes()); }

Revision Record::create_revision() const {
  switch (form()) {
    case kTombstone: return 0;
    case kFirst: return mod_revision_;
    case kNarrow: return mod_revision_ - read<uint32_t>(0);
    case kWide: return read<Revision>(0);
  }
  return 0;
}

int64_t Record::version() const {
  switch (form()) {
    case kTombstone: return 0;
    case kFirst: return 1;
    case kNarrow: return read<uint32_t>(4);
    case kWide: return read<int64_t>(8);
  }
  return 0;
}

pb::KeyValue Record::kv() const {
  return {.key = key_->text(),
          .create_revision = create_revision(),
          .mod_revision = mod_revision_,
          .version = version(),
          .value = value(),
          .lease = lease()};
}

}  // namespace quorate::mvcc
