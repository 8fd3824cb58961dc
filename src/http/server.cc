#include "http/server.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/check.h"
#include "base/limits.h"
#include "http/connection.h"

namespace quorate::http {

namespace {
// A CallId is its slot in the low bits and the slot's generation above.
constexpr uint64_t kSlotBits = 20;
constexpr uint64_t kSlotMask = (uint64_t{1} << kSlotBits) - 1;
constexpr uint64_t kLastGeneration = (uint64_t{1} << (64 - kSlotBits)) - 1;
static_assert(limits::kCallsPerServerMax <= kSlotMask + 1);
}  // namespace

std::string_view header_of(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::unique_ptr<Server> Server::create(const env::LoopEnv& env, const ServerOptions& options, Handler& handler) {
  return std::make_unique<ServerState>(env, options, handler);
}

ServerState::ServerState(const env::LoopEnv& env, const ServerOptions& options, Handler& handler)
    : env_(env), options_(options), handler_(handler), self_(std::make_shared<ServerState*>(this)) {
  env_.loop.add_turn_hook([self = self_] {
    if (*self != nullptr) (*self)->end_of_turn();
  });
}

ServerState::~ServerState() {
  *self_ = nullptr;
  if (stall_timer_ != 0) env_.loop.cancel(stall_timer_);
  for (const auto& call : calls_) {
    if (call->deadline != 0) env_.loop.cancel(call->deadline);
  }
}

void ServerState::adopt(std::unique_ptr<env::Socket> socket) {
  if (draining_) {
    socket->close();
    return;
  }
  ++counters_.connections_accepted;
  auto connection = std::make_unique<Connection>(*this, std::move(socket));
  connection->place_ = connections_.size();
  connections_.push_back(std::move(connection));
  counters_.connections_open = connections_.size();
  connections_.back()->start();
}

void ServerState::retire(Connection& connection) {
  const size_t place = connection.place_;
  retired_.push_back(std::move(connections_[place]));
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place_ = place;
  }
  connections_.pop_back();
  counters_.connections_open = connections_.size();
  if (!connection.dirty_) connection.touch();  // so that the hook has work, and frees it
}

void ServerState::end_of_turn() {
  written_in_turn_ = 0;
  // A flush may tell the handler of drained calls, and so add to the list.
  for (size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->flush();
  dirty_.clear();
  retired_.clear();
  const bool over = unsent_bytes_ > limits::kUnsentBytesHigh || unfinished_bytes_ > limits::kUnfinishedBytesMax / 2;
  if (!over || stall_timer_ != 0) return;
  stall_timer_ = env_.loop.after(limits::kStallsLookedFor, [this] {
    stall_timer_ = 0;
    look_for_stalls();
  });
}

// The next turn's end asks for the next look, where one is due. One that comes back under its budget and over it again
// has its looks further apart than they count: it has the longer time then.
void ServerState::look_for_stalls() {
  const Duration still_max = unsent_bytes_ > limits::kUnsentBytesMax ? limits::kStalledPressedMax : limits::kStalledMax;
  cut_in_look_ = 0;
  // From the end: who is lost gives its place to the last.
  for (size_t i = connections_.size(); i-- > 0;) connections_[i]->cut_stalled(still_max);
  if (cut_in_look_ <= kToldPerLook) return;
  env_.log.warn("closing more whose clients do not read or go on",
                {{"connections", cut_in_look_ - kToldPerLook}, {"unsent-bytes-of-all", unsent_bytes_}});
}

Call* ServerState::open_call(Protocol& protocol) {
  if (free_calls_.empty()) {
    if (calls_.size() >= limits::kCallsPerServerMax) return nullptr;
    free_calls_.push_back(static_cast<uint32_t>(calls_.size()));
    calls_.push_back(std::make_unique<Call>());
  }
  const uint32_t slot = free_calls_.back();
  free_calls_.pop_back();
  Call& call = *calls_[slot];
  ++call.generation;
  call.call_id = (call.generation << kSlotBits) | slot;
  call.protocol = &protocol;
  return &call;
}

void ServerState::close_call(Call& call) {
  CHECK(call.call_id != 0);
  const auto slot = static_cast<uint32_t>(call.call_id & kSlotMask);
  if (call.deadline != 0) env_.loop.cancel(call.deadline);
  call.call_id = 0;
  call.protocol = nullptr;
  call.previous = call.next = nullptr;
  call.id = 0;
  call.end = StreamState::End::kOpen;
  call.deadline = 0;
  call.held_bytes = call.unconsumed_bytes = 0;
  call.stall.reset();
  call.waiting = call.grpc = call.told = call.ended = call.responded = call.half_closed = false;
  call.above_high = call.head_only = call.gzip = false;
  call.out.clear();
  call.trailers.clear();
  call.request.reset();
  call.announced_bytes.reset();
  if (!call.body.empty()) call.body = std::string();
  // A slot whose generations are used up is never given out again.
  if (call.generation < kLastGeneration) free_calls_.push_back(slot);
}

Call* ServerState::find(CallId id) {
  const uint64_t slot = id & kSlotMask;
  if (id == 0 || slot >= calls_.size()) return nullptr;
  Call& call = *calls_[slot];
  return call.call_id == id && !call.ended ? &call : nullptr;
}

size_t ServerState::send(CallId id, Bytes message) {
  Call* call = find(id);
  if (call == nullptr) return 0;
  CHECK(call->grpc);
  counters_.grpc_sent_bytes += message.size();
  return call->protocol->send(*call, std::move(message));
}

size_t ServerState::send_pieces(CallId id, std::vector<Bytes> pieces) {
  Call* call = find(id);
  if (call == nullptr) return 0;
  CHECK(call->grpc);
  for (const Bytes& piece : pieces) counters_.grpc_sent_bytes += piece.size();
  return call->protocol->send_pieces(*call, std::move(pieces));
}

void ServerState::begin_message(CallId id, size_t message_bytes) {
  Call* call = find(id);
  if (call == nullptr) return;
  CHECK(call->grpc);
  counters_.grpc_sent_bytes += message_bytes;
  call->protocol->begin_message(*call, message_bytes);
}

size_t ServerState::send_part(CallId id, Bytes part) {
  Call* call = find(id);
  return call == nullptr ? 0 : call->protocol->send_part(*call, std::move(part));
}

void ServerState::finish(CallId id, const Status& status, const Headers& trailers) {
  Call* call = find(id);
  if (call == nullptr) return;
  CHECK(call->grpc);
  call->protocol->finish(*call, status, trailers);
}

void ServerState::respond(CallId id, PlainResponse&& response) {
  Call* call = find(id);
  if (call == nullptr) return;
  CHECK(!call->grpc);
  call->protocol->respond(*call, std::move(response));
}

size_t ServerState::unsent_bytes(CallId id) {
  Call* call = find(id);
  return call == nullptr ? 0 : call->protocol->unsent_bytes();
}

void ServerState::set_deadline(Call& call, Duration timeout) {
  const Duration horizon = MonoTime::max() - env_.loop.now();
  if (timeout >= horizon) return;  // beyond all time
  call.deadline = env_.loop.after(timeout, [this, id = call.call_id] {
    Call* late = find(id);
    if (late == nullptr) return;
    late->deadline = 0;
    late->protocol->on_deadline(*late);
  });
}

void ServerState::cancel(Call& call) {
  if (call.ended) return;
  call.ended = true;
  if (call.deadline != 0) env_.loop.cancel(call.deadline);
  call.deadline = 0;
  if (call.told) handler_.on_cancel(call.call_id);
}

void ServerState::drain() {
  draining_ = true;
  std::vector<Connection*> all;
  for (const auto& connection : connections_) all.push_back(connection.get());
  for (Connection* connection : all) connection->drain();
}

std::string_view ServerState::http_date() {
  const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(env_.clock.wall().time_since_epoch()).count();
  if (second == date_second_) return date_;
  date_second_ = second;
  const auto time = static_cast<std::time_t>(second);
  std::tm parts{};
  gmtime_r(&time, &parts);
  // By hand: strftime speaks the locale's language.
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[static_cast<size_t>(parts.tm_wday)], parts.tm_mday,
                                 kMonths[static_cast<size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                                 parts.tm_min, parts.tm_sec);
  date_.assign(text.data(), static_cast<size_t>(size));
  return date_;
}

}  // namespace quorate::http
