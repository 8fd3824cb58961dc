// The Watch service: etcdserverpb.Watch (v3 API, section 6). The hub does the work.
#include "api/back.h"
#include "pb/codec.h"

namespace quorate::api::watch_service {
namespace {

class WatchStream final : public Stream, public quorate::watch::Sink {
 public:
  WatchStream(Back& back, StreamWriter writer) : hub_(back.replica().hub()), writer_(writer), id_(hub_.open(*this)) {}
  ~WatchStream() override { hub_.close(id_); }

  // A half-close changes nothing: the stream goes on until the client cancels it.
  void on_message(Bytes message) override {
    pb::WatchRequest request;
    if (!pb::decode(message.view(), request)) return writer_.finish(malformed_message());
    hub_.handle(id_, request);
  }

  void on_credit(size_t bytes) override { hub_.drained(id_, writer_.credit(bytes)); }

  size_t deliver(std::vector<Bytes> pieces) override { return writer_.send_pieces(std::move(pieces)); }

 private:
  quorate::watch::Hub& hub_;
  StreamWriter writer_;
  quorate::watch::StreamId id_;
};

}  // namespace

std::unique_ptr<Stream> watch(Back& back, StreamWriter writer) { return std::make_unique<WatchStream>(back, writer); }

}  // namespace quorate::api::watch_service
