// An image's file from any bytes: reading it ends, with the footer or with a Status that names the file.
//
// Input: a byte of switches, then the file; or (bit 0) blocks that get right checksums: two bytes of length, one of
// kind, the payload.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "wal/image_file.h"
#include "wal/testing/fake_disk.h"
#include "wal/testing/manual_loop.h"

using namespace quorate;
using namespace quorate::wal;

namespace {

constexpr ImageId kId{.cluster = 1, .member = 2, .index = 3, .term = 4};

std::string sealed(std::string_view input) {
  ImageEncoder encoder(kId);
  std::string file = encoder.header();
  while (input.size() >= 3) {
    const size_t length = static_cast<uint8_t>(input[0]) | static_cast<size_t>(static_cast<uint8_t>(input[1])) << 8;
    const auto kind = static_cast<ImageBlock>(static_cast<uint8_t>(input[2]) % 4);
    std::string block(kImageBlockHeadBytes, '\0');
    block += input.substr(3, length);
    input.remove_prefix(3 + std::min(length, input.size() - 3));
    encoder.seal(kind, block);
    file += block;
  }
  return file + encoder.footer(1, 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  testing::ManualLoop loop;
  testing::FakeDisk disk(loop);
  const std::string path = "/i";
  disk.set_contents({{path, (data[0] & 1) != 0 ? sealed(input) : std::string(input)}});
  auto reader = ImageReader::open(disk, path, kId);
  if (!reader) {
    CHECK(reader.error().text().starts_with(path));
    return 0;
  }
  uint64_t bytes = kImageHeaderBytes;
  for (;;) {
    auto block = reader->next();
    if (!block) {
      CHECK(block.error().text().starts_with(path));
      return 0;
    }
    bytes += kImageBlockHeadBytes + block->payload.size();
    if (block->kind == ImageBlock::kFooter) break;
  }
  CHECK(bytes == reader->file_bytes());
  return 0;
}
