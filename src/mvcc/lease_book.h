// mvcc/lease_book.h: which lease a key belongs to, and which leases there are; the lessor, seen from the store.
//
// Loop: core.
#pragma once

#include <string_view>

#include "base/ids.h"

namespace quorate::mvcc {

class LeaseBook {
 public:
  virtual ~LeaseBook() = default;
  virtual bool exists(LeaseId lease) const = 0;
  // Called as keys change. `from` and `to` are 0 for none, and differ.
  virtual void move_key(std::string_view key, LeaseId from, LeaseId to) = 0;
};

}  // namespace quorate::mvcc
