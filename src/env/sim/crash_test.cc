// Files, folders and power losses against a dumb twin, which knows of every file what was synced and all that
// was ever written to it.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "env/sim/medium.h"

namespace quorate::env::sim {
namespace {

constexpr size_t kSectors = 8;

// What may stand in one sector of a file after a crash.
struct TwinSector {
  std::string now;
  std::string durable;
  bool changed = false;  // since it was synced
};

struct TwinFile {
  std::vector<TwinSector> sectors;
  bool sized = false;  // the size is durable
};

// Names of one folder.
struct TwinFolder {
  std::map<std::string, std::shared_ptr<TwinFile>> now, durable;
};

class Twins {
 public:
  explicit Twins(uint64_t seed) : prng_(seed) {}

  void step() {
    const std::string name = draw_name();
    switch (prng_.below(7)) {
      case 0: return create(name);
      case 1:
      case 2: return write(name);
      case 3: return sync(name);
      case 4: {
        ASSERT_TRUE(medium_.sync_folder("/").ok());
        twin_.durable = twin_.now;
        return;
      }
      case 5: return rename(name, draw_name());
      default: {
        const bool there = medium_.remove("/" + name).ok();
        ASSERT_EQ(there, twin_.now.erase(name) > 0);
      }
    }
  }

  // The medium is as the twin has it.
  void compare() {
    std::vector<std::string> paths;
    for (const auto& [name, file] : twin_.now) paths.push_back("/" + name);
    ASSERT_EQ(medium_.files(), paths);
    for (const auto& [name, file] : twin_.now) {
      std::string expected;
      for (const TwinSector& sector : file->sectors) expected += sector.now;
      ASSERT_EQ((*medium_.open("/" + name))->cached().whole(), expected);
    }
  }

  // Every name and sector is one that may be; what was synced is there. Afterwards the twin is what is.
  void crash() {
    CrashOutcomes outcomes;
    medium_.crash(prng_, outcomes);
    std::map<const MediumFile*, std::shared_ptr<TwinFile>> found;
    std::map<std::string, std::shared_ptr<TwinFile>> names;
    for (const char letter : kLetters) {
      const std::string name(1, letter);
      const auto now = twin_.now.find(name);
      const auto durable = twin_.durable.find(name);
      const bool may_be_absent = now == twin_.now.end() || durable == twin_.durable.end();
      const auto file = medium_.open("/" + name);
      if (!file) {
        ASSERT_TRUE(may_be_absent) << name;
        continue;
      }
      ASSERT_TRUE(now != twin_.now.end() || durable != twin_.durable.end()) << name;
      const auto fits = [&](auto at, const auto& map) { return at != map.end() && is_possible(**file, *at->second); };
      ASSERT_TRUE(fits(now, twin_.now) || fits(durable, twin_.durable)) << name;
      auto& same = found[file->get()];
      if (!same) same = settled(**file);
      names[name] = same;
    }
    twin_.now = names;
    twin_.durable = std::move(names);
  }

 private:
  static constexpr std::string_view kLetters = "abcd";

  std::string draw_name() { return std::string(1, kLetters[static_cast<size_t>(prng_.below(kLetters.size()))]); }

  void create(const std::string& name) {
    if (twin_.now.contains(name)) return;
    const auto file = medium_.create("/" + name);
    ASSERT_TRUE(file);
    (*file)->resize(kSectors * kSectorBytes);
    auto twin = std::make_shared<TwinFile>();
    const std::string zeros(kSectorBytes, '\0');
    twin->sectors.assign(kSectors, TwinSector{zeros, zeros});
    twin_.now[name] = std::move(twin);
  }

  void write(const std::string& name) {
    const auto file = medium_.open("/" + name);
    ASSERT_EQ(file.has_value(), twin_.now.contains(name));
    if (!file) return;
    const size_t sector = static_cast<size_t>(prng_.below(kSectors));
    const std::string bytes = prng_.bytes(kSectorBytes);
    (*file)->write(sector * kSectorBytes, bytes);
    TwinFile& twin = *twin_.now[name];
    twin.sectors[sector].now = bytes;
    twin.sectors[sector].changed = true;
    // Half of the writes are of those that are durable when they end.
    if (!twin.sized || prng_.chance(1, 2)) return;
    (*file)->sync_range(sector * kSectorBytes, kSectorBytes);
    twin.sectors[sector].durable = bytes;
    twin.sectors[sector].changed = false;
  }

  void sync(const std::string& name) {
    const auto file = medium_.open("/" + name);
    if (!file) return;
    (*file)->sync();
    TwinFile& twin = *twin_.now[name];
    twin.sized = true;
    for (TwinSector& sector : twin.sectors) {
      sector.durable = sector.now;
      sector.changed = false;
    }
  }

  void rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(medium_.rename("/" + from, "/" + to).ok(), twin_.now.contains(from));
    // Two names of one file, which a crash can leave, are left alone by a rename.
    if (!twin_.now.contains(from) || (twin_.now.contains(to) && twin_.now[from] == twin_.now[to])) return;
    twin_.now[to] = twin_.now[from];
    twin_.now.erase(from);
  }

  // Garbage is anything, so a changed sector may be anything.
  static bool is_possible(const MediumFile& file, const TwinFile& twin) {
    if (twin.sized && file.size() != kSectors * kSectorBytes) return false;
    if (file.size() > kSectors * kSectorBytes) return false;
    for (size_t i = 0; i < twin.sectors.size(); ++i) {
      const std::string bytes = file.cached().read(i * kSectorBytes, kSectorBytes);
      if (twin.sized && !twin.sectors[i].changed && bytes != twin.sectors[i].durable) return false;
    }
    return file.cached() == file.durable();
  }

  static std::shared_ptr<TwinFile> settled(MediumFile& file) {
    file.resize(kSectors * kSectorBytes);
    file.sync();
    auto twin = std::make_shared<TwinFile>();
    twin->sized = true;
    for (size_t i = 0; i < kSectors; ++i) {
      const std::string bytes = file.cached().read(i * kSectorBytes, kSectorBytes);
      twin->sectors.push_back({bytes, bytes});
    }
    return twin;
  }

  Prng prng_;
  Medium medium_;
  TwinFolder twin_;
};

TEST(Medium, WhatWasSyncedIsThereAfterEveryCrash) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Twins twins(seed);
    for (int crash = 0; crash < 5; ++crash) {
      for (int step = 0; step < 60 && !testing::Test::HasFatalFailure(); ++step) twins.step();
      twins.compare();
      twins.crash();
      ASSERT_FALSE(testing::Test::HasFatalFailure());
      twins.compare();
    }
  }
}

TEST(Medium, ASyncAfterACutLeavesNothingOfWhatWasCut) {
  Medium medium;
  const FileRef file = *medium.create("/f");
  file->resize(1000);
  file->write(0, std::string(1000, 'x'));
  file->sync();
  ASSERT_EQ(*medium.create("/f"), file);
  file->resize(1000);
  file->sync();
  EXPECT_EQ(file->durable().whole(), std::string(1000, '\0'));
}

TEST(SparseBytes, AgreeWithAString) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Prng prng(seed);
    SparseBytes bytes, source;
    std::string twin, source_twin;
    for (int step = 0; step < 200; ++step) {
      const uint64_t offset = prng.below(twin.size() + 1);
      const auto length = static_cast<size_t>(prng.below(std::min<uint64_t>(twin.size() - offset, 9000) + 1));
      switch (prng.below(4)) {
        case 0: {
          const uint64_t size = prng.below(40'000);
          bytes.resize(size);
          twin.resize(static_cast<size_t>(size));
          break;
        }
        case 1: {
          const std::string piece = prng.bytes(length);
          bytes.write(offset, piece);
          twin.replace(static_cast<size_t>(offset), length, piece);
          break;
        }
        case 2: {
          bytes.copy_from(source, offset, length);
          std::string piece = offset < source_twin.size() ? source_twin.substr(offset, length) : std::string();
          piece.resize(length);
          twin.replace(static_cast<size_t>(offset), length, piece);
          break;
        }
        default: source = bytes; source_twin = twin;
      }
      ASSERT_EQ(bytes.read(offset, length), offset < twin.size() ? twin.substr(offset, length) : "") << seed;
      ASSERT_TRUE(bytes.whole() == twin) << seed;
      ASSERT_TRUE(source.whole() == source_twin) << seed;
      ASSERT_EQ(bytes == source, twin == source_twin) << seed;
    }
  }
}

}  // namespace
}  // namespace quorate::env::sim
