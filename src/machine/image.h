// machine/image.h: a state machine as bytes, taken while it goes on; and the machine that such bytes make again.
//
// Loop:    core; the loader at start-up, before any loop runs.
// Format:  docs/formats/checkpoint.md, sections 3 to 5.
// Invariants:
//   (1) What a walk yields is the machine as it was when the walk began: at one applied index.
//   (2) What is not the store's is copied when the walk begins; the store is walked in steps, and compactions wait.
//   (3) A loader takes any bytes. What it refuses must be thrown away.
//   (4) A loaded machine that applies the same entries is equal to the one that was walked in all that is replicated.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "machine/machine.h"
#include "mvcc/store_image.h"
#include "pb/raft.h"

namespace quorate::machine {

class ImageWalk {
 public:
  static bool can_begin(const Machine& machine) {
    return !machine.applying() && mvcc::StoreWalk::can_begin(machine.store());
  }
  // `configuration` is Raft's as of the applied index. Must end before its machine.
  ImageWalk(const Machine& machine, const pb::ConfState& configuration);

  Index index() const { return index_; }
  Term term() const { return term_; }
  // Everything but the store's keys. Once.
  std::string take_state() { return std::move(state_); }
  // As StoreWalk::step.
  bool step(size_t& budget, size_t bytes_max, std::string& out) { return store_.step(budget, bytes_max, out); }
  uint64_t keys() const { return store_.keys(); }
  uint64_t records() const { return store_.records(); }

 private:
  const Index index_;
  const Term term_;
  std::string state_;
  mvcc::StoreWalk store_;
};

class ImageLoader {
 public:
  // As mvcc::StoreLoader's, whose size bounds what is believed.
  ImageLoader(const Options& options, uint64_t image_bytes);
  ~ImageLoader();

  // Each is false for bytes that make no machine; nothing may be called after that. First the state, once.
  bool take_state(std::string_view bytes, Index index, Term term);
  bool take_items(std::string_view bytes) { return store_->take_items(bytes); }
  bool finish() { return store_->finish(); }
  uint64_t keys() const { return store_->keys(); }
  uint64_t records() const { return store_->records(); }

  // After finish().
  std::unique_ptr<Machine> take_machine() { return std::move(machine_); }
  const pb::ConfState& configuration() const { return configuration_; }

 private:
  class Attaching;

  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Attaching> leases_;
  std::unique_ptr<mvcc::StoreLoader> store_;
  pb::ConfState configuration_;
};

}  // namespace quorate::machine
