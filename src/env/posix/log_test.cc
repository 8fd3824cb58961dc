#include "env/posix/log.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "env/posix/address.h"
#include "env/posix/clock.h"
#include "env/posix/rotating_log.h"

namespace quorate::env::posix {
namespace {

namespace fs = std::filesystem;

class PosixLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "quorate-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string text(const std::string& name) {
    std::ifstream file(folder_ / name);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& each : fs::directory_iterator(folder_)) out.push_back(each.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  static LogLine line(std::string_view text, int second) {
    return {.text = text, .level = Level::kInfo, .source_file = "src/x/y.cc", .time = WallTime(Duration(1s) * second)};
  }

  fs::path folder_;
  PosixClock clock_;
};

TEST_F(PosixLogTest, EveryOutputGetsEveryLine) {
  LogOptions options;
  options.outputs = {(folder_ / "a.log").string(), (folder_ / "b.log").string()};
  auto log = PosixLog::open(options, clock_);
  ASSERT_TRUE(log) << log.error().text();
  (*log)->info("hello", {{"n", 1}});
  (*log)->debug("not this");
  EXPECT_NE(text("a.log").find(R"("msg":"hello","n":1})"), std::string::npos);
  EXPECT_EQ(text("a.log"), text("b.log"));
}

TEST_F(PosixLogTest, AFullFileIsPutAsideAndTheLineGoesToTheNext) {
  LogRotation rotation;
  rotation.max_bytes = 10;
  {
    auto log = rotating_log((folder_ / "sub/etcd.log").string(), rotation);
    ASSERT_TRUE(log) << log.error().text();
    (*log)->write(line("12345\n", 1));
    (*log)->write(line("6789\n", 2));
    (*log)->write(line("longer than the file\n", 3));
  }
  folder_ /= "sub";
  EXPECT_EQ(names(), (std::vector<std::string>{"etcd-1970-01-01T00-00-02.000.log", "etcd.log"}));
  EXPECT_EQ(text("etcd-1970-01-01T00-00-02.000.log"), "12345\n");
  EXPECT_EQ(text("etcd.log"), "6789\n");
  EXPECT_EQ(fs::status(folder_ / "etcd.log").permissions(), fs::perms(0600));
}

TEST_F(PosixLogTest, AFileOfAnEarlierStartIsGoneOnWith) {
  LogRotation rotation;
  rotation.max_bytes = 10;
  const std::string path = (folder_ / "etcd.log").string();
  for (int second = 1; second < 4; ++second) (*rotating_log(path, rotation))->write(line("1234\n", second));
  EXPECT_EQ(names(), (std::vector<std::string>{"etcd-1970-01-01T00-00-03.000.log", "etcd.log"}));
  EXPECT_EQ(text("etcd-1970-01-01T00-00-03.000.log"), "1234\n1234\n");
}

TEST_F(PosixLogTest, OldFilesAreCompressedAndTheOldestGo) {
  LogRotation rotation;
  rotation.max_bytes = 10;
  rotation.max_backups = 1;
  rotation.compress = true;
  const std::string path = (folder_ / "etcd.log").string();
  // Each log waits for its thread when it goes.
  for (int second = 1; second < 4; ++second) (*rotating_log(path, rotation))->write(line("12345678\n", second));
  EXPECT_EQ(names(), (std::vector<std::string>{"etcd-1970-01-01T00-00-03.000.log.gz", "etcd.log"}));
  EXPECT_EQ(text("etcd-1970-01-01T00-00-03.000.log.gz").substr(0, 2), "\x1f\x8b");
}

TEST_F(PosixLogTest, TheJournalGetsADatagramWithItsFields) {
  const std::string path = (folder_ / "journal").string();
  const auto address = socket_address({.host = {}, .port = 0, .path = path});
  const Fd journal(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(journal.get(), address->get(), address->length), 0);
  auto sink = journal_sink(path, "etcd");
  ASSERT_TRUE(sink) << sink.error().text();
  (*sink)->write(
      {.text = "{\"msg\":\"x\"}\n", .level = Level::kWarn, .source_file = "/a/src/node/node.cc", .time = {}});
  char buffer[256];
  const ssize_t got = ::recv(journal.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string_view(buffer, static_cast<size_t>(got)),
            "PRIORITY=4\nSYSLOG_IDENTIFIER=etcd\nPACKAGE=node\nMESSAGE={\"msg\":\"x\"}\n");
}

TEST_F(PosixLogTest, WithoutAJournalItSaysSo) {
  const auto sink = journal_sink("/nowhere/socket", "etcd");
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().text(),
            "can't find journal (dial unixgram /nowhere/socket: connect: no such file or directory)");
}

}  // namespace
}  // namespace quorate::env::posix
