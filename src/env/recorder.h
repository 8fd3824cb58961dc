// env/recorder.h: the flight recorder: a ring of what came in lately, written to a file when a CHECK fails.
//
// Threads: any, of all loops of one member; one lock.
// Format:  docs/formats/recording.md
// Invariants:
//   (1) Inputs stand in the order in which they were handed in; those of one loop are handled in that order.
//   (2) The ring keeps the newest inputs that fit; how many older ones it lost is counted, and none is cut.
//   (3) Nothing is allocated while an input is taken, or a file is written but what the C library's stream needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "env/clock.h"
#include "env/trace.h"

namespace quorate::env {

// Something that is known about the member, as text: what makes it again, and where it stood at its start.
struct Fact {
  std::string name;
  std::string value;

  friend bool operator==(const Fact&, const Fact&) = default;
};

class Recorder final : public Trace {
 public:
  // `clock` outlives it. Time zero of the recording is now.
  Recorder(Clock& clock, size_t ring_bytes);

  // Replaces what was said under the same name. At most kFactsMax.
  void describe(std::string_view name, std::string value);
  void input(Input kind, uint64_t source, std::string_view bytes) override;

  // Writes all there is to `path`, in place of what is there. Blocks.
  Status dump(const std::string& path);

 private:
  class File;
  void put(std::string_view bytes);
  void forget_oldest();

  Clock& clock_;
  const MonoTime began_;
  const WallTime wall_;
  const size_t size_;
  std::mutex mutex_;
  std::vector<Fact> facts_;
  std::unique_ptr<char[]> ring_;
  // Places in an endless ring; [tail_, head_) is kept.
  uint64_t head_ = 0, tail_ = 0;
  uint64_t lost_ = 0;
};

// One input of a recording; `bytes` are views into the file's.
struct Recorded {
  Duration at{};  // since the recorder was made
  Input kind = Input::kTimer;
  uint64_t source = 0;
  std::string_view bytes;
};

struct Recording {
  WallTime began;
  std::vector<Fact> facts;
  uint64_t lost = 0;  // inputs that the ring had forgotten: its beginning
  std::vector<Recorded> inputs;

  // Empty where there is none.
  std::string_view fact(std::string_view name) const;
};

inline constexpr size_t kFactsMax = 256;

// `bytes` must outlive the result. Any bytes may be given; a file that is cut or changed is refused.
Result<Recording> decode_recording(std::string_view bytes);

}  // namespace quorate::env
