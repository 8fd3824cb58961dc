// Every command in this process, against a whole member in a thread of it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "cmd/ctl/command.h"
#include "node/testing/test_member.h"

namespace quorate::cmd::ctl {
namespace {

struct Outcome {
  int exit_code = 0;
  std::string out, err;
};

class CommandLine : public testing::Test {
 protected:
  CommandLine() : member_({.io_loops = 0, .data_dir = directory_.path(), .trace = nullptr}) {}

  Outcome run(const std::vector<std::string>& words, const std::string& input = "",
              const std::string& program = "etcdctl") {
    int pipe[2];
    EXPECT_EQ(::pipe(pipe), 0);
    EXPECT_EQ(::write(pipe[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
    ::close(pipe[1]);
    std::ostringstream out, err;
    Outcome outcome;
    outcome.exit_code =
        run_command_line(program, words, {{"ETCDCTL_ENDPOINTS", member_.client_address().text()}}, {pipe[0], out, err});
    ::close(pipe[0]);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
  }
  // The output of a command that must succeed.
  std::string ok(const std::vector<std::string>& words, const std::string& input = "") {
    const Outcome outcome = run(words, input);
    EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }

  node::testing::TemporaryDirectory directory_;
  node::testing::TestMember member_;
};

TEST_F(CommandLine, WhatWasPutIsGotAndDeleted) {
  EXPECT_EQ(ok({"put", "a", "1"}), "OK\n");
  EXPECT_EQ(ok({"put", "b"}, "from input\n"), "OK\n");
  EXPECT_EQ(ok({"put", "a", "2", "--prev-kv"}), "OK\na\n1\n");
  EXPECT_EQ(ok({"get", "", "--prefix"}), "a\n2\nb\nfrom input\n\n");
  EXPECT_EQ(ok({"get", "--order", "descend", "", "--from-key", "--keys-only"}), "b\n\na\n\n");
  EXPECT_EQ(ok({"get", "a", "--rev", "2"}), "a\n1\n");
  EXPECT_EQ(ok({"del", "a", "--prev-kv"}), "1\na\n2\n");
  EXPECT_EQ(ok({"get", "a"}), "");
}

TEST_F(CommandLine, AServersErrorIsItsTextAlone) {
  const Outcome outcome = run({"get", "a", "--rev", "99"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.err, "Error: etcdserver: mvcc: required revision is a future revision\n");
  EXPECT_EQ(outcome.out, "");
}

TEST_F(CommandLine, ATransactionTakesTheSideThatItsComparisonsChoose) {
  ok({"put", "a", "1"});
  const std::string lines = "val(\"a\") = \"1\"\n\nput a 2\nget a\n\ndel a\n\n";
  EXPECT_EQ(ok({"txn"}, lines), "SUCCESS\n\nOK\n\na\n2\n");
  EXPECT_EQ(ok({"txn", "-i"}, lines),
            "compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\nFAILURE\n\n1\n");
  const Outcome cut = run({"txn"}, "\n\n");
  EXPECT_EQ(cut.exit_code, kExitInvalidInput);
  EXPECT_EQ(cut.err, "Error: EOF\n");
}

TEST_F(CommandLine, ALeaseIsGrantedListedKeptAndRevoked) {
  const std::string granted = ok({"lease", "grant", "60"});
  ASSERT_EQ(granted.size(), std::string("lease 694d7dfe9f1b6c04 granted with TTL(60s)\n").size());
  const std::string id = granted.substr(6, 16);
  EXPECT_EQ(granted, "lease " + id + " granted with TTL(60s)\n");
  ok({"put", "leased", "v", "--lease", id});
  EXPECT_EQ(ok({"lease", "list"}), "found 1 leases\n" + id + "\n");
  EXPECT_EQ(ok({"lease", "keep-alive", "--once", id}), "lease " + id + " keepalived with TTL(60)\n");
  EXPECT_NE(ok({"lease", "timetolive", id, "--keys"}).find("attached keys([leased])"), std::string::npos);
  EXPECT_EQ(ok({"lease", "revoke", id}), "lease " + id + " revoked\n");
  EXPECT_EQ(ok({"get", "leased"}), "");
  EXPECT_EQ(ok({"lease", "timetolive", id}), "lease " + id + " already expired\n");
  EXPECT_EQ(ok({"lease", "keep-alive", id}), "lease " + id + " expired or revoked.\n");
  EXPECT_EQ(run({"lease", "revoke", id}).err,
            "Error: failed to revoke lease (etcdserver: requested lease not found)\n");
}

TEST_F(CommandLine, HistoryBeforeACompactionIsGone) {
  ok({"put", "a", "1"});
  ok({"put", "a", "2"});
  EXPECT_EQ(ok({"compaction", "3"}), "compacted revision 3\n");
  EXPECT_EQ(run({"get", "a", "--rev", "2"}).err, "Error: etcdserver: mvcc: required revision has been compacted\n");
}

TEST_F(CommandLine, AnEndpointTellsItsStatusAndHealth) {
  const std::string endpoint = member_.client_address().text();
  const std::string status = ok({"endpoint", "status"});
  EXPECT_TRUE(status.starts_with(endpoint + ", ")) << status;
  EXPECT_EQ(std::count(status.begin(), status.end(), ','), 15) << status;
  EXPECT_TRUE(
      ok({"endpoint", "health"}).starts_with(endpoint + " is healthy: successfully committed proposal: took = "));
}

TEST_F(CommandLine, AWatchTellsEventsThroughAProgramAndEndsWithItsFailure) {
  ok({"put", "w", "1"});
  ok({"del", "w"});
  ok({"put", "w", "2"});
  const Outcome outcome = run({"watch", "w", "--rev", "2", "--", "sh", "-c",
                               "test \"$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY\" != '\"DELETE\" \"w\"'"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.out, "PUT\nw\n1\nDELETE\nw\n\nPUT\nw\n2\n");
  EXPECT_EQ(outcome.err,
            "command [\"sh\" \"-c\" \"test \\\"$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY\\\" != '\\\"DELETE\\\" "
            "\\\"w\\\"'\"] error "
            "(exit status 1)\n");
}

TEST_F(CommandLine, AWatchOfWhatWasCompactedIsCanceledByTheServer) {
  for (const std::string value : {"1", "2", "3"}) ok({"put", "w", value});
  ok({"compaction", "4"});
  const Outcome outcome = run({"watch", "w", "--rev", "2"});
  EXPECT_EQ(outcome.exit_code, kExitInterrupted);
  EXPECT_EQ(outcome.err,
            "watch was canceled (etcdserver: mvcc: required revision has been compacted)\n"
            "Error: watch is canceled by the server\n");
}

TEST_F(CommandLine, AnInteractiveWatchEndsWithItsInput) {
  const Outcome outcome = run({"watch", "-i"}, "nonsense\nwatch\n");
  EXPECT_EQ(outcome.exit_code, kExitInvalidInput);
  EXPECT_EQ(outcome.err,
            "Invalid command nonsense (only support watch)\n"
            "Invalid command watch (command type or key is not provided)\n"
            "Error: error reading watch request line: EOF\n");
}

TEST_F(CommandLine, CommandsAreNamedByTheirBeginningsAndUnknownOnesByWhatTheyResemble) {
  EXPECT_EQ(ok({"pu", "a", "1"}), "OK\n");
  EXPECT_EQ(ok({"lea", "li"}), "found 0 leases\n");
  const Outcome outcome = run({"l"}, "", "quoratectl");
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.err,
            "Error: unknown command \"l\" for \"quoratectl\"\n\nDid you mean this?\n\tdel\n\tlease\n\tlock\n\n"
            "Run 'quoratectl --help' for usage.\n");
  EXPECT_EQ(ok({"version"}), "etcdctl version: 3.7.1\nAPI version: 3.7\n");
}

TEST_F(CommandLine, AnUnknownFlagIsFollowedByTheCommandsUsage) {
  const Outcome outcome = run({"lease", "grant", "5", "--foo"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.err,
            "Error: unknown flag: --foo\nUsage:\n  etcdctl lease grant <ttl> [flags]\n\nFlags:\n  -h, --help   help "
            "for grant\n\n");
}

TEST_F(CommandLine, AFormatThatACommandHasNotNamesThoseItHas) {
  const Outcome outcome = run({"lease", "list", "-w", "json"});
  EXPECT_EQ(outcome.exit_code, kExitBadFeature);
  EXPECT_EQ(outcome.err, "Error: json not supported as output format (of this command: simple)\n");
  EXPECT_NE(ok({"get", "a", "--count-only", "-w", "fields"}).find("\"Count\" : 0\n"), std::string::npos);
}

TEST_F(CommandLine, ACallWithoutAServerEndsAtItsTimeout) {
  member_.stop();
  const Outcome outcome = run({"get", "a", "--command-timeout", "200ms"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.err, "Error: context deadline exceeded\n");
  const Outcome health = run({"endpoint", "health", "--command-timeout", "200ms"});
  EXPECT_EQ(health.exit_code, kExitError);
  EXPECT_EQ(health.err,
            member_.client_address().text() +
                " is unhealthy: failed to commit proposal: context deadline exceeded\nError: unhealthy cluster\n");
}

}  // namespace
}  // namespace quorate::cmd::ctl
