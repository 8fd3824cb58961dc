#include "env/recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/crc32c.h"

namespace quorate::env {
namespace {

constexpr std::string_view kMagic = "QREC";
constexpr uint32_t kVersion = 1;
constexpr size_t kRecordHeaderBytes = 4 + 1 + 8 + 8;
constexpr size_t kFooterBytes = 4;
constexpr mode_t kFileMode = 0600;

// Little-endian, wherever it runs.
void write_number(char* out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(value >> (8 * i));
}

uint64_t read_number(std::string_view in) {
  uint64_t out = 0;
  for (size_t i = 0; i < in.size(); ++i) out |= static_cast<uint64_t>(static_cast<uint8_t>(in[i])) << (8 * i);
  return out;
}

Status damaged(const char* what) { return Status(Code::kDataLoss, std::string("no whole recording: ") + what); }

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool number(size_t bytes, uint64_t& out) {
    std::string_view taken;
    if (!piece(bytes, taken)) return false;
    out = read_number(taken);
    return true;
  }
  bool piece(uint64_t bytes, std::string_view& out) {
    if (bytes > rest_.size()) return false;
    out = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return true;
  }
  // A length of four bytes, and as many.
  bool text(std::string& out) {
    uint64_t length = 0;
    std::string_view taken;
    if (!number(4, length) || !piece(length, taken)) return false;
    out = taken;
    return true;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

// What is written goes into the checksum, which ends it.
class Recorder::File {
 public:
  // What came in may be secret: for its owner alone, whatever lay there before.
  explicit File(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
    if (fd < 0) return;
    if (::fchmod(fd, kFileMode) == 0) file_ = ::fdopen(fd, "wb");
    if (file_ == nullptr) ::close(fd);
  }
  ~File() {
    if (file_ != nullptr) std::fclose(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view bytes) {
    if (file_ == nullptr || bytes.empty()) return;
    crc_ = crc32c(crc_, bytes);
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) broken_ = true;
  }
  void number(uint64_t value, size_t bytes) {
    char out[8];
    write_number(out, value, bytes);
    write({out, bytes});
  }
  void text(std::string_view bytes) {
    number(bytes.size(), 4);
    write(bytes);
  }
  // False with errno set.
  bool end() {
    if (file_ == nullptr) return false;
    number(crc_, kFooterBytes);
    const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
    return closed && !broken_;
  }

 private:
  std::FILE* file_ = nullptr;
  uint32_t crc_ = 0;
  bool broken_ = false;
};

// Left as it comes from the system: pages that are never used cost nothing.
Recorder::Recorder(Clock& clock, size_t ring_bytes)
    : clock_(clock),
      began_(clock.now()),
      wall_(clock.wall()),
      size_(ring_bytes),
      ring_(std::make_unique_for_overwrite<char[]>(ring_bytes)) {}

void Recorder::describe(std::string_view name, std::string value) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(facts_, name, &Fact::name);
  if (found != facts_.end()) {
    found->value = std::move(value);
  } else if (facts_.size() < kFactsMax) {
    facts_.push_back({std::string(name), std::move(value)});
  }
}

void Recorder::put(std::string_view bytes) {
  const size_t at = head_ % size_;
  const size_t first = std::min(bytes.size(), size_ - at);
  if (first != 0) std::memcpy(&ring_[at], bytes.data(), first);
  if (first != bytes.size()) std::memcpy(&ring_[0], bytes.data() + first, bytes.size() - first);
  head_ += bytes.size();
}

void Recorder::forget_oldest() {
  char length[4];
  for (size_t i = 0; i < sizeof length; ++i) length[i] = ring_[(tail_ + i) % size_];
  tail_ += kRecordHeaderBytes + read_number({length, sizeof length});
  ++lost_;
}

void Recorder::input(Input kind, uint64_t source, std::string_view bytes) {
  const size_t needed = kRecordHeaderBytes + bytes.size();
  const std::lock_guard lock(mutex_);
  const auto at = static_cast<uint64_t>((clock_.now() - began_).count());
  while (head_ != tail_ && head_ - tail_ + needed > size_) forget_oldest();
  if (needed > size_) {
    ++lost_;
    return;
  }
  char header[kRecordHeaderBytes];
  write_number(header, bytes.size(), 4);
  header[4] = static_cast<char>(kind);
  write_number(header + 5, source, 8);
  write_number(header + 13, at, 8);
  put({header, sizeof header});
  put(bytes);
}

Status Recorder::dump(const std::string& path) {
  const std::lock_guard lock(mutex_);
  File file(path);
  file.write(kMagic);
  file.number(kVersion, 4);
  file.number(static_cast<uint64_t>(wall_.time_since_epoch().count()), 8);
  file.number(lost_, 8);
  file.number(facts_.size(), 4);
  for (const Fact& fact : facts_) {
    file.text(fact.name);
    file.text(fact.value);
  }
  const uint64_t kept = head_ - tail_;
  file.number(kept, 8);
  if (kept != 0) {
    const size_t at = tail_ % size_;
    const size_t first = std::min<size_t>(kept, size_ - at);
    file.write({&ring_[at], first});
    file.write({&ring_[0], kept - first});
  }
  if (!file.end()) return Status(Code::kUnavailable, path + ": " + std::strerror(errno));
  return {};
}

std::string_view Recording::fact(std::string_view name) const {
  const auto found = std::ranges::find(facts, name, &Fact::name);
  return found == facts.end() ? std::string_view() : found->value;
}

Result<Recording> decode_recording(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return fail(damaged("it does not begin as one"));
  uint64_t version = 0;
  Reader reader(
      bytes.substr(kMagic.size(), bytes.size() - kMagic.size() - std::min(bytes.size() - kMagic.size(), kFooterBytes)));
  if (!reader.number(4, version)) return fail(damaged("it is cut"));
  if (version > kVersion) {
    return fail(Code::kFailedPrecondition,
                "a recording of format " + std::to_string(version) + ", which a newer Quorate wrote");
  }
  const std::string_view summed = bytes.substr(0, bytes.size() - kFooterBytes);
  if (version == 0 || crc32c(summed) != read_number(bytes.substr(summed.size(), kFooterBytes))) {
    return fail(damaged("its checksum is wrong"));
  }
  Recording out;
  uint64_t wall = 0, facts = 0, kept = 0;
  if (!reader.number(8, wall) || !reader.number(8, out.lost) || !reader.number(4, facts) || facts > kFactsMax) {
    return fail(damaged("its head"));
  }
  out.began = WallTime(Duration(static_cast<int64_t>(wall)));
  for (uint64_t i = 0; i < facts; ++i) {
    Fact& fact = out.facts.emplace_back();
    if (!reader.text(fact.name) || !reader.text(fact.value)) return fail(damaged("its facts"));
  }
  std::string_view records;
  if (!reader.number(8, kept) || !reader.piece(kept, records) || !reader.empty()) return fail(damaged("its length"));
  for (Reader inputs(records); !inputs.empty();) {
    uint64_t length = 0, kind = 0, at = 0;
    Recorded& next = out.inputs.emplace_back();
    if (!inputs.number(4, length) || !inputs.number(1, kind) || !inputs.number(8, next.source) ||
        !inputs.number(8, at) || !inputs.piece(length, next.bytes)) {
      return fail(damaged("an input"));
    }
    if (kind > static_cast<uint64_t>(Input::kWallClock) || at > static_cast<uint64_t>(Duration::max().count())) {
      return fail(damaged("an input of no kind"));
    }
    next.kind = static_cast<Input>(kind);
    next.at = Duration(static_cast<int64_t>(at));
  }
  return out;
}

}  // namespace quorate::env
