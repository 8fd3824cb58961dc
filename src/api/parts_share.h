// api/parts_share.h: the unsent bytes of one answer that is made while it leaves, in the budget of all such answers.
//
// Loop: core.
// Invariants:
//   (1) What an answer holds is given back when it ends, however it does.
//   (2) One that holds nothing may always send: a full budget slows answers and stops none.
#pragma once

#include <cstddef>

#include "api/back.h"
#include "base/limits.h"

namespace quorate::api {

class PartsShare {
 public:
  explicit PartsShare(Back& back) : back_(back) {}
  PartsShare(const PartsShare&) = delete;
  PartsShare& operator=(const PartsShare&) = delete;
  ~PartsShare() { set(0); }

  bool may_send() const {
    return bytes_ == 0 || (bytes_ < limits::kOutputBytesHigh && back_.parts_bytes() < limits::kPartsBytesHigh);
  }
  void set(size_t bytes) {
    back_.count_parts(bytes_, bytes);
    bytes_ = bytes;
  }

 private:
  Back& back_;
  size_t bytes_ = 0;
};

}  // namespace quorate::api
