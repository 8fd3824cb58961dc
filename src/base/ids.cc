#include "base/ids.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"

namespace quorate {
namespace {

uint64_t first_eight_bytes_be(const std::array<uint8_t, 20>& digest) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | digest[i];
  return value;
}

}  // namespace

MemberId member_id_of(std::vector<std::string> peer_urls, std::string_view token, std::string_view now_s) {
  std::sort(peer_urls.begin(), peer_urls.end());
  std::string text;
  for (const std::string& url : peer_urls) text += url;
  text += token;
  text += now_s;
  return first_eight_bytes_be(sha1(text));
}

ClusterId cluster_id_of(std::vector<MemberId> members) {
  std::sort(members.begin(), members.end());
  std::string text;
  for (MemberId member : members) {
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(member >> shift & 0xff);
  }
  return first_eight_bytes_be(sha1(text));
}

std::string hex(uint64_t id) {
  char buffer[16];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, id, 16);
  return std::string(buffer, end.ptr);
}

}  // namespace quorate
