// cmd/ctl/printer.h: answers about keys as text: simple, fields, json.
//
// Source: command line, sections 3 and 4. Threads: one.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "pb/rpc.h"

namespace quorate::cmd::ctl {

// "simple": what a person or a script reads.
class PrinterSimple {
 public:
  PrinterSimple(std::ostream& out, bool hex) : out_(out), hex_(hex) {}

  // Of "get --print-value-only".
  void values_only(bool on) { values_only_ = on; }

  void print(const pb::RangeResponse& response);
  void print(const pb::PutResponse& response);
  void print(const pb::DeleteRangeResponse& response);
  void print(const pb::TxnResponse& response);
  // One answer of a watch, be it events or progress.
  void print(const pb::WatchResponse& response);
  void print(const pb::LeaseGrantResponse& response);
  void print(const pb::LeaseKeepAliveResponse& response);
  void print(const pb::LeaseLeasesResponse& response);
  // `with_keys`: they were asked for.
  void print(const pb::LeaseTimeToLiveResponse& response, bool with_keys);

 private:
  void print(const pb::KeyValue& kv);
  std::string shown(std::string_view bytes) const;

  std::ostream& out_;
  const bool hex_;
  bool values_only_ = false;
};

// "fields": one `"Name" : value` a line.
class PrinterFields {
 public:
  PrinterFields(std::ostream& out, bool hex) : out_(out), hex_(hex) {}
  void print(const pb::RangeResponse& response);
  void print(const pb::PutResponse& response);
  void print(const pb::DeleteRangeResponse& response);

 private:
  void print(const std::optional<pb::ResponseHeader>& header);
  void print(std::string_view prefix, const pb::KeyValue& kv);

  std::ostream& out_;
  const bool hex_;
};

// "json": one line, as Go writes the same messages.
class PrinterJson {
 public:
  explicit PrinterJson(std::ostream& out) : out_(out) {}
  void print(const pb::RangeResponse& response);
  void print(const pb::PutResponse& response);
  void print(const pb::DeleteRangeResponse& response);

 private:
  std::ostream& out_;
};

// Prints an answer that all three know in the format that --write-out named.
template <class Response>
void print_as(std::string_view format, const Response& response, PrinterSimple& simple, std::ostream& out, bool hex) {
  if (format == "json") return PrinterJson(out).print(response);
  if (format == "fields") return PrinterFields(out, hex).print(response);
  simple.print(response);
}

}  // namespace quorate::cmd::ctl
