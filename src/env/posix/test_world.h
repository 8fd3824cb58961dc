// env/posix/test_world.h: worlds for the contract suites and the tests of this module; for tests only.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "env/posix/world.h"

namespace quorate::env::posix {

// A folder that goes with it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "quorate-env-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Takes turns of `loop` until `done`; false after ten seconds.
bool run_until(PosixLoop& loop, std::move_only_function<bool()> done);

class PosixTestWorld {
 public:
  PosixTestWorld();
  Loop& loop() { return world_->core(); }
  Net& net() { return world_->env().net; }
  Disk& disk() { return world_->env().disk; }
  Clock& clock() { return world_->env().clock; }
  const std::string& folder() const { return folder_.path(); }
  Address free_address() { return {"127.0.0.1", 0, ""}; }
  Address dead_address();
  bool run_until(std::move_only_function<bool()> done) { return posix::run_until(world_->core(), std::move(done)); }
  World& world() { return *world_; }

 private:
  Trace trace_;
  TestFolder folder_;
  std::unique_ptr<World> world_;
};

// The same with unix sockets.
class UnixTestWorld : public PosixTestWorld {
 public:
  Address free_address() { return {"", 0, folder() + "/socket"}; }
  // A socket file that nobody listens on.
  Address dead_address();
};

}  // namespace quorate::env::posix
