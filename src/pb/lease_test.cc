// Leases against generated protobuf.
#include "pb/oracle.h"

namespace quorate::pb {

using oracle::expect_agreement;
using oracle::same_header;
using oracle::same_list;

bool same(const LeaseGrantRequest& h, const etcdserverpb::LeaseGrantRequest& g) {
  return h.ttl_s == g.ttl() && h.id == g.id();
}
bool same(const LeaseGrantResponse& h, const etcdserverpb::LeaseGrantResponse& g) {
  return same_header(h, g) && h.id == g.id() && h.ttl_s == g.ttl() && h.error == g.error();
}
bool same(const LeaseRevokeRequest& h, const etcdserverpb::LeaseRevokeRequest& g) { return h.id == g.id(); }
bool same(const LeaseRevokeResponse& h, const etcdserverpb::LeaseRevokeResponse& g) { return same_header(h, g); }
bool same(const LeaseCheckpoint& h, const etcdserverpb::LeaseCheckpoint& g) {
  return h.id == g.id() && h.remaining_ttl_s == g.remaining_ttl();
}
bool same(const LeaseCheckpointRequest& h, const etcdserverpb::LeaseCheckpointRequest& g) {
  return same_list(h.checkpoints, g.checkpoints());
}
bool same(const LeaseKeepAliveRequest& h, const etcdserverpb::LeaseKeepAliveRequest& g) { return h.id == g.id(); }
bool same(const LeaseKeepAliveResponse& h, const etcdserverpb::LeaseKeepAliveResponse& g) {
  return same_header(h, g) && h.id == g.id() && h.ttl_s == g.ttl();
}
bool same(const LeaseTimeToLiveRequest& h, const etcdserverpb::LeaseTimeToLiveRequest& g) {
  return h.id == g.id() && h.keys == g.keys();
}
bool same(const LeaseTimeToLiveResponse& h, const etcdserverpb::LeaseTimeToLiveResponse& g) {
  return same_header(h, g) && h.id == g.id() && h.ttl_s == g.ttl() && h.granted_ttl_s == g.grantedttl() &&
         same_list(h.keys, g.keys());
}
bool same(const LeaseLeasesResponse& h, const etcdserverpb::LeaseLeasesResponse& g) {
  if (!same_header(h, g) || h.leases.size() != static_cast<size_t>(g.leases_size())) return false;
  for (size_t i = 0; i < h.leases.size(); ++i) {
    if (h.leases[i] != g.leases(static_cast<int>(i)).id()) return false;
  }
  return true;
}

namespace {

TEST(LeaseCodec, AgreesWithProtobufOnRequests) {
  expect_agreement<LeaseGrantRequest, etcdserverpb::LeaseGrantRequest>(20);
  expect_agreement<LeaseRevokeRequest, etcdserverpb::LeaseRevokeRequest>(21);
  expect_agreement<LeaseCheckpointRequest, etcdserverpb::LeaseCheckpointRequest>(22);
  expect_agreement<LeaseKeepAliveRequest, etcdserverpb::LeaseKeepAliveRequest>(23);
  expect_agreement<LeaseTimeToLiveRequest, etcdserverpb::LeaseTimeToLiveRequest>(24);
}

TEST(LeaseCodec, AgreesWithProtobufOnResponses) {
  expect_agreement<LeaseGrantResponse, etcdserverpb::LeaseGrantResponse>(25);
  expect_agreement<LeaseRevokeResponse, etcdserverpb::LeaseRevokeResponse>(26);
  expect_agreement<LeaseKeepAliveResponse, etcdserverpb::LeaseKeepAliveResponse>(27);
  expect_agreement<LeaseTimeToLiveResponse, etcdserverpb::LeaseTimeToLiveResponse>(28);
  expect_agreement<LeaseLeasesResponse, etcdserverpb::LeaseLeasesResponse>(29);
}

}  // namespace
}  // namespace quorate::pb
