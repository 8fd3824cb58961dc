#include "http/http1_parser.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace quorate::http {
namespace {

constexpr Http1Parser::Options kOptions{.head_bytes_max = 1024, .body_bytes_max = 100};

struct Outcome {
  std::vector<PlainRequest> requests;
  int error = 0;
  int continues = 0;
  bool in_request = false;
};

// Feeds `text` in parts, each of a length that `cut` tells.
template <class Cut>
Outcome parse(std::string_view text, Cut cut, const Http1Parser::Options& options = kOptions) {
  Http1Parser parser(options);
  Outcome outcome;
  while (!text.empty() && outcome.error == 0) {
    std::string_view part = text.substr(0, cut());
    text.remove_prefix(part.size());
    while (!part.empty() && outcome.error == 0) {
      switch (parser.step(part)) {
        case Http1Parser::Step::kNeedMore: break;
        case Http1Parser::Step::kContinue: ++outcome.continues; break;
        case Http1Parser::Step::kRequest: outcome.requests.push_back(std::move(parser.request())); break;
        case Http1Parser::Step::kError: outcome.error = parser.error_status(); break;
      }
    }
  }
  outcome.in_request = outcome.error == 0 && parser.in_request();
  return outcome;
}

Outcome parse(std::string_view text) {
  return parse(text, [] { return std::string_view::npos; });
}

TEST(Http1Parser, ReadsARequestWithoutABody) {
  const Outcome got = parse("GET /a/b?x=1&y HTTP/1.1\r\nHost: h\r\nX-Odd:  v w \t\r\n\r\n");
  ASSERT_EQ(got.requests.size(), 1U);
  EXPECT_EQ(got.requests[0].method, "GET");
  EXPECT_EQ(got.requests[0].path, "/a/b");
  EXPECT_EQ(got.requests[0].query, "x=1&y");
  EXPECT_EQ(header_of(got.requests[0].headers, "x-odd"), "v w");
}

TEST(Http1Parser, ReadsBodiesByLengthAndByChunks) {
  const Outcome got = parse(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "Chunked\r\n\r\n4;ext=1\r\nwxyz\r\n0A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
      "\r\nGET /last HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(got.requests.size(), 3U);
  EXPECT_EQ(got.requests[0].body.view(), "abc");
  EXPECT_EQ(got.requests[1].body.view(), "wxyz0123456789");
  EXPECT_EQ(got.requests[2].path, "/last");
}

TEST(Http1Parser, TakesTheTargetOutOfAnAbsoluteForm) {
  EXPECT_EQ(parse("GET http://a:1/p?q HTTP/1.1\r\nHost: a\r\n\r\n").requests.at(0).path, "/p");
  EXPECT_EQ(parse("GET http://a:1 HTTP/1.1\r\nHost: a\r\n\r\n").requests.at(0).path, "/");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").requests.at(0).path, "*");
}

TEST(Http1Parser, AsksForTheBodyOfAnExpectingClientOnce) {
  const Outcome got = parse("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nz");
  EXPECT_EQ(got.continues, 1);
  ASSERT_EQ(got.requests.size(), 1U);
  EXPECT_EQ(parse("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n").continues, 0);
}

TEST(Http1Parser, KeepsAConnectionAsTheVersionsSay) {
  const auto keeps = [](std::string_view text) {
    Http1Parser parser(kOptions);
    EXPECT_EQ(parser.step(text), Http1Parser::Step::kRequest);
    return parser.keep_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

struct BadCase {
  const char* name;
  std::string text;
  int status;
};

const BadCase kBadCases[] = {
    {"BareLfInRequestLine", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    {"BareLfEndsHeader", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
    {"BareCr", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
    {"FoldedLine", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
    {"FoldedFirstLine", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
    {"SpaceBeforeColon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\nabc", 400},
    {"EmptyName", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400},
    {"NoColon", "GET / HTTP/1.1\r\nHost: h\r\nfoo\r\n\r\n", 400},
    {"NulInValue", "GET / HTTP/1.1\r\nHost: h\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n", 400},
    {"LengthAndChunked",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"ChunkedAndLength",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
    {"TwoLengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
    {"TwoEqualLengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
    {"ListOfLengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
    {"SignedLength", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400},
    {"EmptyLength", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400},
    {"HugeLength", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\n", 400},
    {"LengthAboveLimit", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413},
    {"ChunksAboveLimit", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 413},
    {"HugeChunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400},
    {"HexPrefix", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
    {"NegativeChunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
    {"EmptyChunkSize", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400},
    {"ChunkWithoutEnd", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400},
    {"BareLfAfterChunkSize", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
     400},
    {"BareLfInTrailers", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\n", 400},
    {"BadTrailer", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX 1\r\n\r\n", 400},
    {"OtherEncoding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"ChunkedTwice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400},
    {"OddSpelling",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     400},
    {"ChunkedInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
    {"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"Version2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    {"NoVersion", "GET /\r\n\r\n", 400},
    {"OddVersion", "GET / HTTP/1.1x\r\nHost: h\r\n\r\n", 400},
    {"LowerVersion", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    {"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"RelativeTarget", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"BadMethod", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"Tls", "\x16\x03\x01\x02\x01\r\n\r\n", 400},
    {"OtherExpectation", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n", 417},
    {"LongHead", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1024, 'x') + "\r\n\r\n", 431},
    {"EndlessHead", "GET /" + std::string(2000, 'x'), 431},
    {"LongTrailers",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(1024, 'x'), 431},
    {"LongChunkLine", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(1024, 'x'),
     431},
};

TEST(Http1Parser, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const BadCase& bad : kBadCases) {
    const Outcome whole = parse(bad.text);
    EXPECT_EQ(whole.error, bad.status) << bad.name;
    EXPECT_TRUE(whole.requests.empty()) << bad.name;
    const Outcome bytewise = parse(bad.text, [] { return size_t{1}; });
    EXPECT_EQ(bytewise.error, bad.status) << bad.name << " byte by byte";
  }
}

TEST(Http1Parser, ReadsTheSameHoweverTheBytesAreCut) {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    text += "GET /" + n + " HTTP/1.1\r\nHost: h\r\n\r\n\r\nPOST /" + n +
            " HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde";
    text +=
        "POST /c" + n + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\r\n\r\r\n1\r\nx\r\n0\r\n\r\n";
  }
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    const Outcome got = parse(text, [&] { return prng.between(1, 40); });
    ASSERT_EQ(got.error, 0) << seed;
    ASSERT_EQ(got.requests.size(), 60U) << seed;
    for (size_t i = 0; i < 60; i += 3) {
      EXPECT_EQ(got.requests[i].path, "/" + std::to_string(i / 3));
      EXPECT_EQ(got.requests[i + 1].body.view(), "abcde");
      EXPECT_EQ(got.requests[i + 2].body.view(), "\r\n\rx");
    }
    EXPECT_FALSE(got.in_request);
  }
}

}  // namespace
}  // namespace quorate::http
