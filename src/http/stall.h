// http/stall.h: how long something has stood still, by looks at it.
//
// Loop: the server's.
#pragma once

#include <cstdint>

#include "base/limits.h"
#include "base/time.h"

namespace quorate::http {

class Stall {
 public:
  // To be asked every limits::kStallsLookedFor while something is due. `progress` changes with any.
  Duration look(uint64_t progress) {
    still_ = looked_ && progress == seen_ ? still_ + limits::kStallsLookedFor : Duration();
    seen_ = progress;
    looked_ = true;
    return still_;
  }
  void reset() { *this = {}; }

 private:
  uint64_t seen_ = 0;
  Duration still_{};
  bool looked_ = false;
};

}  // namespace quorate::http
