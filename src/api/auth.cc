// The Auth service: etcdserverpb.Auth (v3 API, section 8). Authentication is always off for now.
#include "api/proto.h"

namespace quorate::api::auth_service {

void status(Back& back, Responder call, Bytes message) {
  etcdserverpb::AuthStatusRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  // Through the read index, so that the answer is linearizable as etcd's is.
  back.replica().read([&back, call](const Status& status) {
    if (!status.ok()) return call.fail(status);
    etcdserverpb::AuthStatusResponse response;
    fill_header(*response.mutable_header(), back.replica().header());
    response.set_enabled(false);
    response.set_authrevision(1);
    call.reply(response.SerializeAsString());
  });
}

void authenticate(Back& /*back*/, Responder call, Bytes message) {
  etcdserverpb::AuthenticateRequest request;
  if (!parse(message, request)) return call.fail(malformed_request(message, {1, 2}));
  call.fail(errors::AuthNotEnabled());
}

}  // namespace quorate::api::auth_service
