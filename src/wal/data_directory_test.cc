#include "wal/data_directory.h"

#include <gtest/gtest.h>

#include <string>

#include "wal/format.h"
#include "wal/testing/fake_disk.h"
#include "wal/testing/manual_loop.h"

namespace quorate::wal {
namespace {

class DataDirectoryTest : public ::testing::Test {
 protected:
  Result<DataDirectory> open(const std::string& wal_path = {}) {
    return open_data_directory(disk, "/d", wal_path, bootstrap);
  }
  // The text of the refusal.
  std::string refusal(Code code, const std::string& wal_path = {}) {
    const auto opened = open(wal_path);
    if (opened) return "opened";
    EXPECT_EQ(opened.error().code(), code) << opened.error().text();
    return opened.error().text();
  }
  bool says(const std::string& text, const std::string& part) const { return text.find(part) != std::string::npos; }

  testing::ManualLoop loop;
  testing::FakeDisk disk{loop};
  Identity bootstrap{.cluster = 0xc1, .member = 0xfedc'ba98'7654'3210, .name = "m1"};
};

TEST_F(DataDirectoryTest, IsMadeWhereThereIsNone) {
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_TRUE(opened->fresh);
  EXPECT_EQ(opened->log_path, "/d/log");
  EXPECT_EQ(opened->identity.member, bootstrap.member);
  EXPECT_TRUE(disk.exists("/d/log"));
  EXPECT_TRUE(disk.exists("/d/image"));
  EXPECT_EQ(
      disk.bytes("/d/quorate.json"),
      "{\n  \"format\": 1,\n  \"cluster\": \"c1\",\n  \"member\": \"fedcba9876543210\",\n  \"name\": \"m1\"\n}\n");
}

TEST_F(DataDirectoryTest, KeepsItsOwnIdentity) {
  ASSERT_TRUE(open());
  bootstrap = {.cluster = 1, .member = 2, .name = "other"};
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_FALSE(opened->fresh);
  EXPECT_EQ(opened->identity.cluster, 0xc1u);
  EXPECT_EQ(opened->identity.member, 0xfedc'ba98'7654'3210u);
  EXPECT_EQ(opened->identity.name, "m1");
}

TEST_F(DataDirectoryTest, MayKeepItsLogElsewhere) {
  ASSERT_TRUE(open("/fast/log"));
  EXPECT_FALSE(disk.exists("/d/log"));
  ASSERT_TRUE(open("/fast/log"));
  EXPECT_TRUE(
      says(refusal(Code::kFailedPrecondition), "/d/log/manifest: is missing: the log of the member in /d is not here"));
  ASSERT_TRUE(disk.make_directory("/empty").ok());
  EXPECT_TRUE(says(refusal(Code::kFailedPrecondition, "/empty"), "start with the --wal-dir that it was made with"));
}

TEST_F(DataDirectoryTest, IsNotOpenedTwice) {
  const auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_TRUE(says(refusal(Code::kFailedPrecondition), "locked by another process"));
}

TEST_F(DataDirectoryTest, RefusesAFolderOfEtcd) {
  ASSERT_TRUE(disk.make_directory("/d/member/wal").ok());
  EXPECT_EQ(refusal(Code::kFailedPrecondition),
            "/d: holds an etcd member (member/); Quorate does not open etcd's files: start with an empty --data-dir "
            "and import a snapshot");
  EXPECT_FALSE(disk.exists("/d/quorate.json"));
}

TEST_F(DataDirectoryTest, RefusesAForeignFolder) {
  ASSERT_TRUE(disk.make_directory("/d").ok());
  ASSERT_TRUE(disk.replace_file("/d/notes.txt", "mine").ok());
  EXPECT_TRUE(says(refusal(Code::kFailedPrecondition), "notes.txt"));
  EXPECT_EQ(disk.paths().size(), 1u);
}

TEST_F(DataDirectoryTest, RefusesOneThatANewerProgramMade) {
  ASSERT_TRUE(open());
  disk.bytes("/d/quorate.json") = R"({"format":2,"shape":"unknown"})";
  EXPECT_TRUE(says(refusal(Code::kFailedPrecondition), "/d/quorate.json: is of format 2, which a newer Quorate wrote"));
}

TEST_F(DataDirectoryTest, RefusesOneThatItCannotWriteTo) {
  ASSERT_TRUE(open());
  disk.set_writable(false);
  EXPECT_TRUE(says(refusal(Code::kPermissionDenied), "/d: is not writable"));
}

TEST_F(DataDirectoryTest, NamesADamagedIdentity) {
  ASSERT_TRUE(open());
  const std::string good = disk.bytes("/d/quorate.json");
  for (const char* bad : {"", "{", "[]", "{}", "null", R"({"format":0})", R"({"format":"1"})", R"({"format":-1})",
                          R"({"format":1,"cluster":"c1"})", R"({"format":1,"cluster":"c1","member":7})",
                          R"({"format":1,"cluster":"C1","member":"7"})", R"({"format":1,"cluster":"","member":"7"})"}) {
    disk.bytes("/d/quorate.json") = bad;
    EXPECT_TRUE(says(refusal(Code::kDataLoss), "/d/quorate.json: is damaged")) << bad;
  }
  for (size_t length = 0; length + 2 < good.size(); ++length) {
    disk.bytes("/d/quorate.json") = good.substr(0, length);
    EXPECT_TRUE(says(refusal(Code::kDataLoss), "/d/quorate.json: is damaged")) << length;
  }
}

TEST_F(DataDirectoryTest, NoticesAFlippedBitOfAnIdAndNamesTheFile) {
  ASSERT_TRUE(open());
  const std::string good = disk.bytes("/d/quorate.json");
  const size_t at = good.find("fedc");
  for (size_t i = 0; i < 16; ++i) {
    disk.bytes("/d/quorate.json")[at + i] ^= 1;
    const auto opened = open();
    ASSERT_FALSE(opened) << i;
    EXPECT_TRUE(says(opened.error().text(), "/d/quorate.json")) << opened.error().text();
    disk.bytes("/d/quorate.json") = good;
  }
  EXPECT_TRUE(open());
}

TEST_F(DataDirectoryTest, RefusesALogWhoseIdentityIsLost) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(disk.remove("/d/quorate.json").ok());
  ASSERT_TRUE(disk.replace_file("/d/log/0000000000000001.qlog", "x").ok());
  EXPECT_TRUE(says(refusal(Code::kDataLoss), "/d: quorate.json is missing, while log/ holds data"));
}

TEST_F(DataDirectoryTest, RefusesToPutANewLogOnAnOldOne) {
  ASSERT_TRUE(disk.make_directory("/fast/log").ok());
  const Manifest used{.cluster = 1, .member = 2, .salt = 3, .first_segment = 1};
  ASSERT_TRUE(disk.replace_file("/fast/log/manifest", encode_manifest(used)).ok());
  EXPECT_TRUE(says(refusal(Code::kFailedPrecondition, "/fast/log"),
                   "/fast/log: is to hold the log of a new member, but is not empty"));
}

TEST_F(DataDirectoryTest, NamesTheDamagedManifestOfAMakingThatWasCutShort) {
  ASSERT_TRUE(disk.make_directory("/d/log").ok());
  std::string manifest = encode_manifest({.cluster = 0xc1, .member = bootstrap.member});
  manifest[20] ^= 1;
  ASSERT_TRUE(disk.replace_file("/d/log/manifest", manifest).ok());
  EXPECT_TRUE(says(refusal(Code::kDataLoss), "/d/log/manifest is damaged: its checksum does not match"));
}

TEST_F(DataDirectoryTest, FinishesAMakingThatWasCutShort) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(disk.remove("/d/quorate.json").ok());
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_TRUE(opened->fresh);
}

}  // namespace
}  // namespace quorate::wal
