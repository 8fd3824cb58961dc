#include "http/grpc_text.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "http/gzip.h"
#include "http/message_reader.h"
#include "http/output.h"

namespace quorate::http {
namespace {

TEST(GrpcText, EscapesWhatIsNotPrintable) {
  EXPECT_EQ(encode_grpc_message("etcdserver: key is not provided"), "etcdserver: key is not provided");
  EXPECT_EQ(encode_grpc_message("100% \n\x7f"), "100%25 %0A%7F");
  EXPECT_EQ(encode_grpc_message("\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"), "%C3%BC%E2%82%AC%F0%9F%98%80");
}

TEST(GrpcText, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(encode_grpc_message("a\xff"), "a%EF%BF%BD");
  EXPECT_EQ(encode_grpc_message("\xC3"), "%EF%BF%BD");
  EXPECT_EQ(encode_grpc_message("\xED\xA0\x80"), "%EF%BF%BD%EF%BF%BD%EF%BF%BD");
  EXPECT_EQ(encode_grpc_message("\xC0\x80"), "%EF%BF%BD%EF%BF%BD");
}

TEST(GrpcText, ReadsBackWhatItWrites) {
  Prng prng(7);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (uint64_t n = prng.below(20); n > 0; --n) text += static_cast<char>(prng.below(128));
    EXPECT_EQ(decode_grpc_message(encode_grpc_message(text)), text);
  }
}

TEST(GrpcText, LeavesBrokenEscapesAsTheyAre) {
  EXPECT_EQ(decode_grpc_message("%"), "%");
  EXPECT_EQ(decode_grpc_message("a%4"), "a%4");
  EXPECT_EQ(decode_grpc_message("%zz%41"), "%zzA");
}

TEST(GrpcText, ReadsDeadlinesOfAllUnits) {
  EXPECT_EQ(parse_grpc_timeout("1n").value(), 1ns);
  EXPECT_EQ(parse_grpc_timeout("2u").value(), 2us);
  EXPECT_EQ(parse_grpc_timeout("3m").value(), 3ms);
  EXPECT_EQ(parse_grpc_timeout("4S").value(), 4s);
  EXPECT_EQ(parse_grpc_timeout("5M").value(), 5min);
  EXPECT_EQ(parse_grpc_timeout("6H").value(), 6h);
  EXPECT_EQ(parse_grpc_timeout("00000000n").value(), 0ns);
  EXPECT_EQ(parse_grpc_timeout("99999999H").value(), Duration::max());
}

TEST(GrpcText, RefusesBadDeadlinesInTheWordsOfGrpc) {
  const auto text = [](std::string_view bad) { return parse_grpc_timeout(bad).error().text(); };
  EXPECT_EQ(text("S"), "malformed grpc-timeout: transport: timeout string is too short: \"S\"");
  EXPECT_EQ(text("123456789S"), "malformed grpc-timeout: transport: timeout string is too long: \"123456789S\"");
  EXPECT_EQ(text("1s"), "malformed grpc-timeout: transport: timeout unit is not recognized: \"1s\"");
  EXPECT_EQ(text("-1S"), "malformed grpc-timeout: strconv.ParseUint: parsing \"-1\": invalid syntax");
}

TEST(GrpcText, WritesDeadlinesInTheFinestUnitThatFits) {
  EXPECT_EQ(format_grpc_timeout(-1s), "0n");
  EXPECT_EQ(format_grpc_timeout(99'999'999ns), "99999999n");
  EXPECT_EQ(format_grpc_timeout(100'000'001ns), "100001u");
  EXPECT_EQ(format_grpc_timeout(5s), "5000000u");
  EXPECT_EQ(format_grpc_timeout(1h), "3600000m");
  EXPECT_GE(parse_grpc_timeout(format_grpc_timeout(Duration::max())).value(), Duration::max());
}

TEST(GrpcText, KnowsItsContentTypes) {
  for (const auto* good : {"application/grpc", "application/grpc+proto", "application/grpc;x"})
    EXPECT_TRUE(is_grpc_content_type(good));
  for (const auto* bad : {"", "application/grpc-web", "application/json", "application/grp"})
    EXPECT_FALSE(is_grpc_content_type(bad));
}

TEST(GrpcText, EchoesTheContentTypeOfACall) {
  EXPECT_EQ(echoed_content_type("application/grpc"), "");
  EXPECT_EQ(echoed_content_type("application/grpc+"), "");
  EXPECT_EQ(echoed_content_type("application/grpc+PROTO"), "application/grpc+PROTO");
  EXPECT_EQ(echoed_content_type("application/grpc;x"), "application/grpc+x");
}

// Offsets as Go's encoding/base64 tells them.
TEST(BinaryMetadata, IsBase64WithOrWithoutPadding) {
  for (const char* good : {"", "AA", "AAA", "AAAA", "AA==", "AAA=", "AB", "AAAAAA", "+/+/"}) {
    EXPECT_EQ(base64_fault(good), -1) << good;
  }
  const std::pair<const char*, ptrdiff_t> kBad[] = {{"!!", 0},   {"A", 0},    {"AAAAA", 4}, {"AAAA=", 4},
                                                    {"AA=", 2},  {"A===", 1}, {"AA=A", 2},  {"AAA=AAAA", 4},
                                                    {"__--", 0}, {"====", 0}, {"AA A", 2},  {"AAAA,BBBB", 4}};
  for (const auto& [text, fault] : kBad) EXPECT_EQ(base64_fault(text), fault) << text;
}

TEST(BinaryMetadata, OfSeveralFaultsTheLastIsTold) {
  EXPECT_TRUE(check_binary_metadata({{"x", "!!"}, {"x-bin", "AA"}}).ok());
  EXPECT_EQ(check_binary_metadata({{"x-bin", "!!"}, {"y-bin", "A\"\\"}, {"z-bin", "AA"}}).text(),
            "malformed binary metadata \"A\\\"\\\\\" in header \"y-bin\": illegal base64 data at input byte 1");
}

MessageReader reader_of(size_t max, std::string_view encoding = "") {
  MessageReader reader;
  reader.reset({.max_message_bytes = max, .compressed = Code::kUnimplemented});
  reader.set_encoding(encoding);
  return reader;
}

Status error_of(MessageReader reader, std::string_view bytes) {
  Bytes message;
  Status error;
  EXPECT_EQ(reader.next(bytes, message, error), MessageReader::Next::kError);
  return error;
}

TEST(MessageReader, RefusesAMessageAsSoonAsItsLengthIsKnown) {
  EXPECT_EQ(error_of(reader_of(10), std::string_view("\0\0\0\0\x0b", 5)),
            Status(Code::kResourceExhausted, "grpc: received message larger than max (11 vs. 10)"));
}

TEST(MessageReader, RefusesCompression) {
  EXPECT_EQ(error_of(reader_of(10, "gzip"), std::string_view("\1\0\0\0\1", 5)),
            Status(Code::kUnimplemented, "grpc: Decompressor is not installed for grpc-encoding \"gzip\""));
  EXPECT_EQ(error_of(reader_of(10), std::string_view("\1\0\0\0\1", 5)),
            Status(Code::kInternal, "grpc: compressed flag set with identity or empty encoding"));
  EXPECT_EQ(error_of(reader_of(10), std::string_view("\7\0\0\0\1", 5)),
            Status(Code::kInternal, "grpc: received unexpected payload format 7"));
}

TEST(MessageReader, OpensGzipWhereItIsTold) {
  const std::string packed = gzip("0123456789");
  const std::string framed = std::string("\1\0\0\0", 4) + static_cast<char>(packed.size()) + packed;
  for (const size_t max : {size_t{100}, size_t{9}}) {
    MessageReader reader = reader_of(max, "gzip");
    reader.take_gzip();
    Bytes message;
    Status error;
    std::string_view bytes = framed;
    if (max < packed.size()) {  // the limit is for both
      EXPECT_EQ(reader.next(bytes, message, error), MessageReader::Next::kError);
      continue;
    }
    EXPECT_EQ(reader.next(bytes, message, error), MessageReader::Next::kMessage);
    EXPECT_EQ(message.view(), "0123456789");
    EXPECT_EQ(reader.held_bytes(), 0U);
  }
}

class StringSocket final : public env::Socket {
 public:
  explicit StringSocket(Prng& prng) : prng_(prng) {}
  void start(env::SocketEvents&) override {}
  size_t write(std::span<const std::string_view> pieces) override {
    size_t room = prng_.chance(1, 3) ? prng_.below(20'000) : SIZE_MAX;
    size_t taken = 0;
    for (const std::string_view piece : pieces) {
      const size_t part = std::min(room, piece.size());
      text.append(piece.substr(0, part));
      room -= part;
      taken += part;
    }
    return taken;
  }
  void pause_reading() override {}
  void resume_reading() override {}
  void shutdown_write() override {}
  void close() override {}
  std::string peer_text() const override { return ""; }
  std::string text;

 private:
  Prng& prng_;
};

TEST(MessageReader, ReadsBackWhatAQueueAndAnOutputMoveInParts) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Prng prng(seed);
    OutQueue queue;
    Output output;
    StringSocket socket(prng);
    std::vector<std::string> sent;
    for (uint64_t n = prng.between(1, 150); n > 0; --n) {
      std::string whole;
      std::vector<Bytes> pieces;
      for (uint64_t p = prng.below(4); p > 0; --p) {
        const std::string piece = prng.bytes(prng.chance(1, 5) ? prng.below(30'000) : prng.below(100));
        whole += piece;
        pieces.push_back(Bytes::copy(piece));
      }
      sent.push_back(whole);
      if (prng.chance(1, 2)) {
        queue.push_message(std::move(pieces));
      } else {
        queue.push_message(Bytes::copy(whole));
      }
      while (queue.size() > 0 && prng.chance(2, 3)) queue.take(prng.between(1, queue.size()), output);
      if (prng.chance(1, 3)) output.write_to(socket);
    }
    queue.take(queue.size(), output);
    while (!output.write_to(socket)) {}
    MessageReader reader = reader_of(1'000'000);
    std::vector<std::string> got;
    std::string_view left = socket.text;
    while (!left.empty()) {
      std::string_view part = left.substr(0, prng.between(1, 9000));
      left.remove_prefix(part.size());
      Bytes message;
      Status error;
      while (reader.next(part, message, error) == MessageReader::Next::kMessage) got.emplace_back(message.view());
      ASSERT_TRUE(error.ok());
    }
    ASSERT_EQ(got, sent) << seed;
    EXPECT_EQ(reader.held_bytes(), 0U);
  }
}

}  // namespace
}  // namespace quorate::http
