// Who looks after a member whose disk was full: disarms its alarm, again and again.
#include <utility>

#include "client/channel.h"
#include "pb/codec.h"
#include "pb/wire.h"
#include "sim/client.h"
#include "sim/workload.h"

namespace quorate::sim {
namespace {

constexpr Duration kRest = 300ms;
constexpr Duration kTimeout = 2s;

// Of an encoded AlarmResponse; 0 where it holds none.
MemberId member_of_an_alarm(std::string_view response) {
  pb::wire::Reader in(response);
  uint32_t tag = 0;
  MemberId member = 0;
  while (in.next(tag)) {
    if (tag != pb::wire::bytes_tag(2)) {
      in.skip(tag);
      continue;
    }
    std::string_view alarm;
    in.bytes(alarm);
    pb::wire::Reader fields(alarm);
    while (fields.next(tag)) {
      if (tag == pb::wire::varint_tag(1)) {
        fields.number(member);
      } else {
        fields.skip(tag);
      }
    }
  }
  return member;
}

// Outside of the history: what it does is in the log, and changes no key.
class Operator final : public Workload {
 public:
  explicit Operator(Scene& scene) : scene_(scene), client_(std::make_unique<Client>(scene)) {}
  ~Operator() override { client_.reset(); }

  void start() override { rest(); }
  void stop() override { stopped_ = true; }
  bool idle() const override { return !asking_; }

 private:
  void rest() {
    asking_ = false;
    if (!stopped_) scene_.universe.after(kRest, [this] { look(); });
  }
  void look() {
    if (stopped_) return;
    asking_ = true;
    ask({.action = pb::AlarmAction::kGet, .member_id = 0, .alarm = pb::AlarmType::kNoSpace},
        [this](std::string_view response) {
          const MemberId member = member_of_an_alarm(response);
          if (member == 0) return rest();
          ask({.action = pb::AlarmAction::kDeactivate, .member_id = member, .alarm = pb::AlarmType::kNoSpace},
              [this](std::string_view) {
                ++scene_.counters.alarms_disarmed;
                rest();
              });
        });
  }
  void ask(const pb::AlarmRequest& request, std::move_only_function<void(std::string_view)> then) {
    client::unary(client_->channel(), "/etcdserverpb.Maintenance/Alarm", Bytes::adopt(pb::encode(request)),
                  {.timeout = kTimeout, .metadata = {}}, [this, then = std::move(then)](Result<Bytes> reply) mutable {
                    if (!reply) return rest();
                    then(reply->view());
                  });
  }

  Scene& scene_;
  std::unique_ptr<Client> client_;
  bool asking_ = false;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Workload> make_operator(Scene& scene) { return std::make_unique<Operator>(scene); }

}  // namespace quorate::sim
