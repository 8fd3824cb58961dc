// server/checkpointer.h: saves images of the state machine as the log grows, so that the log can be cut.
//
// Loop:    core. The walk goes over the store in steps; checksums and the disk are the pool's.
// Format:  docs/formats/checkpoint.md
// Invariants:
//   (1) One image is under way at most. It is of the applied index at its beginning.
//   (2) An image is there under its name only when it is whole and durable; only then the log may lose anything, and
//       no more than what the image before it has: a damaged newest one does not end the member.
//   (3) What waits for the disk is bounded; the walk waits for the disk, compactions for the walk, and nothing else.
//   (4) Images take no more writing than the log has, but for one that was begun in a quiet time.
//   (5) A failure (a full disk) leaves nothing behind but a line in the log, and is tried again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "env/env.h"
#include "machine/image.h"
#include "wal/image_file.h"

namespace quorate::server {

// No flag sets these: tests make them small.
struct CheckpointKnobs {
  uint64_t log_bytes = limits::kCheckpointLogBytes;  // an image is due at so much log, or at the last image's size
  Duration quiet = 1s;                               // at a quarter of it, where nothing was logged for so long
  size_t block_bytes = limits::kImageBlockBytes;
  size_t queued_bytes = limits::kImageQueuedBytes;
  size_t records_per_turn = 1024;  // about 300 us
};

struct SavedImage {
  Index index = 0;
  uint64_t bytes = 0;  // of the file
};

class Checkpointer {
 public:
  struct Options {
    std::string directory;
    ClusterId cluster = 0;
    MemberId member = 0;
    CheckpointKnobs knobs;
    std::vector<SavedImage> saved;     // that are there, ascending
    std::vector<std::string> damaged;  // paths of those that are of no use; they go with the next image
  };
  // `saved` is told up to which entry the log is no longer needed. `env` and `machine` outlive this.
  Checkpointer(const env::Env& env, const machine::Machine& machine, Options options,
               std::move_only_function<void(Index)> saved);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // At the end of a turn, when the machine is at one index: begins an image where one is due, and goes on with the one
  // under way. `log_bytes` counts what was ever logged; `configuration` is Raft's at the applied index. Returns whether
  // another turn is wanted at once.
  bool step(uint64_t log_bytes, const pb::ConfState& configuration);
  // Nothing is begun, walked or told any more.
  void stop();

  bool under_way() const { return writing_ != nullptr; }
  // Ok unless the last attempt failed.
  const Status& failure() const { return failure_; }
  const std::vector<SavedImage>& saved() const { return saved_; }

 private:
  struct Writing;

  bool due(uint64_t log_bytes);
  void begin(uint64_t log_bytes, const pb::ConfState& configuration);
  void begin_walk();
  void walk();
  bool has_room() const { return queued_bytes_ < options_.knobs.queued_bytes; }
  void push(wal::ImageBlock kind, std::string block);
  void submit();
  void written();
  void finish();
  void fail(const Status& status);
  std::string path_of(Index index) const { return options_.directory + "/" + wal::image_name(index); }

  const env::Env& env_;
  const machine::Machine& machine_;
  const Options options_;
  std::move_only_function<void(Index)> on_saved_;
  std::vector<SavedImage> saved_;
  std::vector<std::string> stale_;  // paths that go with the next image

  // Of the image under way.
  std::shared_ptr<Writing> writing_;  // shared with the work that the pool has
  pb::ConfState configuration_;
  std::optional<machine::ImageWalk> walk_;
  bool walked_ = false;
  std::string block_;
  std::vector<std::pair<wal::ImageBlock, std::string>> queue_;
  size_t queued_bytes_ = 0;  // in the queue and with the pool
  bool in_flight_ = false;
  MonoTime began_{};

  uint64_t logged_before_ = 0;  // when the last image began
  uint64_t logged_ = 0;         // as of the last turn that logged
  MonoTime quiet_since_{};      // that turn
  uint64_t imaged_bytes_;       // of all images that were written
  Status failure_;
  MonoTime not_before_{};
  bool stopped_ = false;
  std::shared_ptr<Checkpointer*> self_;  // null inside once destroyed: what the pool was given outlives it
};

}  // namespace quorate::server
