// node/testing/test_member.h: a whole member in a thread of this process, and a client that waits for answers.
//
// For tests only. Ports are chosen by the system; the data directory is a fresh one unless given.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "env/posix/world.h"
#include "env/recorder.h"
#include "http/client.h"
#include "node/node.h"

namespace quorate::node::testing {

// A folder that is removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class TestMember {
 public:
  struct Options {
    size_t io_loops = 0;
    std::string data_dir;
    env::Trace* trace = nullptr;
    env::Recorder* recorder = nullptr;  // in the place of `trace`; told of the member, as the server does
  };

  // Returns when the member answers clients. A member that does not start fails the process.
  explicit TestMember(const Options& options);
  ~TestMember() { stop(); }

  // In order, as at SIGTERM.
  void stop();
  env::Address client_address() const { return client_address_; }
  env::Address peer_address() const { return peer_address_; }

 private:
  void run(const Config& config);

  Options options_;
  env::Trace no_trace_;
  std::unique_ptr<env::posix::World> world_;
  env::Address client_address_, peer_address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::unique_ptr<env::Mailbox<int>> stop_requested_;  // made before ready_ is set
  std::thread thread_;
};

// What a call brought back.
struct Answer {
  Status status;
  std::vector<Bytes> messages;
  http::Headers trailers{};
};

// One connection, used by one thread; every method returns when the answer is there.
class TestClient {
 public:
  explicit TestClient(const env::Address& address);
  ~TestClient();

  // A unary call.
  Answer call(std::string_view path, std::string_view message, http::Headers metadata = {});

  // A stream: opened, fed and read by hand.
  void open_stream(std::string_view path);
  void send(std::string_view message);
  // Nothing more is sent: a call of one message and many answers begins with this.
  void half_close();
  // The next message of the stream, or its end.
  Answer next();
  void close_stream();

  // The whole answer of a plain HTTP/1.1 GET, on a connection of its own.
  static std::string get(const env::Address& address, std::string_view path);

 private:
  struct Events;
  template <class Condition>
  void run_until(Condition condition);

  env::Trace trace_;
  std::unique_ptr<env::posix::World> world_;
  std::unique_ptr<http::ClientConnection> connection_;
  std::unique_ptr<Events> stream_;
  http::CallId stream_call_ = 0;
  std::function<bool()> done_;  // ends the run that waits
};

}  // namespace quorate::node::testing
