// base/crc32c.h: CRC-32C (Castagnoli), as the log and HashKV use it.
//
// crc32c("123456789") == 0xe3069283. Threads: any. Uses the processor's instruction where it has one.
#pragma once

#include <cstdint>
#include <string_view>

namespace quorate {

// The checksum of what `crc` stands for, followed by `data`. Start with 0.
uint32_t crc32c(uint32_t crc, std::string_view data);
inline uint32_t crc32c(std::string_view data) { return crc32c(0, data); }

}  // namespace quorate
