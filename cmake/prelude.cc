// Compiles cmake/prelude.h.
#include "prelude.h"
