#include "cmd/ctl/session.h"

#include <algorithm>
#include <array>

#include "cmd/ctl/go_text.h"
#include "env/posix/address.h"

namespace quorate::cmd::ctl {
namespace {

constexpr Duration kTurnMax = 10s;  // a sleep that nothing but a timer or a socket shortens
constexpr Duration kRepeatPause = 50ms;
// Of a gRPC frame: what the reference counts beside the message when it compares with its limit.
constexpr std::array kUncatalogued = {&errors::LeaderTransferTimeout, &errors::UnknownMethod};

bool is_catalogued(std::string_view text) {
  if (!text.starts_with("etcdserver: ")) return false;
  for (const auto& error : kUncatalogued) {
    if (error().text() == text) return false;
  }
#define QUORATE_ERROR(symbol, code, http, v2, known) \
  if (text == known) return true;
#include "base/errors.def"
#undef QUORATE_ERROR
  return false;
}

std::unexpected<Status> no_endpoint(const std::string& endpoint, const std::string& why) {
  return fail(Code::kInvalidArgument, "endpoint " + quote(endpoint) + ": " + why);
}

}  // namespace

std::string error_text(const Status& status) {
  if (is_catalogued(status.text()) || status == errors::ContextDeadlineExceeded()) return status.text();
  return "rpc error: code = " + std::string(code_name(status.code())) + " desc = " + status.text();
}

Result<std::unique_ptr<Session>> Session::open(const GlobalOptions& options) {
  if (options.endpoints.empty()) return fail(Code::kInvalidArgument, "etcdclient: no available endpoints");
  std::unique_ptr<Session> session(new Session(options));
  env::posix::WorldOptions world_options;
  world_options.pool_threads = 1;
  world_options.log.level = env::Level::kFatal;
  TRY(session->world_, env::posix::World::create(world_options, session->trace_));
  std::vector<env::Address> addresses;
  Status last_error;
  for (const std::string& endpoint : options.endpoints) {
    auto found = session->addresses_of(endpoint);
    if (!found) {
      last_error = found.error();
      continue;
    }
    addresses.insert(addresses.end(), found->begin(), found->end());
  }
  if (addresses.empty()) return fail(last_error);
  session->channel_ = session->channel_over(std::move(addresses));
  return session;
}

Session::~Session() { channel_.reset(); }

Result<std::unique_ptr<client::Channel>> Session::channel_to(const std::string& endpoint) {
  TRY(std::vector<env::Address> addresses, addresses_of(endpoint));
  return channel_over(std::move(addresses));
}

std::unique_ptr<client::Channel> Session::channel_over(std::vector<env::Address> addresses) {
  client::NetChannelOptions options;
  options.endpoints = std::move(addresses);
  options.dial_timeout = std::max<Duration>(options_.dial_timeout, 1ms);
  options.max_message_bytes = options_.max_receive_bytes;
  options.keepalive_interval = options_.keepalive_interval;
  options.keepalive_timeout = options_.keepalive_timeout;
  return std::make_unique<client::NetChannel>(loop_env(), std::move(options));
}

Result<std::vector<env::Address>> Session::addresses_of(const std::string& endpoint) {
  std::string_view text = endpoint;
  for (const std::string_view scheme : {"unix://", "unix:"}) {
    if (!text.starts_with(scheme)) continue;
    env::Address address;
    address.path = text.substr(scheme.size());
    return std::vector{address};
  }
  if (text.starts_with("http://")) text.remove_prefix(7);
  text = text.substr(0, text.find('/'));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return no_endpoint(endpoint, "missing port in address");
  const auto port = parse_int(text.substr(colon + 1), 10);
  if (!port || *port < 1 || *port > 65535) return no_endpoint(endpoint, "invalid port");
  std::string host(text.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "localhost";
  std::vector<env::Address> addresses;
  const auto add = [&](const std::string& numeric) {
    env::Address address;
    address.host = numeric;
    address.port = static_cast<uint16_t>(*port);
    addresses.push_back(std::move(address));
  };
  if (env::posix::is_numeric(host)) {
    add(host);
    return addresses;
  }
  std::optional<Result<std::vector<std::string>>> names;
  world_->env().net.resolve(host, [&](Result<std::vector<std::string>> found) { names = std::move(found); });
  run_until([&] { return names.has_value(); });
  if (!*names) return no_endpoint(endpoint, names->error().text());
  for (const std::string& name : **names) add(name);
  if (addresses.empty()) return no_endpoint(endpoint, "no such host");
  return addresses;
}

Result<Bytes> Session::call(client::Channel& channel, std::string_view path, std::string request,
                            const CallLimits& limits) {
  if (request.size() > options_.max_request_bytes) {
    return fail(Code::kResourceExhausted, "trying to send message larger than max (" + std::to_string(request.size()) +
                                              " vs. " + std::to_string(options_.max_request_bytes) + ")");
  }
  const Bytes bytes = Bytes::adopt(std::move(request));
  std::optional<MonoTime> deadline;
  if (limits.timeout) deadline = loop_env().clock.now() + *limits.timeout;
  while (true) {
    client::CallOptions options;
    if (deadline) options.timeout = std::max<Duration>(*deadline - loop_env().clock.now(), 0s);
    options.metadata = limits.metadata;
    // Shared with the answer, which may come after we have gone.
    auto answer = std::make_shared<std::optional<Result<Bytes>>>();
    client::unary(channel, path, bytes, options, [answer](Result<Bytes> result) { *answer = std::move(result); });
    run_until([&] { return answer->has_value(); });
    Result<Bytes>& result = **answer;
    const bool lost = !result && result.error().code() == Code::kUnavailable && !is_catalogued(result.error().text());
    if (!lost || !limits.repeatable) return std::move(result);
    sleep(kRepeatPause);
  }
}

void Session::run_until(const std::function<bool()>& done) {
  while (!done()) world_->core().take_turn(kTurnMax);
}

void Session::sleep(Duration duration) {
  bool over = false;
  loop_env().loop.after(duration, [&over] { over = true; });
  run_until([&over] { return over; });
}

}  // namespace quorate::cmd::ctl
