// What real etcds answered to thousands of drawn requests, asked again of the services here.
//
// test/compat/record made the transcripts; test/compat/differential/record.go says how a line reads. The member's
// disk and clock are in memory, so no lease ends while a transcript runs.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/back.h"
#include "rpc.pb.h"
#include "server/testing/bench.h"

namespace quorate::api {
namespace {

namespace rpc = etcdserverpb;
using google::protobuf::Message;

// One call of a transcript, and where it stands.
struct Recorded {
  int line = 0;
  std::string path;     // "/etcdserverpb.KV/Put"
  std::string request;  // in text
  std::string answer;   // begins with '=', '!' or '?'
};

std::vector<Recorded> read(const std::string& name) {
  std::ifstream file(std::string(QUORATE_TRANSCRIPTS) + "/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<Recorded> out;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("> ")) {
      const size_t dot = line.find('.'), space = std::min(line.find(' ', 2), line.size());
      const std::string service = line.substr(2, dot - 2), method = line.substr(dot + 1, space - dot - 1);
      out.push_back({number, "/etcdserverpb." + service + "/" + method, line.substr(space), {}});
    } else if (!line.starts_with("#")) {
      if (!out.empty()) out.back().answer = line;
    }
  }
  return out;
}

std::unique_ptr<Message> make(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

const google::protobuf::MethodDescriptor* method_of(const std::string& path) {
  std::string name = path.substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
}

// As the recorder leaves it: of a header its revision, of a lease's time left its sign, keys and leases in order.
void settle(Message& response) {
  const auto* header = response.GetDescriptor()->FindFieldByName("header");
  if (header != nullptr && response.GetReflection()->HasField(response, header)) {
    auto& its = static_cast<rpc::ResponseHeader&>(*response.GetReflection()->MutableMessage(&response, header));
    its.clear_cluster_id();
    its.clear_member_id();
    its.clear_raft_term();
  }
  if (response.GetDescriptor() == rpc::LeaseTimeToLiveResponse::descriptor()) {
    auto& its = static_cast<rpc::LeaseTimeToLiveResponse&>(response);
    its.set_ttl(std::clamp<int64_t>(its.ttl(), -1, 1));
    std::sort(its.mutable_keys()->begin(), its.mutable_keys()->end());
  }
  if (response.GetDescriptor() == rpc::LeaseLeasesResponse::descriptor()) {
    auto& leases = *static_cast<rpc::LeaseLeasesResponse&>(response).mutable_leases();
    std::sort(leases.begin(), leases.end(), [](const auto& a, const auto& b) { return a.id() < b.id(); });
  }
}

// The ranges of a request with the answers to them, those of a transaction's taken branch too.
template <class Visit>
void each_range(const Message& request, Message& response, Visit visit) {
  if (request.GetDescriptor() == rpc::RangeRequest::descriptor()) {
    visit(static_cast<const rpc::RangeRequest&>(request), static_cast<rpc::RangeResponse&>(response));
  }
  if (request.GetDescriptor() != rpc::TxnRequest::descriptor()) return;
  const auto& txn = static_cast<const rpc::TxnRequest&>(request);
  auto& answer = static_cast<rpc::TxnResponse&>(response);
  const auto& taken = answer.succeeded() ? txn.success() : txn.failure();
  for (int i = 0; i < std::min(taken.size(), answer.responses_size()); ++i) {
    rpc::ResponseOp& op = *answer.mutable_responses(i);
    if (taken[i].has_request_range()) each_range(taken[i].request_range(), *op.mutable_response_range(), visit);
    if (taken[i].has_request_txn()) each_range(taken[i].request_txn(), *op.mutable_response_txn(), visit);
  }
}

// What an earlier etcd answered otherwise than etcd 3.7, which is what is served here: turned into 3.7's answer.
struct Difference {
  std::string_view until;  // the last version that has it
  std::string_view reason;
  void (*turn)(const Message& request, Message& response);
};

const Difference kDifferences[] = {
    {"3.6", "pairs of a range with keys_only had their lease; 3.7 reads no pair for it, unless to sort by values",
     [](const Message& request, Message& response) {
       each_range(request, response, [](const rpc::RangeRequest& range, rpc::RangeResponse& answer) {
         if (!range.keys_only() || range.sort_target() == rpc::RangeRequest::VALUE) return;
         for (auto& kv : *answer.mutable_kvs()) kv.clear_lease();
       });
     }},
    {"3.5", "HashKV did not tell of which revision its hash is",
     [](const Message& request, Message& response) {
       if (request.GetDescriptor() != rpc::HashKVRequest::descriptor()) return;
       auto& answer = static_cast<rpc::HashKVResponse&>(response);
       answer.set_hash_revision(static_cast<const rpc::HashKVRequest&>(request).revision());
     }},
};

// The same of errors, which transactions give for the first thing that is wrong.
struct OrderOfChecks {
  std::string_view until, reason, theirs, ours;
};

const OrderOfChecks kOrders[] = {
    {"3.6", "a put that keeps the value of a key that is not there, for a lease that is not there",
     "! 3 etcdserver: key not found", "! 5 etcdserver: requested lease not found"},
};

class RecordedAnswers : public ::testing::Test {
 protected:
  void SetUp() override {
    bench_.serve();
    stamps_.emplace(bench_.env().clock, trace_);
    back_ = std::make_unique<Back>(bench_.env(), bench_.replica(), *stamps_, BackOptions{});
    io_ = std::make_unique<IoMailbox>(bench_.loop(), env::Priority::kCompletion, 0,
                                      [this](ToIo&& item) { answers_.push_back(std::move(item)); });
    back_->attach(0, *io_);
    back_->serve();
  }
  void TearDown() override {
    back_.reset();
    io_.reset();
  }

  void replay(const std::string& version) {
    std::string name = "etcd_" + version + ".txt";
    std::replace(name.begin(), name.begin() + 8, '.', '_');
    const std::vector<Recorded> calls = read(name);
    EXPECT_GT(calls.size(), 900u);
    for (const Recorded& call : calls) {
      SCOPED_TRACE(name + ":" + std::to_string(call.line));
      check(call, version);
    }
  }

 private:
  void check(const Recorded& call, const std::string& version) {
    const auto* method = method_of(call.path);
    ASSERT_NE(method, nullptr) << call.path;
    const auto request = make(method->input_type());
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(call.request, request.get()));
    const ToIo answer = ask(call.path, *request);
    if (call.answer.starts_with("?")) return;
    const std::string ours = told(answer, method);
    for (const OrderOfChecks& each : kOrders) {
      if (version <= each.until && call.answer == each.theirs && ours == each.ours && call.path.ends_with("Txn"))
        return;
    }
    EXPECT_EQ(ours, recorded(call.answer, *request, method, version)) << call.path << call.request;
  }

  ToIo ask(const std::string& path, const Message& request) {
    ToCore item;
    item.method = *find_method(path);
    item.call = ++last_call_;
    item.message = Bytes::adopt(request.SerializeAsString());
    back_->inbox().push(std::move(item));
    bench_.settle();
    EXPECT_EQ(answers_.size(), 1u);
    ToIo out = answers_.empty() ? ToIo{} : std::move(answers_.front());
    answers_.clear();
    return out;
  }

  static std::string told(const ToIo& answer, const google::protobuf::MethodDescriptor* method) {
    if (answer.kind == ToIo::Kind::kFinish) {
      return "! " + std::to_string(static_cast<int>(answer.status.code())) + " " + answer.status.text();
    }
    const auto response = make(method->output_type());
    if (!response->ParseFromArray(answer.message.data(), static_cast<int>(answer.message.size()))) return "(malformed)";
    settle(*response);
    return "= " + response->ShortDebugString();
  }

  // The answer that is due, as `told` prints it.
  static std::string recorded(const std::string& line, const Message& request,
                              const google::protobuf::MethodDescriptor* method, const std::string& version) {
    if (!line.starts_with("=")) return line;
    const auto response = make(method->output_type());
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(line.substr(1), response.get()));
    for (const Difference& each : kDifferences) {
      if (version <= each.until) each.turn(request, *response);
    }
    settle(*response);
    return "= " + response->ShortDebugString();
  }

  server::testing::Bench bench_;
  std::vector<ToIo> answers_;
  env::Trace trace_;
  std::optional<StageStamps> stamps_;
  std::unique_ptr<Back> back_;
  std::unique_ptr<IoMailbox> io_;
  http::CallId last_call_ = 0;
};

TEST_F(RecordedAnswers, WhatEtcd37AnsweredIsAnsweredAgain) { replay("3.7"); }
TEST_F(RecordedAnswers, WhatEtcd36AnsweredIsAnsweredAgain) { replay("3.6"); }
TEST_F(RecordedAnswers, WhatEtcd35AnsweredIsAnsweredAgain) { replay("3.5"); }

}  // namespace
}  // namespace quorate::api
