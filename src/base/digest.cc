#include "base/digest.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace quorate {
namespace {

template <size_t kSize>
std::array<uint8_t, kSize> digest(const EVP_MD* method, std::string_view data) {
  std::array<uint8_t, kSize> out;
  unsigned size = 0;
  CHECK(EVP_Digest(data.data(), data.size(), out.data(), &size, method, nullptr) == 1 && size == kSize);
  return out;
}

}  // namespace

std::array<uint8_t, 20> sha1(std::string_view data) { return digest<20>(EVP_sha1(), data); }
std::array<uint8_t, 32> sha256(std::string_view data) { return digest<32>(EVP_sha256(), data); }

}  // namespace quorate
