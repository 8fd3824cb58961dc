#include "http/testing/fake_world.h"

#include <algorithm>

namespace quorate::http::testing {

env::TimerId FakeLoop::at(MonoTime deadline, env::Task task) {
  const env::TimerId id = ++last_timer_;
  timers_.emplace(std::pair(deadline, id), std::move(task));
  deadlines_.emplace(id, deadline);
  return id;
}

void FakeLoop::cancel(env::TimerId timer) {
  const auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return;
  timers_.erase({found->second, timer});
  deadlines_.erase(found);
}

bool FakeLoop::begin_turn() {
  bool busy = !posted_.empty();
  while (!timers_.empty() && timers_.begin()->first.first <= now()) {
    busy = true;
    auto node = timers_.extract(timers_.begin());
    deadlines_.erase(node.key().second);
    node.mapped()();
  }
  std::vector<env::Task> tasks = std::move(posted_);
  posted_.clear();
  for (env::Task& task : tasks) task();
  return busy;
}

void FakeLoop::end_turn() {
  for (env::Task& hook : hooks_) hook();
}

size_t FakeSocket::write(std::span<const std::string_view> pieces) {
  if (closed_) return 0;
  size_t written = 0;
  for (const std::string_view piece : pieces) {
    const size_t room = out_->capacity > out_->bytes.size() ? out_->capacity - out_->bytes.size() : 0;
    const size_t part = std::min(room, piece.size());
    out_->bytes.append(piece.substr(0, part));
    written += part;
    if (part < piece.size()) {
      wants_write_ = true;
      break;
    }
  }
  return written;
}

void FakeSocket::close() {
  if (closed_) return;
  closed_ = true;
  out_->ended = true;
  out_->broken = true;
}

bool FakeSocket::has_event() const {
  if (closed_ || events_ == nullptr) return false;
  if (wants_write_ && out_->bytes.size() < out_->capacity) return true;
  return !paused_ && (!in_->bytes.empty() || in_->broken || (in_->ended && !end_told_));
}

bool FakeSocket::deliver(size_t bytes_max) {
  if (closed_ || events_ == nullptr) return false;
  if (wants_write_ && out_->bytes.size() < out_->capacity) {
    wants_write_ = false;
    events_->on_writable();
    return true;
  }
  if (paused_) return false;
  if (!in_->bytes.empty()) {
    const std::string part = in_->bytes.substr(0, bytes_max);
    in_->bytes.erase(0, part.size());
    events_->on_read(part);
    return true;
  }
  if (in_->broken) {
    closed_ = true;
    out_->ended = out_->broken = true;
    events_->on_closed(Status(Code::kUnavailable, "connection reset by peer"));
    return true;
  }
  if (in_->ended && !end_told_) {
    end_told_ = true;
    events_->on_read_end();
    return true;
  }
  return false;
}

FakeWorld::Pair FakeWorld::connect(size_t capacity) {
  auto a = std::make_shared<Pipe>();
  auto b = std::make_shared<Pipe>();
  a->capacity = b->capacity = capacity;
  auto near = std::make_unique<FakeSocket>(a, b);
  auto far = std::make_unique<FakeSocket>(b, a);
  sockets_.push_back(near->handle());
  sockets_.push_back(far->handle());
  return {std::move(near), std::move(far), std::move(a), std::move(b)};
}

bool FakeWorld::turn() {
  bool busy = loop_.begin_turn();
  for (size_t i = 0; i < sockets_.size(); ++i) {
    const std::shared_ptr<FakeSocket*> socket = sockets_[i];
    if (*socket == nullptr) continue;
    const size_t most = cut_ ? 1 + prng_.below(prng_.chance(1, 2) ? 16 : 20'000) : 64 * 1024;
    if (cut_ && prng_.chance(1, 4)) continue;
    busy = (*socket)->deliver(most) || busy;
  }
  std::erase_if(sockets_, [](const auto& socket) { return *socket == nullptr; });
  loop_.end_turn();
  for (const auto& socket : sockets_) busy = busy || (*socket != nullptr && (*socket)->has_event());
  return busy || loop_.has_posted();
}

void FakeWorld::settle() {
  while (turn()) {}
}

void FakeWorld::advance(Duration by) {
  clock_.advance(by);
  settle();
}

}  // namespace quorate::http::testing
