// mvcc/store.h: the store that the machine runs on.
//
// For now the simple one, which stays as the tests' twin when the real one takes this name.
#pragma once

#include "mvcc/simple_store.h"

namespace quorate::mvcc {

using Store = SimpleStore;

}  // namespace quorate::mvcc
