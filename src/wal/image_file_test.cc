#include "wal/image_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/ids.h"
#include "wal/testing/fake_disk.h"
#include "wal/testing/manual_loop.h"

namespace quorate::wal {
namespace {

constexpr ImageId kId{.cluster = 0x1122334455667788, .member = 0x99aabbccddeeff00, .index = 0x2a, .term = 7};
const std::string kPath = "/image/000000000000002a.qimg";

std::string block(std::string_view payload) { return std::string(kImageBlockHeadBytes, '\0') + std::string(payload); }

std::string image() {
  ImageEncoder encoder(kId);
  std::string state = block("state"), items = block(std::string(300, 'i'));
  encoder.seal(ImageBlock::kState, state);
  encoder.seal(ImageBlock::kItems, items);
  return encoder.header() + state + items + encoder.footer(3, 5);
}

class ImageFileTest : public ::testing::Test {
 protected:
  // What reading `bytes` to the footer ends with.
  Status read(const std::string& bytes) {
    disk.set_contents({{kPath, bytes}});
    auto reader = ImageReader::open(disk, kPath, kId);
    if (!reader) return reader.error();
    seen.clear();
    for (;;) {
      auto block = reader->next();
      if (!block) return block.error();
      seen.emplace_back(block->payload);
      if (block->kind == ImageBlock::kFooter) break;
    }
    EXPECT_EQ(reader->keys(), 3u);
    EXPECT_EQ(reader->records(), 5u);
    EXPECT_EQ(reader->id(), kId);
    return {};
  }

  testing::ManualLoop loop;
  testing::FakeDisk disk{loop};
  std::vector<std::string> seen;
};

TEST_F(ImageFileTest, GivesBackWhatWasSealed) {
  ASSERT_TRUE(read(image()).ok());
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], "state");
  EXPECT_EQ(seen[1], std::string(300, 'i'));
}

TEST_F(ImageFileTest, HasTheBytesOfTheFormatsDocument) {
  const std::string bytes = image();
  std::string text;
  for (const char c : bytes.substr(0, 64 + 16 + 5)) {
    static constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  EXPECT_EQ(text,
            "5152494d41474531"  // magic
            "01000000"          // version
            "9d5e94f7"          // checksum
            "8877665544332211"  // cluster
            "00ffeeddccbbaa99"  // member
            "2a00000000000000"  // index
            "0700000000000000"  // term
            "00000000000000000000000000000000"
            "35a2aa47"    // the block's checksum
            "05000000"    // its length
            "00000000"    // its number
            "01000000"    // its kind
            "7374617465"  // "state"
  );
  EXPECT_EQ(bytes.size(), 64u + 16 + 5 + 16 + 300 + 16 + 40);
}

TEST_F(ImageFileTest, NamesFileAndOffsetOfAnyDamagedByte) {
  const std::string good = image();
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 5}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      const Status status = read(bad);
      EXPECT_EQ(status.code(), Code::kDataLoss) << at << " " << status.text();
      EXPECT_TRUE(status.text().starts_with(kPath + ": offset ")) << status.text();
    }
  }
}

TEST_F(ImageFileTest, RefusesEveryCutAndWhatIsAppended) {
  const std::string good = image();
  for (size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_EQ(read(good.substr(0, cut)).code(), Code::kDataLoss) << cut;
  }
  EXPECT_EQ(read(good + '\0').code(), Code::kDataLoss);
  EXPECT_EQ(read(good + good).code(), Code::kDataLoss);
}

TEST_F(ImageFileTest, RefusesABlockOfAnotherImageAndBlocksInAnotherOrder) {
  ImageId other = kId;
  other.index = 0x2b;
  ImageEncoder a(kId), b(other);
  std::string mine = block("x"), theirs = block("x");
  a.seal(ImageBlock::kState, mine);
  b.seal(ImageBlock::kState, theirs);
  EXPECT_NE(mine, theirs);
  EXPECT_EQ(read(a.header() + theirs + a.footer(3, 5)).code(), Code::kDataLoss);
  EXPECT_EQ(read(a.header() + mine + mine + a.footer(3, 5)).code(), Code::kDataLoss);
}

TEST_F(ImageFileTest, TellsANewerFormatAndAnotherMembersImageFromDamage) {
  ImageId other = kId;
  other.member = 5;
  ImageEncoder encoder(other);
  EXPECT_EQ(read(encoder.header() + encoder.footer(0, 0)).code(), Code::kFailedPrecondition);
  other = kId;
  other.index = 5;
  const Status misnamed = read(ImageEncoder(other).header());
  EXPECT_EQ(misnamed.code(), Code::kDataLoss);
  EXPECT_NE(misnamed.text().find("wrong name"), std::string::npos);
}

TEST(ImageName, IsTheIndexInHex) {
  EXPECT_EQ(image_name(0x2a), "000000000000002a.qimg");
  EXPECT_EQ(index_of_image("000000000000002a.qimg"), 0x2au);
  for (const char* name : {"2a.qimg", "000000000000002a.qlog", "000000000000002A.qimg", "000000000000002a.qimg.tmp"}) {
    EXPECT_EQ(index_of_image(name), 0u) << name;
  }
}

}  // namespace
}  // namespace quorate::wal
