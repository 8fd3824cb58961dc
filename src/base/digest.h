// base/digest.h: SHA-1 and SHA-256, the one unit of base that names OpenSSL.
//
// Threads: any.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quorate {

std::array<uint8_t, 20> sha1(std::string_view data);
std::array<uint8_t, 32> sha256(std::string_view data);

}  // namespace quorate
