// Client requests and answers: what decodes encodes, and decodes again to the same.
#include <string>

#include "base/check.h"
#include "pb/codec.h"

namespace quorate::pb {
namespace {

// One encoding is a fixed point: a second round changes nothing.
template <class Message>
void check_stable(std::string_view bytes) {
  Message first;
  if (!decode(bytes, first)) return;
  const std::string once = encode(first);
  Message second;
  CHECK(decode(once, second));
  CHECK(encode(second) == once);
}

template <class... Messages>
void check_one_of(size_t choice, std::string_view bytes) {
  size_t i = 0;
  ((i++ == choice % sizeof...(Messages) ? check_stable<Messages>(bytes) : void()), ...);
}

}  // namespace
}  // namespace quorate::pb

// The first byte says which message the rest is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate::pb;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_one_of<RangeRequest, PutRequest, DeleteRangeRequest, TxnRequest, CompactionRequest, LeaseGrantRequest,
               LeaseRevokeRequest, LeaseCheckpointRequest, LeaseKeepAliveRequest, LeaseTimeToLiveRequest, AlarmRequest,
               ClusterVersionSetRequest, ClusterMemberAttrSetRequest, WatchRequest, KeyValue, RangeResponse,
               PutResponse, DeleteRangeResponse, TxnResponse, CompactionResponse, LeaseGrantResponse,
               LeaseRevokeResponse, LeaseKeepAliveResponse, LeaseTimeToLiveResponse, LeaseLeasesResponse,
               WatchResponse>(data[0], bytes);
  return 0;
}
