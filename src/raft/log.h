// raft/log.h: the part of the log that is in memory, and how far each duty about it has come.
//
// Loop:    core. Not safe for any other.
// Source:  Ongaro, sections 3.5 (matching), 10.2.1 (persistence beside replication).
//
//       offset                                                         last
//          |  1st kept ...                                               |
//   -------+------------+-----------+-----------+-----------+-----------+
//                    applied     delivered    commit
//                    ... durable lies anywhere from delivered on, and may be below or above commit;
//                        written (handed out to be persisted) is at or above durable.
//
// Invariants:
//   (1) offset <= applied <= delivered <= commit <= last, but for a restored snapshot: until it is applied,
//       applied < offset; until it is durable, durable < offset.
//   (2) durable <= written <= last.
//   (3) What is committed is never truncated: an attempt is a broken cluster, and a CHECK.
//   (4) Nothing is delivered before it is durable here, so that an image of the state machine never holds
//       more than the log that it replaces.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "pb/raft.h"
#include "raft/ring.h"

namespace quorate::raft {

// What an entry is taken to weigh, in log writes and messages: its data and the most its numbers encode to.
inline size_t weight_of(const pb::Entry& entry) { return entry.data.size() + 32; }

class Log {
 public:
  struct Start {
    Index offset = 0;  // the entry before the first of `entries`
    Term offset_term = 0;
    Index commit = 0;
    Index applied = 0;
    std::vector<pb::Entry> entries;  // offset+1 .. last, durable
  };
  explicit Log(Start start);

  Index offset() const { return offset_; }
  Index first() const { return offset_ + 1; }
  Index last() const { return offset_ + entries_.size(); }
  Term last_term() const { return *term_of(last()); }
  Index commit() const { return commit_; }
  Index delivered() const { return delivered_; }
  Index applied() const { return applied_; }
  Index durable() const { return durable_; }
  Index written() const { return written_; }

  // The term at `index`; nothing if it is compacted away or beyond the last.
  std::optional<Term> term_of(Index index) const;
  bool matches(Index index, Term term) const { return term_of(index) == term; }
  // Whether a log that ends in (last, term) holds all that this one might have committed (section 3.6.1).
  bool is_up_to_date(Index last, Term term) const;
  // The largest kept index <= `index` whose term is <= `term`, or the offset: where two logs may still
  // agree (section 5.3 of the Raft paper, the accelerated backtracking).
  Index last_at_or_below_term(Index index, Term term) const;
  // Requires first() <= index <= last().
  const pb::Entry& at(Index index) const;
  // [from, to) cut to what is kept; at least one entry if there is one, then while `bytes_max` allows.
  std::vector<pb::Entry> slice(Index from, Index to, size_t bytes_max) const;
  // Whether (from, to] holds a conf change.
  bool has_conf_change(Index from, Index to) const;

  // Appends as a leader: `entry` gets index last()+1.
  Index append(pb::Entry entry);
  // Appends as a follower: `entries` follow `previous`, which matches. Skips what is there already and cuts
  // what conflicts. Returns the index of the last of `entries`.
  Index merge(Index previous, std::span<pb::Entry> entries);
  // Raises commit to `index`, <= last(); a lower one changes nothing.
  void commit_to(Index index);

  // Entries that were not yet handed out to be persisted; marks them written.
  std::vector<pb::Entry> take_unwritten();
  // Entries up to `index` of this log are durable.
  void durable_to(Index index);
  // The largest index that may be delivered now.
  Index deliverable() const { return commit_ < durable_ ? commit_ : durable_; }
  // Committed entries not delivered yet, at most `bytes_max` but at least one; marks them delivered.
  std::vector<pb::Entry> take_deliverable(size_t bytes_max);
  void applied_to(Index index);
  // Forgets entries up to `index` <= applied().
  void compact(Index index);
  // Replaces everything by a snapshot of the state at (index, term).
  void restore(Index index, Term term);

 private:
  void truncate_to(Index last);

  Index offset_;
  Term offset_term_;
  Ring<pb::Entry> entries_;
  Index commit_;
  Index delivered_;
  Index applied_;
  Index durable_;
  Index written_;
};

}  // namespace quorate::raft
