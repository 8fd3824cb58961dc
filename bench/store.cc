// What the store costs by itself: the real one beside the simple one, in the same run.
//
//   quorate_store_bench [KEYS]     1,000,000 keys of 64 bytes with values of 256 bytes are the default
//
// Each store runs in a process of its own, so that memory is its own as well.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/prng.h"
#include "mvcc/cursors.h"
#include "mvcc/simple_store.h"
#include "mvcc/store.h"

namespace quorate::mvcc {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class NoLease final : public LeaseBook {
 public:
  bool exists(LeaseId) const override { return false; }
  void move_key(std::string_view, LeaseId, LeaseId) override {}
};

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void line(const char* what, double number, const char* unit) { std::printf("  %-34s %12.2f %s\n", what, number, unit); }

constexpr uint64_t kNumbers = 10'000'000'000'000'000;

std::string padded(uint64_t number) {
  std::string digits = std::to_string(number % kNumbers);
  return std::string(16 - digits.size(), '0') + digits;
}

// A million keys are not kept as texts: they would count as memory.
std::string_view key(size_t number, std::string& room) {
  return room.replace(48, 16, padded(number * 0x9e3779b97f4a7c15));
}

template <class Any>
class Measured {
 public:
  explicit Measured(size_t keys) : keys_(keys) {}

  void run() {
    const size_t empty = resident_bytes();
    const double load_s = timed([&] {
      for (size_t i = 0; i < keys_; ++i) put(i);
    });
    line("first puts", static_cast<double>(keys_) / load_s / 1000, "k/s");
    memory(empty, "memory after the puts");
    gets();
    ranges();
    counts();
    const double update_s = timed([&] {
      for (size_t i = 0; i < keys_; ++i) put(prng_.below(keys_));
    });
    line("updates", static_cast<double>(keys_) / update_s / 1000, "k/s");
    compaction();
    memory(empty, "memory after updates, compacted");
    if constexpr (kReal) {
      put(0);  // a revision whose hash no compaction noted
      const double hash_s = timed([&] {
        auto hasher = KeyHasher::open(store_, store_.revision()).value();
        while (!hasher->step(2048)) continue;
      });
      line("HashKV", hash_s, "s");
    }
    const double delete_s = timed([&] { store_.delete_range({.key = "/", .range_end = "0"}, leases_).value(); });
    line("delete of all", delete_s, "s");
  }

 private:
  static constexpr bool kReal = requires(Any& store) { store.step_compaction(1); };

  template <class Work>
  static double timed(Work&& work) {
    const auto start = Clock::now();
    work();
    return seconds_since(start);
  }

  void put(size_t number) { (void)store_.put({.key = key(number, room_), .value = value_}, leases_).value(); }

  void memory(size_t empty, const char* what) {
    line(what, static_cast<double>(resident_bytes() - empty) / static_cast<double>(keys_), "bytes/key resident");
    if constexpr (kReal) {
      line("", static_cast<double>(store_.held_bytes()) / static_cast<double>(keys_), "bytes/key held");
    }
  }

  void gets() {
    std::vector<double> us;
    for (int i = 0; i < 200'000; ++i) {
      const std::string_view wanted = key(prng_.below(keys_), room_);
      us.push_back(1e6 * timed([&] { found_ += store_.range({.key = wanted}).value().kvs.size(); }));
    }
    std::sort(us.begin(), us.end());
    line("get p50", us[us.size() / 2], "us");
    line("get p99", us[us.size() * 99 / 100], "us");
  }

  void ranges() {
    constexpr int kRanges = 5'000;
    double all_s = 0;
    for (int i = 0; i < kRanges; ++i) {
      // So many neighbours that about 100 keys are inside.
      const uint64_t width = kNumbers / keys_ * 100;
      const uint64_t begin = prng_.below(kNumbers - width);
      const std::string from = room_.substr(0, 48) + padded(begin), to = room_.substr(0, 48) + padded(begin + width);
      all_s += timed([&] { found_ += store_.range({.key = from, .range_end = to}).value().kvs.size(); });
    }
    line("range of 100", 1e6 * all_s / kRanges, "us");
    double limited_s = 0;
    for (int i = 0; i < 20; ++i) {
      limited_s +=
          timed([&] { found_ += store_.range({.key = "/", .range_end = "0", .limit = 100}).value().kvs.size(); });
    }
    line("first 100 of all, with count", 1e6 * limited_s / 20, "us");
  }

  void counts() {
    const int times = kReal ? 10'000 : 10;
    const double count_s = timed([&] {
      for (int i = 0; i < times; ++i) {
        found_ +=
            static_cast<size_t>(store_.range({.key = "/registry", .range_end = "0", .count_only = true}).value().count);
      }
    });
    line("count of all", 1e6 * count_s / times, "us");
  }

  void compaction() {
    double longest_s = 0, all_s = 0;
    if constexpr (kReal) {
      all_s = timed([&] { (void)store_.compact(store_.revision()); });
      while (store_.compacting()) {
        const double step_s = timed([&] { store_.step_compaction(2048); });
        all_s += step_s;
        longest_s = std::max(longest_s, step_s);
      }
    } else {
      longest_s = all_s = timed([&] { (void)store_.compact(store_.revision()); });
    }
    line("compaction", all_s, "s");
    line("its longest step", 1000 * longest_s, "ms");
  }

  const size_t keys_;
  Prng prng_{1};
  NoLease leases_;
  std::string room_ = "/registry/configmaps/a-namespace-of-some-length0" + std::string(16, '0');
  const std::string value_ = std::string(256, 'v');
  size_t found_ = 0;
  Any store_;
};

template <class Any>
void in_a_process(const char* name, size_t keys) {
  std::printf("%s, %zu keys\n", name, keys);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    Measured<Any>(keys).run();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
}

}  // namespace
}  // namespace quorate::mvcc

int main(int argc, char** argv) {
  const size_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  quorate::mvcc::in_a_process<quorate::mvcc::Store>("Store", keys);
  quorate::mvcc::in_a_process<quorate::mvcc::SimpleStore>("SimpleStore", keys);
}
