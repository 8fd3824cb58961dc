// mvcc/bolt_size.h: what a record would take in etcd's database, a bbolt file.
//
// Operators set quotas and read sizes in those terms; there is no such file here.
// Threads: any; a pure function.
// Source:  peer protocol, sections 4.5 and 4.6; the shares of pages are measured on etcd 3.7.1.
#pragma once

#include <cstdint>

#include "mvcc/record.h"

namespace quorate::mvcc {

inline constexpr uint64_t kEmptyBoltBytes = 16 * 1024;  // of a database without keys

// The record's share of the pages of its kind.
uint64_t bolt_bytes(const Record& record);

}  // namespace quorate::mvcc
