// cmd/ctl/txn_parser.h: the lines of a transaction as a request.
//
//     mod("key") > "0"          comparisons, until an empty line
//     put key "a value"         what is done when all hold, until an empty line
//     get key --prefix          what is done when one fails, until an empty line
//
// Source: command line, section 3.1; its texts are the contract. Threads: one.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/ctl/commands.h"

namespace quorate::cmd::ctl {

// The words of a line: bare, in "double quotes" with Go's escapes, or in 'single quotes' as they stand.
// A quote that never ends is no part of a word. Errors: kExitInvalidInput for a bad escape.
std::expected<std::vector<std::string>, UsageError> split_words(std::string_view line);

// A request and the texts that its views point into.
class TxnDraft {
 public:
  // Each takes one line without its newline, trimmed. `usage` gets what to print before the error, if anything.
  std::expected<void, UsageError> add_compare(std::string_view line);
  std::expected<void, UsageError> add_success(std::string_view line, std::string& usage) {
    return add_request(line, request_.success, usage);
  }
  std::expected<void, UsageError> add_failure(std::string_view line, std::string& usage) {
    return add_request(line, request_.failure, usage);
  }

  const pb::TxnRequest& request() const { return request_; }

 private:
  std::expected<void, UsageError> add_request(std::string_view line, std::vector<pb::RequestOp>& ops,
                                              std::string& usage);

  pb::TxnRequest request_;
  std::deque<std::string> compare_texts_;
  std::vector<std::unique_ptr<std::vector<std::string>>> request_texts_;
};

}  // namespace quorate::cmd::ctl
