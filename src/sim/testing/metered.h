// sim/testing/metered.h: a net and a disk that count what a member asks of them; for tests only.
//
// Allocations are those of base/testing/heap.h, which counts while code of the member runs: within a turn of its loop,
// but not within what these, or the simulated loop, do for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/heap.h"
#include "env/disk.h"
#include "env/net.h"
#include "env/sim/loop.h"

namespace quorate::sim {

struct Costs {
  uint64_t allocations = 0;
  uint64_t allocated_bytes = 0;
  uint64_t reads = 0;  // of sockets
  uint64_t writes = 0;
  uint64_t sent_bytes = 0;
  uint64_t log_writes = 0;
  uint64_t log_bytes = 0;
  uint64_t turns = 0;  // each one wait for the system
};

struct Meter {
  inline static Costs spent;  // of allocations, what there were at the start

  static void start() { spent = {.allocations = Heap::allocations, .allocated_bytes = Heap::allocated_bytes}; }
  static Costs since_start() {
    Costs costs = spent;
    costs.allocations = Heap::allocations - spent.allocations;
    costs.allocated_bytes = Heap::allocated_bytes - spent.allocated_bytes;
    return costs;
  }
};

// While it lives code of the member runs, or that of the world.
class Side {
 public:
  explicit Side(bool member) : before_(std::exchange(Heap::counting, member)) {}
  ~Side() { Heap::counting = before_; }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

 private:
  const bool before_;
};

class MeteredTurns final : public env::sim::TurnWatch {
 public:
  void on_turn() override { ++Meter::spent.turns; }
  void on_side(bool process) override { Heap::counting = process; }
};

class MeteredSocket final : public env::Socket, private env::SocketEvents {
 public:
  explicit MeteredSocket(std::unique_ptr<env::Socket> socket) : socket_(std::move(socket)) {}
  ~MeteredSocket() override {
    const Side world(false);
    socket_.reset();
  }

  void start(env::SocketEvents& events) override {
    const Side world(false);
    events_ = &events;
    socket_->start(*this);
  }
  size_t write(std::span<const std::string_view> pieces) override {
    const Side world(false);
    const size_t taken = socket_->write(pieces);
    ++Meter::spent.writes;
    Meter::spent.sent_bytes += taken;
    return taken;
  }
  void pause_reading() override { socket_->pause_reading(); }
  void resume_reading() override {
    const Side world(false);
    socket_->resume_reading();
  }
  void shutdown_write() override {
    const Side world(false);
    socket_->shutdown_write();
  }
  void close() override {
    const Side world(false);
    socket_->close();
  }
  std::string peer_text() const override { return socket_->peer_text(); }

 private:
  // Each may destroy this.
  void on_read(std::string_view bytes) override {
    const Side member(true);
    ++Meter::spent.reads;
    events_->on_read(bytes);
  }
  void on_read_end() override {
    const Side member(true);
    events_->on_read_end();
  }
  void on_writable() override {
    const Side member(true);
    events_->on_writable();
  }
  void on_closed(const Status& why) override {
    const Side member(true);
    events_->on_closed(why);
  }

  std::unique_ptr<env::Socket> socket_;
  env::SocketEvents* events_ = nullptr;
};

class MeteredNet final : public env::Net {
 public:
  explicit MeteredNet(env::Net& net) : net_(net) {}

  Result<std::unique_ptr<env::Listener>> listen(const env::Address& address, const env::ListenOptions& options,
                                                env::Acceptor accept) override {
    return net_.listen(address, options, metered(std::move(accept)));
  }
  Result<std::unique_ptr<env::Listener>> share(const env::Listener& listener, env::Acceptor accept) override {
    return net_.share(listener, metered(std::move(accept)));
  }
  void connect(const env::Address& address,
               std::move_only_function<void(Result<std::unique_ptr<env::Socket>>)> done) override {
    net_.connect(address, std::move(done));
  }
  void resolve(const std::string& host, std::move_only_function<void(Result<std::vector<std::string>>)> done) override {
    net_.resolve(host, std::move(done));
  }

 private:
  static env::Acceptor metered(env::Acceptor accept) {
    return [accept = std::move(accept)](std::unique_ptr<env::Socket> socket) mutable {
      const Side member(true);
      accept(std::make_unique<MeteredSocket>(std::move(socket)));
    };
  }

  env::Net& net_;
};

class MeteredLogFile final : public env::LogFile {
 public:
  explicit MeteredLogFile(std::unique_ptr<env::LogFile> file) : file_(std::move(file)) {}

  void write(uint64_t offset, env::AlignedBuffer buffer,
             std::move_only_function<void(Status, env::AlignedBuffer)> done) override {
    const Side world(false);
    ++Meter::spent.log_writes;
    Meter::spent.log_bytes += buffer.size();
    file_->write(offset, std::move(buffer),
                 [done = std::move(done)](Status status, env::AlignedBuffer returned) mutable {
                   const Side member(true);
                   done(std::move(status), std::move(returned));
                 });
  }

 private:
  std::unique_ptr<env::LogFile> file_;
};

// Counts what is written to logs; the rest goes through.
class MeteredDisk final : public env::Disk {
 public:
  explicit MeteredDisk(env::Disk& disk) : disk_(disk) {}

  Result<env::DiskTraits> probe(const std::string& directory, bool unsafe_no_fsync) override {
    return disk_.probe(directory, unsafe_no_fsync);
  }
  Result<std::unique_ptr<env::LogFile>> open_log(const std::string& path, const env::DiskTraits& traits) override {
    TRY(std::unique_ptr<env::LogFile> file, disk_.open_log(path, traits));
    return std::make_unique<MeteredLogFile>(std::move(file));
  }
  Status create_filled(const std::string& path, uint64_t size) override { return disk_.create_filled(path, size); }
  void create_filled_async(const std::string& path, uint64_t size,
                           std::move_only_function<void(Status)> done) override {
    disk_.create_filled_async(path, size, std::move(done));
  }
  Result<std::string> read_file(const std::string& path) override { return disk_.read_file(path); }
  Result<std::string> read_at(const std::string& path, uint64_t offset, size_t size) override {
    return disk_.read_at(path, offset, size);
  }
  Result<uint64_t> file_size(const std::string& path) override { return disk_.file_size(path); }
  Status replace_file(const std::string& path, std::string_view contents) override {
    return disk_.replace_file(path, contents);
  }
  Status append_file(const std::string& path, std::string_view bytes) override {
    return disk_.append_file(path, bytes);
  }
  Status sync_file(const std::string& path) override { return disk_.sync_file(path); }
  Status rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Status remove(const std::string& path) override { return disk_.remove(path); }
  Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
  Status make_directory(const std::string& path) override { return disk_.make_directory(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return disk_.list(path); }
  bool exists(const std::string& path) override { return disk_.exists(path); }
  Result<std::unique_ptr<env::DirectoryLock>> lock_directory(const std::string& path) override {
    return disk_.lock_directory(path);
  }

 private:
  env::Disk& disk_;
};

}  // namespace quorate::sim
