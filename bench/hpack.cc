#include "bench/hpack.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>

namespace quorate::bench {

namespace {

// RFC 7541, appendix A.
constexpr unsigned kStaticAuthority = 1;
constexpr unsigned kStaticMethodPost = 3;
constexpr unsigned kStaticPath = 4;
constexpr unsigned kStaticSchemeHttp = 6;
constexpr unsigned kStaticContentType = 31;
constexpr unsigned kStaticUserAgent = 58;
constexpr unsigned kStaticSize = 61;
constexpr size_t kKnownBlocks = 16;

void append_string(std::string_view text, std::string& out) {
  // All of ours are shorter than 127 bytes, so that a length is one byte.
  out.push_back(static_cast<char>(text.size()));
  out.append(text);
}

int parse_int(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

size_t HeaderEncoder::insert(unsigned static_name_index, std::string_view name, std::string_view value,
                             std::string& out) {
  out.push_back(static_cast<char>(0x40 | static_name_index));
  if (static_name_index == 0) append_string(name, out);
  append_string(value, out);
  return inserted_++;
}

void HeaderEncoder::append_index(size_t entry, std::string& out) const {
  out.push_back(static_cast<char>(0x80 | (kStaticSize + inserted_ - entry)));
}

std::string_view HeaderEncoder::block_for(std::string_view path) {
  auto found = std::find_if(paths_.begin(), paths_.end(), [&](const Path& p) { return p.name == path; });
  if (found != paths_.end()) {
    if (found->built_at != inserted_) {
      found->block = {static_cast<char>(0x80 | kStaticMethodPost), static_cast<char>(0x80 | kStaticSchemeHttp)};
      append_index(found->entry, found->block);
      for (const size_t entry : common_) append_index(entry, found->block);
      found->built_at = inserted_;
    }
    return found->block;
  }
  first_ = {static_cast<char>(0x80 | kStaticMethodPost), static_cast<char>(0x80 | kStaticSchemeHttp)};
  const bool first_call = paths_.empty();
  Path added;
  added.name = path;
  added.entry = insert(kStaticPath, "", path, first_);
  if (first_call) {
    common_[0] = insert(kStaticAuthority, "", authority_, first_);
    common_[1] = insert(kStaticContentType, "", "application/grpc", first_);
    common_[2] = insert(kStaticUserAgent, "", "quorate-bench/1", first_);
    common_[3] = insert(0, "te", "trailers", first_);
  } else {
    for (const size_t entry : common_) append_index(entry, first_);
  }
  paths_.push_back(std::move(added));
  return first_;
}

HeaderDecoder::HeaderDecoder() {
  if (nghttp2_hd_inflate_new(&inflater_) != 0) inflater_ = nullptr;
}

HeaderDecoder::~HeaderDecoder() { nghttp2_hd_inflate_del(inflater_); }

const HeaderDecoder::Meaning* HeaderDecoder::decode(std::span<const uint8_t> block) {
  const std::string_view text(reinterpret_cast<const char*>(block.data()), block.size());
  for (const Known& k : known_) {
    if (k.block == text) return &k.meaning;
  }
  latest_ = {};
  if (inflater_ == nullptr || !inflate(block, latest_)) return nullptr;
  const bool only_indexes = std::all_of(block.begin(), block.end(), [](uint8_t b) { return b >= 0x80 && b != 0xff; });
  if (!only_indexes) {
    known_.clear();
  } else if (known_.size() < kKnownBlocks) {
    known_.push_back({std::string(text), latest_});
  }
  return &latest_;
}

bool HeaderDecoder::inflate(std::span<const uint8_t> block, Meaning& meaning) {
  const uint8_t* at = block.data();
  size_t left = block.size();
  for (;;) {
    nghttp2_nv nv{};
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(inflater_, &nv, &flags, at, left, 1);
    if (used < 0) return false;
    at += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      const std::string_view name(reinterpret_cast<const char*>(nv.name), nv.namelen);
      const std::string_view value(reinterpret_cast<const char*>(nv.value), nv.valuelen);
      if (name == ":status") meaning.http_status = parse_int(value);
      if (name == "grpc-status") meaning.grpc_status = parse_int(value);
      if (name == "grpc-message") meaning.grpc_message = value;
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(inflater_);
      return true;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) return true;
  }
}

}  // namespace quorate::bench
