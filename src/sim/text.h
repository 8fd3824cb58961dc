// sim/text.h: messages in words that fit into a violation.
//
// Threads: any. Long values and lists are cut.
#pragma once

#include <string>
#include <string_view>

#include "pb/rpc.h"
#include "sim/history.h"
#include "sim/model.h"

namespace quorate::sim {

std::string text_of(const pb::KeyValue& kv);
std::string text_of(const pb::Event& event);
std::string text_of(const Change& change);
std::string text_of(const pb::RangeResponse& response);
// Of an answer: the status where it is none, else what `response` says.
std::string text_of(Kind kind, const Status& status, std::string_view response);
std::string text_of(MonoTime at);
// "put 17 of client 3"
std::string name_of(const Operation& operation);

// The response with a header that holds the revision alone, so that it can be compared with the model's; bytes that
// are no such message stay as they are.
std::string bare(Kind kind, std::string_view response);

}  // namespace quorate::sim
