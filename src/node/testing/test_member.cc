#include "node/testing/test_member.h"

#include <cstdlib>
#include <deque>
#include <filesystem>

#include "base/check.h"
#include "node/recorded.h"

namespace quorate::node::testing {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "quorate-test-XXXXXX").string();
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestMember::TestMember(const Options& options) : options_(options) {
  if (options_.recorder != nullptr) options_.trace = options_.recorder;
  Config config;
  config.data_dir = options.data_dir;
  config.listen_client_urls = {{.scheme = "http", .host = "127.0.0.1", .port = 0, .path = {}}};
  config.listen_peer_urls = {{.scheme = "http", .host = "127.0.0.1", .port = 0, .path = {}}};
  config.log_level = env::Level::kError;
  thread_ = std::thread([this, config] { run(config); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_; });
}

void TestMember::run(const Config& config) {
  env::posix::WorldOptions world_options;
  world_options.io_loops = options_.io_loops;
  world_options.log.level = config.log_level;
  auto world = env::posix::World::create(world_options, options_.trace != nullptr ? *options_.trace : no_trace_);
  CHECK(world.has_value());
  world_ = std::move(*world);
  std::vector<env::LoopEnv> serving;
  for (size_t i = 0; i < world_->serving_loops(); ++i) serving.push_back(world_->serving_loop(i));
  auto node = Node::create(world_->env(), std::move(serving), config);
  if (!node) check_failed(__FILE__, __LINE__, node.error().text().c_str());
  if (options_.recorder != nullptr) {
    describe(*options_.recorder, config);
    describe(*options_.recorder, **node, {.seed = world_->env().seed, .io_loops = options_.io_loops});
  }
  client_address_ = (*node)->client_addresses().front();
  peer_address_ = (*node)->peer_addresses().front();
  world_->start_io_loops();
  (*node)->start([](const Status& status) { check_failed(__FILE__, __LINE__, status.text().c_str()); });
  // Requests wait until the member serves, so there is nothing more to wait for here.
  world_->core().post([this] {
    const std::lock_guard lock(mutex_);
    ready_ = true;
    changed_.notify_all();
  });
  stop_requested_ = std::make_unique<env::Mailbox<int>>(world_->core(), env::Priority::kCompletion, 1, [&](int&&) {
    (*node)->stop([this](const Status&) { world_->stop(); });
  });
  world_->run();
  world_->stop_io_loops();
  stop_requested_.reset();
  node->reset();
  world_.reset();
}

void TestMember::stop() {
  if (!thread_.joinable()) return;
  stop_requested_->push(0);
  thread_.join();
}

struct TestClient::Events final : http::CallEvents {
  void on_message(Bytes message) override { messages.push_back(std::move(message)); }
  void on_end(const Status& end_status, const http::Headers& end_trailers) override {
    ended = true;
    trailers = end_trailers;
    status = end_status;
  }

  std::deque<Bytes> messages;
  bool ended = false;
  Status status;
  http::Headers trailers;
};

template <class Condition>
void TestClient::run_until(Condition condition) {
  if (condition()) return;
  done_ = condition;
  world_->run();
}

TestClient::TestClient(const env::Address& address) {
  env::posix::WorldOptions options;
  options.log.level = env::Level::kError;
  auto world = env::posix::World::create(options, trace_);
  CHECK(world.has_value());
  world_ = std::move(*world);
  world_->core().add_turn_hook([this] {
    if (done_ && done_()) {
      done_ = nullptr;
      world_->stop();
    }
  });
  world_->env().net.connect(address, [this](Result<std::unique_ptr<env::Socket>> socket) {
    CHECK(socket.has_value());
    connection_ =
        http::ClientConnection::create(world_->env().core_loop(), std::move(*socket), {}, [](const Status&) {});
  });
  run_until([this] { return connection_ != nullptr; });
}

TestClient::~TestClient() { connection_.reset(); }

Answer TestClient::call(std::string_view path, std::string_view message, http::Headers metadata) {
  Events events;
  const http::CallId call = connection_->open(path, {.timeout = {}, .metadata = std::move(metadata)}, events);
  connection_->send(call, Bytes::copy(message));
  connection_->half_close(call);
  run_until([&events] { return events.ended; });
  return {events.status, {events.messages.begin(), events.messages.end()}, events.trailers};
}

void TestClient::open_stream(std::string_view path) {
  stream_ = std::make_unique<Events>();
  stream_call_ = connection_->open(path, {}, *stream_);
}

void TestClient::send(std::string_view message) { connection_->send(stream_call_, Bytes::copy(message)); }

void TestClient::half_close() { connection_->half_close(stream_call_); }

Answer TestClient::next() {
  run_until([this] { return stream_->ended || !stream_->messages.empty(); });
  Answer answer{stream_->status, {}, {}};
  if (!stream_->messages.empty()) {
    answer.messages.push_back(std::move(stream_->messages.front()));
    stream_->messages.pop_front();
  }
  return answer;
}

void TestClient::close_stream() {
  if (!stream_->ended) connection_->cancel(stream_call_);
  stream_.reset();
}

namespace {

struct PlainReader final : env::SocketEvents {
  void on_read(std::string_view bytes) override { text += bytes; }
  void on_read_end() override { ended = true; }
  void on_writable() override {}
  void on_closed(const Status&) override { ended = true; }

  std::string text;
  bool ended = false;
};

}  // namespace

std::string TestClient::get(const env::Address& address, std::string_view path) {
  env::Trace trace;
  env::posix::WorldOptions options;
  options.log.level = env::Level::kError;
  auto world = env::posix::World::create(options, trace);
  CHECK(world.has_value());
  PlainReader reader;
  std::unique_ptr<env::Socket> open;
  const std::string request =
      "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + address.text() + "\r\nConnection: close\r\n\r\n";
  (*world)->env().net.connect(address, [&](Result<std::unique_ptr<env::Socket>> socket) {
    CHECK(socket.has_value());
    open = std::move(*socket);
    open->start(reader);
    const std::string_view pieces[] = {request};
    CHECK(open->write(pieces) == request.size());
  });
  (*world)->core().add_turn_hook([&] {
    if (reader.ended) (*world)->stop();
  });
  (*world)->run();
  open.reset();
  return reader.text;
}

}  // namespace quorate::node::testing
