// watch/inbox.h: for tests: a store that is watched, and streams whose answers are kept and told as text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "mvcc/store.h"
#include "pb/codec.h"
#include "watch/hub.h"

namespace quorate::watch {

class NoLeases final : public mvcc::LeaseBook {
 public:
  bool exists(LeaseId /*lease*/) const override { return true; }
  void move_key(std::string_view /*key*/, LeaseId /*from*/, LeaseId /*to*/) override {}
};

// One stream's far end. Answers count as unsent while it holds.
class Inbox final : public Sink {
 public:
  struct Answer {
    std::unique_ptr<std::string> bytes;  // what the response views
    pb::WatchResponse response;
  };

  size_t deliver(std::vector<Bytes> pieces) override {
    Answer answer;
    answer.bytes = std::make_unique<std::string>();
    for (const Bytes& piece : pieces) *answer.bytes += piece.view();
    EXPECT_TRUE(pb::decode(*answer.bytes, answer.response));
    EXPECT_TRUE(answer.response.header.has_value());
    // A stream over its limit is given no further events; fragments together are one answer.
    if (!answer.response.events.empty() && !inside_fragments) {
      EXPECT_LE(unsent, limits::kWatchStreamBytesHigh);
    }
    inside_fragments = answer.response.fragment;
    largest = std::max(largest, answer.bytes->size());
    if (holds) unsent += answer.bytes->size() * weight;
    answers.push_back(std::move(answer));
    return unsent;
  }

  // All answers since the last call, each as "id@revision", marks and events: "put key=value/mod_revision<before".
  std::vector<std::string> take() {
    std::vector<std::string> out;
    for (const Answer& answer : answers) out.push_back(text(answer.response));
    answers.clear();
    return out;
  }

  static std::string text(const pb::WatchResponse& response) {
    std::string out = std::to_string(response.watch_id) + "@" + std::to_string(response.header->revision);
    if (response.created) out += " created";
    if (response.canceled) out += " canceled";
    if (response.compact_revision != 0) out += " compacted=" + std::to_string(response.compact_revision);
    if (!response.cancel_reason.empty()) out += " " + std::string(response.cancel_reason);
    if (response.fragment) out += " fragment";
    for (const pb::Event& event : response.events) out += " " + text(event);
    return out;
  }

  static std::string text(const pb::Event& event) {
    std::string out(event.type == pb::EventType::kPut ? "put " : "delete ");
    out += event.kv.key;
    if (event.type == pb::EventType::kPut) out += "=" + std::string(event.kv.value);
    out += "/" + std::to_string(event.kv.mod_revision);
    if (event.prev_kv) out += "<" + std::string(event.prev_kv->value);
    return out;
  }

  std::vector<Answer> answers;
  bool holds = false;
  size_t unsent = 0;
  size_t weight = 1;  // what a byte counts for
  size_t largest = 0;
  bool inside_fragments = false;
};

using Strings = std::vector<std::string>;

class HubTest : public testing::Test {
 protected:
  explicit HubTest(const Options& options = {.cluster = 7, .member = 8}) : hub(store, [] { return Term{3}; }, options) {
    stream = hub.open(inbox);
  }

  Revision put(std::string_view key, std::string_view value) {
    CHECK(store.put({.key = key, .value = value}, leases).has_value());
    hub.advance();
    return store.revision();
  }
  Revision remove(std::string_view key, std::string_view end = {}) {
    CHECK(store.delete_range({.key = key, .range_end = end}, leases).has_value());
    hub.advance();
    return store.revision();
  }
  // Several puts in one revision.
  Revision put_all(const std::vector<std::pair<std::string, std::string>>& kvs) {
    pb::TxnRequest request;
    for (const auto& [key, value] : kvs) {
      pb::RequestOp op;
      op.request = pb::PutRequest{.key = key, .value = value};
      request.success.push_back(std::move(op));
    }
    CHECK(store.txn(request, leases).has_value());
    hub.advance();
    return store.revision();
  }
  void compact(Revision revision) {
    CHECK(store.compact(revision).ok());
    hub.advance();
  }

  void create_on(StreamId on, const pb::WatchCreateRequest& request) { hub.handle(on, {.request = request}); }
  void create(const pb::WatchCreateRequest& request) { create_on(stream, request); }
  void cancel(int64_t id) { hub.handle(stream, {.request = pb::WatchCancelRequest{id}}); }
  void ask_progress() { hub.handle(stream, {.request = pb::WatchProgressRequest{}}); }
  void catch_up() {
    while (hub.step(1000)) {}
  }
  // The far end reads everything.
  void drain(Inbox& from, StreamId id) {
    from.unsent = 0;
    hub.drained(id, 0);
  }

  mvcc::Store store;
  NoLeases leases;
  Inbox inbox;
  Hub hub;
  StreamId stream = 0;
};

}  // namespace quorate::watch
