// server/quota.h: how much may be stored: what etcd's quota allows, and what memory does.
//
// etcd compares the size of its database with --quota-backend-bytes. Here the size is estimated: it is what a bbolt
// file of the same history would take, and falls as such a file does, by Defragment. Where no quota is set, etcd's
// default is told and not enforced: what counts is the share of the memory limit, which counts beside every quota.
// So does the disk, where it is full.
//
// Loop:    core.
// Source:  peer protocol, section 3.5.8; v3 API, section 10.
// Invariants:
//   (1) It decides nothing that is replicated: who finds no room refuses, and raises an alarm through the log.
//   (2) One alarm is proposed at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "env/log.h"
#include "machine/tally.h"
#include "mvcc/store.h"
#include "pb/rpc.h"

namespace quorate::server {

struct QuotaOptions {
  int64_t bytes = 0;          // --quota-backend-bytes; 0: not set, less: none
  uint64_t memory_bytes = 0;  // that the store may hold; 0: not known
};

class Quota {
 public:
  // What is written costs more than its keys and values; 0 is always allowed.
  static uint64_t cost_of(const pb::PutRequest& put);
  static uint64_t cost_of(const pb::TxnRequest& txn);  // the dearer branch
  static uint64_t cost_of_grant();
  static uint64_t cost_of(const machine::Tally& applied);

  using Done = std::move_only_function<void()>;
  // Proposes the alarm, and tells when that has its outcome.
  using Propose = std::move_only_function<void(Done done)>;

  Quota(env::Log& log, const QuotaOptions& options, const mvcc::Store& store, Propose propose);

  // Of what was applied.
  bool has_room(uint64_t cost) const;
  // Of what is asked for: no room either while the disk is full.
  bool admits(uint64_t cost) const { return has_room(cost) && (cost == 0 || !disk_full_); }
  // `done` follows when the alarm is raised, or cannot be.
  void raise(Done done);
  bool raising() const { return !waiting_.empty(); }

  // `why` is not ok while the disk has no room for the log's next segment or for an image.
  void note_disk(const Status& why);
  bool disk_full() const { return disk_full_; }

  // As etcd tells them.
  int64_t quota_bytes() const;
  int64_t db_bytes() const { return db_bytes_; }
  int64_t db_bytes_in_use() const;

  // The store has changed.
  void note_size();
  void defragment();

 private:
  env::Log& log_;
  const QuotaOptions options_;
  const mvcc::Store& store_;
  Propose propose_;
  int64_t db_bytes_ = 0;
  bool disk_full_ = false;
  std::vector<Done> waiting_;  // for the alarm that is proposed
};

}  // namespace quorate::server
