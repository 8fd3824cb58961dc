#include <memory>

#include "cmd/ctl/commands.h"
#include "cmd/ctl/endpoints.h"
#include "cmd/ctl/go_text.h"
#include "env/log_format.h"
#include "rpc.pb.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kStatusDetails =
    "Prints one line for each endpoint: endpoint, ID, version, storage version, db size, in use, percentage not in "
    "use, quota,\n"
    "is leader, is learner, raft term, raft index, raft applied index, errors, downgrade target version, downgrade "
    "enabled.";

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : ", ") + parts[i];
  return out;
}

std::string yes_no(bool yes) { return yes ? "true" : "false"; }

std::string status_line(const std::string& endpoint, const etcdserverpb::StatusResponse& status) {
  const auto size = static_cast<uint64_t>(status.dbsize()), in_use = static_cast<uint64_t>(status.dbsizeinuse());
  const auto unused_percent = size == 0 ? 0 : 100 - static_cast<int64_t>(in_use * 100 / size);
  return joined({endpoint, hex(status.header().member_id()), status.version(), status.storageversion(),
                 human_bytes(size), human_bytes(in_use), std::to_string(unused_percent) + "%",
                 human_bytes(static_cast<uint64_t>(status.dbsizequota())),
                 yes_no(status.leader() == status.header().member_id()), yes_no(status.islearner()),
                 std::to_string(status.raftterm()), std::to_string(status.raftindex()),
                 std::to_string(status.raftappliedindex()), joined({status.errors().begin(), status.errors().end()}),
                 status.downgradeinfo().targetversion(), yes_no(status.downgradeinfo().enabled())});
}

int run_status(Invocation& invocation) {
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto endpoints = endpoints_of(invocation, **session);
  if (!endpoints) return endpoints.error();
  int exit_code = kExitOk;
  std::string lines;
  for (const std::string& endpoint : *endpoints) {
    const auto status =
        ask_endpoint<etcdserverpb::StatusResponse>(**session, endpoint, "/etcdserverpb.Maintenance/Status",
                                                   etcdserverpb::StatusRequest(), invocation.limits(true));
    if (status) {
      lines += status_line(endpoint, *status) + "\n";
      continue;
    }
    invocation.err() << "Failed to get the status of endpoint " << endpoint << " (" << error_text(status.error())
                     << ")\n";
    exit_code = kExitError;
  }
  invocation.out() << lines;
  return exit_code;
}

// Asks one endpoint for a linearizable read, then for alarms.
class HealthCheck {
 public:
  HealthCheck(Session& session, std::string endpoint, Duration timeout, std::vector<const HealthCheck*>& finished)
      : session_(session), endpoint_(std::move(endpoint)), timeout_(timeout), finished_(finished) {}

  void start() {
    auto channel = session_.channel_to(endpoint_);
    if (!channel) return finish(error_text(channel.error()));
    channel_ = std::move(*channel);
    started_ = session_.loop_env().clock.now();
    pb::RangeRequest request;
    request.key = "health";
    client::CallOptions options;
    options.timeout = timeout_;
    client::unary(*channel_, "/etcdserverpb.KV/Range", Bytes::adopt(pb::encode(request)), options,
                  [this](Result<Bytes> answer) {
                    // Without the permission to read the key the proposal went through all the same.
                    if (!answer && answer.error().code() != Code::kPermissionDenied)
                      return finish(error_text(answer.error()));
                    took_ = session_.loop_env().clock.now() - started_;
                    ask_for_alarms();
                  });
  }

  bool healthy() const { return failure_.empty(); }
  std::string line() const {
    if (healthy())
      return endpoint_ + " is healthy: successfully committed proposal: took = " + env::duration_text(took_);
    return endpoint_ + " is unhealthy: failed to commit proposal: " + failure_;
  }

 private:
  void ask_for_alarms() {
    client::CallOptions options;
    options.timeout = timeout_;
    client::unary(
        *channel_, "/etcdserverpb.Maintenance/Alarm", Bytes::adopt(etcdserverpb::AlarmRequest().SerializeAsString()),
        options, [this](Result<Bytes> answer) {
          if (!answer) return finish("Unable to fetch the alarm list");
          etcdserverpb::AlarmResponse alarms;
          if (!alarms.ParseFromArray(answer->data(), static_cast<int>(answer->size())) || alarms.alarms().empty()) {
            return finish("");
          }
          std::string text = "Active Alarm(s): ";
          for (const etcdserverpb::AlarmMember& alarm : alarms.alarms()) text += AlarmType_Name(alarm.alarm()) + " ";
          finish(text);
        });
  }

  void finish(std::string failure) {
    failure_ = std::move(failure);
    finished_.push_back(this);
  }

  Session& session_;
  const std::string endpoint_;
  const Duration timeout_;
  std::vector<const HealthCheck*>& finished_;  // in order of their ends
  std::unique_ptr<client::Channel> channel_;
  MonoTime started_;
  Duration took_{};
  std::string failure_;
};

int run_health(Invocation& invocation) {
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto endpoints = endpoints_of(invocation, **session);
  if (!endpoints) return endpoints.error();
  std::vector<const HealthCheck*> finished;
  std::vector<std::unique_ptr<HealthCheck>> checks;
  for (const std::string& endpoint : *endpoints) {
    checks.push_back(std::make_unique<HealthCheck>(**session, endpoint, invocation.global.command_timeout, finished));
    checks.back()->start();
  }
  (*session)->run_until([&] { return finished.size() == checks.size(); });
  bool all = true;
  for (const HealthCheck* check : finished) {
    (check->healthy() ? invocation.out() : invocation.err()) << check->line() << "\n";
    all = all && check->healthy();
  }
  return all ? kExitOk : invocation.error(kExitError, "unhealthy cluster");
}

int run_hash_kv(Invocation& invocation) {
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto endpoints = endpoints_of(invocation, **session);
  if (!endpoints) return endpoints.error();
  etcdserverpb::HashKVRequest request;
  request.set_revision(invocation.flags.number("rev"));
  std::string lines, failure;
  for (const std::string& endpoint : *endpoints) {
    const auto hash = ask_endpoint<etcdserverpb::HashKVResponse>(
        **session, endpoint, "/etcdserverpb.Maintenance/HashKV", request, invocation.limits(true));
    if (hash) {
      lines += joined({endpoint, std::to_string(hash->hash()), std::to_string(hash->hash_revision())}) + "\n";
      continue;
    }
    failure = error_text(hash.error());
    invocation.err() << "Failed to get the hash of endpoint " << endpoint << " (" << failure << ")\n";
  }
  invocation.out() << lines;
  return failure.empty() ? kExitOk : invocation.error(kExitError, failure);
}

}  // namespace

Command endpoint_command(const std::string& program) {
  Command endpoint{.name = "endpoint",
                   .usage = "endpoint <subcommand>",
                   .summary = "Endpoint related commands. Use `" + program + " endpoint --help` to see subcommands",
                   .details = "Endpoint related commands",
                   .group = "Cluster maintenance",
                   .declare = [](FlagSet& flags) {
                     flags.scope(FlagScope::kInherited);
                     flags.on_off("cluster", "use all endpoints from the cluster member list");
                   }};
  const auto add = [&](const std::string& name, std::string summary, std::string details, int (*run)(Invocation&),
                       void (*declare)(FlagSet&) = nullptr) {
    endpoint.children.push_back({.name = name,
                                 .usage = name,
                                 .summary = std::move(summary),
                                 .details = std::move(details),
                                 .group = "",
                                 .declare = declare,
                                 .run = run});
  };
  add("hashkv", "Prints the KV history hash for each endpoint in --endpoints", "", run_hash_kv, [](FlagSet& flags) {
    flags.add(FlagKind::kNumber, "rev", "", "maximum revision to hash (default: latest revision)");
  });
  add("health", "Checks the healthiness of endpoints specified in `--endpoints` flag", "", run_health);
  add("status", "Prints out the status of endpoints specified in `--endpoints` flag", std::string(kStatusDetails),
      run_status);
  return endpoint;
}

}  // namespace quorate::cmd::ctl
