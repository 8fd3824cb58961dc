#include "cmd/ctl/line_source.h"
#include "cmd/ctl/printer.h"
#include "cmd/ctl/txn_parser.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kDetails =
    R"(Reads comparisons and requests from standard input and makes one transaction of them.

There are three parts, each ended by an empty line: comparisons, the requests for when all of them hold,
and those for when one does not.

    mod("owner") = "0"

    put owner "me"

    get owner
)";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Reads lines up to an empty one. Returns the exit code, 0 when all went well.
template <class Add>
int read_section(Invocation& invocation, LineSource& lines, std::string_view prompt, Add add) {
  if (invocation.flags.on("interactive")) invocation.out() << prompt << "\n" << std::flush;
  while (true) {
    const auto line = lines.next();
    if (!line) return invocation.error(kExitInvalidInput, "EOF");
    const std::string_view text = trimmed(*line);
    if (text.empty()) return kExitOk;
    std::string usage;
    if (auto added = add(text, usage); !added) {
      invocation.err() << usage;
      return invocation.error(added.error().exit_code, added.error().text);
    }
  }
}

int run_txn(Invocation& invocation) {
  if (!invocation.arguments.empty()) return invocation.error(kExitBadArguments, "txn command does not accept argument");
  LineSource lines(invocation.streams.in);
  TxnDraft draft;
  int failed = read_section(invocation, lines,
                            "compares:", [&](std::string_view line, std::string&) { return draft.add_compare(line); });
  if (failed != 0) return failed;
  failed = read_section(invocation, lines, "success requests (get, put, del):",
                        [&](std::string_view line, std::string& usage) { return draft.add_success(line, usage); });
  if (failed != 0) return failed;
  failed = read_section(invocation, lines, "failure requests (get, put, del):",
                        [&](std::string_view line, std::string& usage) { return draft.add_failure(line, usage); });
  if (failed != 0) return failed;
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto reply = (*session)->call<pb::TxnResponse>("/etcdserverpb.KV/Txn", draft.request(), {});
  if (!reply) return invocation.error(reply.error());
  PrinterSimple(invocation.out(), invocation.global.hex).print(reply->message);
  return kExitOk;
}

}  // namespace

Command txn_command() {
  return {.name = "txn",
          .usage = "txn [options]",
          .summary = "Txn processes all the requests in one transaction",
          .details = std::string(kDetails),
          .group = "Key-value",
          .declare = [](FlagSet& flags) { flags.on_off("interactive", "Input transaction in interactive mode", 'i'); },
          .run = run_txn};
}

}  // namespace quorate::cmd::ctl
