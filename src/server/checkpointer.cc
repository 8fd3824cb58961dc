#include "server/checkpointer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::server {

// What the pool works on. While work is in flight it is the pool's, else the loop's.
struct Checkpointer::Writing {
  env::Disk& disk;
  const std::string directory;
  const std::string path;
  const std::string temporary;
  const Index index;
  wal::ImageEncoder encoder;
  std::vector<std::string> stale;

  // Of the work at hand.
  std::vector<std::pair<wal::ImageBlock, std::string>> blocks{};
  size_t bytes = 0;
  bool last = false;
  uint64_t keys = 0, records = 0;

  bool begun = false;
  Status status{};

  Status append(std::string_view text) { return disk.append_file(temporary, text); }
  Status write() {
    if (!std::exchange(begun, true)) {
      if (disk.exists(temporary)) (void)disk.remove(temporary);
      if (Status s = append(encoder.header()); !s.ok()) return s;
    }
    for (auto& [kind, block] : blocks) {
      encoder.seal(kind, block);
      if (Status s = append(block); !s.ok()) return s;
    }
    blocks.clear();
    return last ? publish() : Status();
  }
  Status publish() {
    if (Status s = append(encoder.footer(keys, records)); !s.ok()) return s;
    if (Status s = disk.sync_file(temporary); !s.ok()) return s;
    if (Status s = disk.rename(temporary, path); !s.ok()) return s;
    if (Status s = disk.sync_directory(directory); !s.ok()) return s;
    for (const std::string& old : stale) (void)disk.remove(old);
    return {};
  }
  void run() {
    status = write();
    if (!status.ok()) (void)disk.remove(temporary);  // a part of it would only keep the disk full
  }
};

Checkpointer::Checkpointer(const env::Env& env, const machine::Machine& machine, Options options,
                           std::move_only_function<void(Index)> saved)
    : env_(env),
      machine_(machine),
      options_(std::move(options)),
      on_saved_(std::move(saved)),
      saved_(options_.saved),
      stale_(options_.damaged),
      imaged_bytes_(saved_.empty() ? 0 : saved_.back().bytes),
      self_(std::make_shared<Checkpointer*>(this)) {}

Checkpointer::~Checkpointer() { *self_ = nullptr; }

void Checkpointer::stop() {
  stopped_ = true;
  walk_.reset();
}

// A log that grew by an image's size pays for the next one. In a quiet time a shorter tail is worth one too, as long as
// all images together cost no more writing than the log did: what bursts and pauses log is not written several times.
bool Checkpointer::due(uint64_t log_bytes) {
  const MonoTime now = env_.core.now();
  if (std::exchange(logged_, log_bytes) != log_bytes) quiet_since_ = now;
  if (!saved_.empty() && saved_.back().index >= machine_.applied_index()) return false;
  if (!failure_.ok()) return now >= not_before_;
  const uint64_t grown = log_bytes - logged_before_;
  const uint64_t enough = std::max(options_.knobs.log_bytes, saved_.empty() ? 0 : saved_.back().bytes);
  if (grown >= enough) return true;
  return grown >= enough / 4 && imaged_bytes_ <= log_bytes && now - quiet_since_ >= options_.knobs.quiet;
}

bool Checkpointer::step(uint64_t log_bytes, const pb::ConfState& configuration) {
  if (stopped_) return false;
  // A compaction that has work left brings this back when it is done.
  if (!writing_ && due(log_bytes) && machine::ImageWalk::can_begin(machine_)) begin(log_bytes, configuration);
  if (!writing_) return false;
  walk();
  return walk_ && has_room();
}

void Checkpointer::begin(uint64_t log_bytes, const pb::ConfState& configuration) {
  const wal::ImageId id{.cluster = options_.cluster,
                        .member = options_.member,
                        .index = machine_.applied_index(),
                        .term = machine_.applied_term()};
  const std::string path = path_of(id.index);
  writing_ = std::make_shared<Writing>(Writing{.disk = env_.disk,
                                               .directory = options_.directory,
                                               .path = path,
                                               .temporary = path + std::string(wal::kImageTemporarySuffix),
                                               .index = id.index,
                                               .encoder = wal::ImageEncoder(id),
                                               .stale = {}});
  configuration_ = configuration;
  logged_before_ = log_bytes;
  began_ = env_.core.now();
  walked_ = false;
  if (!mutated(Mutant::kMovingImage)) begin_walk();
  submit();
  if (mutated(Mutant::kRecycleEarly)) on_saved_(id.index);
}

void Checkpointer::begin_walk() {
  walk_.emplace(machine_, configuration_);
  std::string state(wal::kImageBlockHeadBytes, '\0');
  state += walk_->take_state();
  push(wal::ImageBlock::kState, std::move(state));
  block_.assign(wal::kImageBlockHeadBytes, '\0');
}

void Checkpointer::walk() {
  const size_t block_bytes = wal::kImageBlockHeadBytes + options_.knobs.block_bytes;
  size_t budget = options_.knobs.records_per_turn;
  while (walk_ && budget > 0 && has_room()) {
    const bool done = walk_->step(budget, block_bytes, block_);
    if (done ? block_.size() > wal::kImageBlockHeadBytes : block_.size() >= block_bytes) {
      push(wal::ImageBlock::kItems, std::exchange(block_, std::string(wal::kImageBlockHeadBytes, '\0')));
    }
    if (!done) continue;
    walked_ = true;
    writing_->keys = walk_->keys();
    writing_->records = walk_->records();
    walk_.reset();
  }
  submit();
}

void Checkpointer::push(wal::ImageBlock kind, std::string block) {
  queued_bytes_ += block.size();
  queue_.emplace_back(kind, std::move(block));
}

void Checkpointer::submit() {
  if (in_flight_ || (writing_->begun && queue_.empty() && !walked_)) return;
  in_flight_ = true;
  writing_->blocks = std::exchange(queue_, {});
  writing_->bytes = queued_bytes_;
  writing_->last = walked_;
  if (walked_) {
    // The two newest stay: the one before this and this.
    writing_->stale = stale_;
    for (size_t i = 0; i + 1 < saved_.size(); ++i) writing_->stale.push_back(path_of(saved_[i].index));
  }
  env_.pool.submit([writing = writing_] { writing->run(); },
                   [self = self_] {
                     if (*self != nullptr) (*self)->written();
                   });
}

void Checkpointer::written() {
  in_flight_ = false;
  queued_bytes_ -= writing_->bytes;
  if (stopped_) return;
  if (!writing_->status.ok()) return fail(writing_->status);
  if (writing_->last) return finish();
  const bool may_begin = machine::ImageWalk::can_begin(machine_);
  if (mutated(Mutant::kMovingImage) && !walk_ && !walked_ && may_begin) begin_walk();
  submit();  // this turn's hook goes on with the walk
}

void Checkpointer::finish() {
  const SavedImage image{.index = writing_->index, .bytes = writing_->encoder.file_bytes()};
  env_.log.info("saved a checkpoint", {{"path", writing_->path},
                                       {"index", image.index},
                                       {"bytes", image.bytes},
                                       {"keys", writing_->keys},
                                       {"took", env_.core.now() - began_}});
  if (saved_.size() > 1) saved_.erase(saved_.begin(), saved_.end() - 1);
  saved_.push_back(image);
  stale_.clear();
  imaged_bytes_ += image.bytes;
  writing_ = nullptr;
  failure_ = {};
  if (saved_.size() > 1) on_saved_(saved_.front().index);
}

void Checkpointer::fail(const Status& status) {
  env_.log.error("cannot save a checkpoint; the log stays as it is, and it is tried again",
                 {{"error", status.text()}, {"after", limits::kCheckpointRetry}});
  failure_ = status;  // which may be the work's own
  writing_ = nullptr;
  walk_.reset();
  queue_.clear();
  queued_bytes_ = 0;
  not_before_ = env_.core.now() + limits::kCheckpointRetry;
}

}  // namespace quorate::server
