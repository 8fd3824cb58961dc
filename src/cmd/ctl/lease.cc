#include "cmd/ctl/commands.h"
#include "cmd/ctl/go_text.h"
#include "cmd/ctl/printer.h"

namespace quorate::cmd::ctl {
namespace {

// The lease that the one argument names. On failure the exit code, the error being printed.
std::expected<LeaseId, int> lease_argument(Invocation& invocation, std::string_view count_error) {
  if (invocation.arguments.size() != 1) return std::unexpected(invocation.error(kExitBadArguments, count_error));
  const auto id = parse_int(invocation.arguments[0], 16);
  if (id) return *id;
  return std::unexpected(
      invocation.error(kExitBadArguments, "bad lease ID arg (" + id.error().text() + "), expecting ID in Hex"));
}

int run_grant(Invocation& invocation) {
  if (invocation.arguments.size() != 1)
    return invocation.error(kExitBadArguments, "lease grant command needs TTL argument");
  const auto ttl_s = parse_int(invocation.arguments[0], 10);
  if (!ttl_s) return invocation.error(kExitBadArguments, "bad TTL (" + ttl_s.error().text() + ")");
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  pb::LeaseGrantRequest request;
  request.ttl_s = *ttl_s;
  const auto reply =
      (*session)->call<pb::LeaseGrantResponse>("/etcdserverpb.Lease/LeaseGrant", request, invocation.limits(false));
  if (!reply) return invocation.error(kExitError, "failed to grant lease (" + error_text(reply.error()) + ")");
  PrinterSimple(invocation.out(), invocation.global.hex).print(reply->message);
  return kExitOk;
}

int run_revoke(Invocation& invocation) {
  const auto id = lease_argument(invocation, "lease revoke command needs 1 argument");
  if (!id) return id.error();
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  pb::LeaseRevokeRequest request;
  request.id = *id;
  const auto reply =
      (*session)->call<pb::LeaseRevokeResponse>("/etcdserverpb.Lease/LeaseRevoke", request, invocation.limits(false));
  if (!reply) return invocation.error(kExitError, "failed to revoke lease (" + error_text(reply.error()) + ")");
  invocation.out() << "lease " << hex16(static_cast<uint64_t>(*id)) << " revoked\n";
  return kExitOk;
}

int run_time_to_live(Invocation& invocation) {
  const auto id = lease_argument(invocation, "lease timetolive command needs lease ID as argument");
  if (!id) return id.error();
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  pb::LeaseTimeToLiveRequest request;
  request.id = *id;
  request.keys = invocation.flags.on("keys");
  const auto reply = (*session)->call<pb::LeaseTimeToLiveResponse>("/etcdserverpb.Lease/LeaseTimeToLive", request,
                                                                   invocation.limits(true));
  if (!reply) return invocation.error(reply.error());
  PrinterSimple(invocation.out(), invocation.global.hex).print(reply->message, request.keys);
  return kExitOk;
}

int run_list(Invocation& invocation) {
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  // Its request has no field.
  const auto bytes =
      (*session)->call((*session)->channel(), "/etcdserverpb.Lease/LeaseLeases", "", invocation.limits(true));
  if (!bytes) return invocation.error(bytes.error());
  pb::LeaseLeasesResponse response;
  if (!pb::decode(bytes->view(), response))
    return invocation.error(Status(Code::kInternal, "the server's answer is no valid message"));
  PrinterSimple(invocation.out(), invocation.global.hex).print(response);
  return kExitOk;
}

// Renews one lease over one stream at a time, until it is gone.
class KeepAlive final : public client::CallEvents {
 public:
  KeepAlive(Session& session, Invocation& invocation, LeaseId id, bool once)
      : session_(session), invocation_(invocation), id_(id), once_(once) {
    // Without any answer the lease may have ended as soon as this.
    deadline_ = now() + invocation.global.dial_timeout + 1s;
  }
  ~KeepAlive() override {
    session_.loop_env().loop.cancel(timer_);
    if (call_ != 0) session_.channel().cancel(call_);
  }

  int run() {
    open();
    session_.run_until([this] { return exit_code_.has_value() || now() >= deadline_; });
    if (exit_code_) return *exit_code_;
    return once_ ? lost() : gone();
  }

 private:
  MonoTime now() { return session_.loop_env().clock.now(); }

  void open() {
    client::CallOptions options;
    options.metadata = {{"hasleader", "true"}};
    call_ = session_.channel().open("/etcdserverpb.Lease/LeaseKeepAlive", options, *this);
    renew();
    session_.loop_env().loop.cancel(deadline_timer_);
    deadline_timer_ = session_.loop_env().loop.at(deadline_, [] {});
  }

  void renew() {
    if (call_ == 0) return open();
    pb::LeaseKeepAliveRequest request;
    request.id = id_;
    session_.channel().send(call_, Bytes::adopt(pb::encode(request)));
  }

  void on_message(Bytes message) override {
    pb::LeaseKeepAliveResponse response;
    if (!pb::decode(message.view(), response)) return;
    if (response.ttl_s <= 0) {
      exit_code_ = once_ ? invocation_.error(kExitBadConnection, errors::LeaseNotFound().text()) : gone();
      return;
    }
    PrinterSimple(invocation_.out(), invocation_.global.hex).print(response);
    invocation_.out().flush();
    if (once_) {
      exit_code_ = kExitOk;
      return;
    }
    const Duration ttl = std::chrono::seconds(response.ttl_s);
    deadline_ = now() + ttl;
    env::Loop& loop = session_.loop_env().loop;
    timer_ = loop.after(ttl / 3, [this] { renew(); });
    loop.cancel(deadline_timer_);
    deadline_timer_ = loop.at(deadline_, [] {});  // so that the loop looks at it in time
  }

  void on_end(const Status& status, const http::Headers&) override {
    call_ = 0;
    session_.loop_env().loop.cancel(timer_);
    if (once_) {
      exit_code_ = invocation_.error(kExitBadConnection, error_text(status));
      return;
    }
    timer_ = session_.loop_env().loop.after(500ms, [this] { open(); });
  }

  int gone() {
    invocation_.out() << "lease " << hex16(static_cast<uint64_t>(id_)) << " expired or revoked.\n";
    return kExitOk;
  }
  int lost() { return invocation_.error(kExitBadConnection, error_text(errors::ContextDeadlineExceeded())); }

  Session& session_;
  Invocation& invocation_;
  const LeaseId id_;
  const bool once_;
  client::CallId call_ = 0;
  env::TimerId timer_ = 0, deadline_timer_ = 0;
  MonoTime deadline_;  // the lease has ended then, unless it was renewed
  std::optional<int> exit_code_;
};

int run_keep_alive(Invocation& invocation) {
  const auto id = lease_argument(invocation, "lease keep-alive command needs lease ID as argument");
  if (!id) return id.error();
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  return KeepAlive(**session, invocation, *id, invocation.flags.on("once")).run();
}

Command leaf(std::string name, std::string usage, std::string summary, void (*declare)(FlagSet&),
             int (*run)(Invocation&)) {
  return {.name = std::move(name),
          .usage = std::move(usage),
          .summary = std::move(summary),
          .details = "",
          .group = "",
          .declare = declare,
          .run = run};
}

}  // namespace

Command lease_command(const std::string& program) {
  Command lease{.name = "lease",
                .usage = "lease <subcommand>",
                .summary = "Lease related commands. Use `" + program + " lease --help` to see subcommands",
                .details = "Lease related commands",
                .group = "Key-value"};
  lease.children.push_back(leaf("grant", "grant <ttl>", "Creates leases", nullptr, run_grant));
  lease.children.push_back(leaf(
      "keep-alive", "keep-alive [options] <leaseID>", "Keeps leases alive (renew)",
      [](FlagSet& flags) {
        flags.on_off("once", "Resets the keep-alive time to its original value and exits immediately");
      },
      run_keep_alive));
  lease.children.push_back(leaf("list", "list", "List all active leases", nullptr, run_list));
  lease.children.push_back(leaf("revoke", "revoke <leaseID>", "Revokes leases", nullptr, run_revoke));
  lease.children.push_back(leaf(
      "timetolive", "timetolive <leaseID> [options]", "Get lease information",
      [](FlagSet& flags) { flags.on_off("keys", "Get keys attached to this lease"); }, run_time_to_live));
  return lease;
}

}  // namespace quorate::cmd::ctl
