#include "mvcc/version.h"

#include <cstring>
#include <new>

namespace quorate::mvcc {

Version* Version::make(KeyNode& node, std::string_view value) {
  void* memory = ::operator new(sizeof(Version) + value.size());
  auto* version = new (memory) Version{.older = nullptr,
                                       .node = &node,
                                       .mod_revision = 0,
                                       .create_revision = 0,
                                       .version = 0,
                                       .lease = 0,
                                       .value_size = value.size()};
  if (!value.empty()) std::memcpy(version + 1, value.data(), value.size());
  return version;
}

void Version::free(Version* version) { ::operator delete(version); }

std::string_view Version::key() const { return node->first; }

pb::KeyValue Version::kv() const {
  return {.key = key(),
          .create_revision = create_revision,
          .mod_revision = mod_revision,
          .version = version,
          .value = value(),
          .lease = lease};
}

Chain::~Chain() {
  while (newest_) Version::free(std::exchange(newest_, newest_->older));
}

const Version* Chain::at(Revision revision) const {
  const Version* version = newest_;
  while (version && version->mod_revision > revision) version = version->older;
  return version && !version->tombstone() ? version : nullptr;
}

}  // namespace quorate::mvcc
