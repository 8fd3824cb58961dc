#include "sim/member.h"

#include "base/check.h"
#include "env/log_format.h"

namespace quorate::sim {
namespace {

constexpr std::string_view kCutWarning =
    "the last batch of the log is damaged and was cut; it may have been acknowledged";

}  // namespace

void MemberLog::write(env::Level level, std::string_view message, std::initializer_list<env::Field> fields,
                      const std::source_location& where) {
  if (message == kCutWarning) ++cut_warnings_;
  if (message.starts_with("loaded a checkpoint")) ++checkpoints_.loaded;
  if (message.starts_with("cannot save a checkpoint")) ++checkpoints_.failed;
  if (message.starts_with("an image is damaged")) ++checkpoints_.passed_over;
  if (message.starts_with("saved a checkpoint")) {
    ++checkpoints_.saved;
    if (on_saved_) on_saved_();
  }
  if (!universe_.has_listener()) return;
  std::string line = env::log_line(env::LogFormat::kConsole, {level, message, fields, where, WallTime()});
  line.pop_back();
  universe_.tell("member: " + line.substr(line.find('\t') + 1));
}

void Member::Marks::mark(env::Stage stage, uint64_t call, uint64_t index) {
  member.universe_.note(env::stage_name(stage), call, index);
  if (stage == env::Stage::kPropose && durable == 0) durable = index - 1;
  if (stage == env::Stage::kPropose && member.node_) {
    member.history_.proposed_at.emplace(std::pair(member.node_->replica().term(), index), member.universe_.now());
  }
  if (stage != env::Stage::kDurable) return;
  const bool strayed = misdirected_writes != member.drive_.faults().misdirected_writes;
  misdirected_writes = member.drive_.faults().misdirected_writes;
  misdirected_from = strayed ? durable + 1 : 0;
  durable = index;
}

Member::Member(env::sim::Universe& universe, env::sim::SimNetwork& network, env::sim::SimDrive& drive, const Plan& plan,
               History& history)
    : universe_(universe),
      network_(network),
      drive_(drive),
      plan_(plan),
      history_(history),
      log_(universe),
      marks_(*this) {}

Member::~Member() {
  if (process_ && !process_->dead()) process_->kill(env::sim::Death::kKilled);
  take_down();
}

node::Config Member::config() const {
  node::Config config;
  config.name = "sim";
  config.data_dir = kDataDir;
  const std::string host(kHost);
  config.listen_client_urls = {{.scheme = "http", .host = host, .port = 2379, .path = {}}};
  config.listen_peer_urls = {{.scheme = "http", .host = host, .port = 2380, .path = {}}};
  config.advertise_client_urls = {"http://" + host + ":2379"};
  config.initial_advertise_peer_urls = {"http://" + host + ":2380"};
  config.log_segment_bytes = plan_.segment_bytes;
  config.deleted_keys_at_once = plan_.deleted_at_once;
  config.deleted_keys_per_turn = plan_.deleted_per_turn;
  config.checkpoint = plan_.checkpoint;
  config.watch_progress_interval = 2s;
  return config;
}

Status Member::start() {
  CHECK(!running());
  ++life_;
  marks_.durable = marks_.misdirected_from = 0;
  marks_.misdirected_writes = drive_.faults().misdirected_writes;
  process_ = std::make_unique<env::sim::Process>(
      universe_, network_, drive_, env::sim::ProcessOptions{.host = std::string(kHost), .io_loops = plan_.io_loops},
      log_, marks_);
  std::vector<env::LoopEnv> serving;
  for (size_t i = 0; i < process_->serving_loops(); ++i) serving.push_back(process_->serving_loop(i));
  auto node = node::Node::create(process_->env(), std::move(serving), config());
  if (!node) {
    process_.reset();
    return node.error();
  }
  node_ = std::move(*node);
  history_.life.push_back({universe_.now(), 0, LifeKind::kStart});
  node_->start([this, life = life_](const Status& status) {
    universe_.after(0ns, [this, life, status] {
      if (life == life_ && running() && failed_) failed_(status);
    });
  });
  return {};
}

void Member::kill(env::sim::Death death) {
  if (!running()) {
    // Its machine may lose its power all the same.
    if (death == env::sim::Death::kPowerLoss) drive_.crash(universe_.prng());
    return;
  }
  process_->kill(death);
  const bool power = death == env::sim::Death::kPowerLoss;
  history_.life.push_back({universe_.now(), 0, power ? LifeKind::kPowerLoss : LifeKind::kCrash});
  take_down();
}

void Member::stop(env::Task done) {
  CHECK(running());
  process_->core().post([this, life = life_, done = std::move(done)]() mutable {
    node_->stop([this, life, done = std::move(done)](const Status&) mutable {
      universe_.after(0ns, [this, life, done = std::move(done)]() mutable {
        if (life != life_ || !running()) return;
        history_.life.push_back({universe_.now(), 0, LifeKind::kStop});
        take_down();
        done();
      });
    });
  });
}

void Member::take_down() {
  ++life_;
  node_.reset();
  process_.reset();
}

}  // namespace quorate::sim
