// The health service: grpc.health.v1.Health, with the one service name "".
#include "api/back.h"
#include "health.pb.h"

namespace quorate::api::health {
namespace {

using Response = grpc::health::v1::HealthCheckResponse;

std::string serving() {
  Response response;
  response.set_status(Response::SERVING);
  return response.SerializeAsString();
}

class HealthWatch final : public Stream {
 public:
  explicit HealthWatch(StreamWriter writer) : writer_(writer) {}

  // The state never changes while the server runs: one answer, then silence.
  void on_message(Bytes message) override {
    grpc::health::v1::HealthCheckRequest request;
    if (!request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return writer_.finish(malformed_message());
    }
    if (request.service().empty()) {
      writer_.send(serving());
      return;
    }
    Response response;
    response.set_status(Response::SERVICE_UNKNOWN);
    writer_.send(response.SerializeAsString());
  }

  void on_credit(size_t bytes) override { writer_.credit(bytes); }

 private:
  StreamWriter writer_;
};

}  // namespace

void check(Back& /*back*/, Responder call, Bytes message) {
  grpc::health::v1::HealthCheckRequest request;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size()))) return call.fail(malformed_request());
  if (!request.service().empty()) return call.fail(Status(Code::kNotFound, "unknown service"));
  call.reply(serving());
}

void list(Back& /*back*/, Responder call, Bytes message) {
  grpc::health::v1::HealthListRequest request;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size()))) return call.fail(malformed_request());
  grpc::health::v1::HealthListResponse response;
  (*response.mutable_statuses())[""].set_status(Response::SERVING);
  call.reply(response.SerializeAsString());
}

std::unique_ptr<Stream> watch(Back& /*back*/, StreamWriter writer) { return std::make_unique<HealthWatch>(writer); }

}  // namespace quorate::api::health
