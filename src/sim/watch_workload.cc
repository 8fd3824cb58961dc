// Watchers: streams with a few watches each, which are cut, cancelled, made anew and resumed where they were.
#include <algorithm>
#include <map>

#include "pb/codec.h"
#include "sim/paced.h"

namespace quorate::sim {
namespace {

// One stream, and the watches that are to be on it.
class WatchStream final : public client::CallEvents {
 public:
  WatchStream(Scene& scene, Client& client, uint32_t number) : scene_(scene), client_(client), number_(number) {}

  bool open() const { return call_ != 0; }
  bool empty() const { return open_.empty() && lost_.empty(); }

  // Opens the stream where there is none, and goes on with the watches of the one before.
  void resume() {
    if (call_ != 0) return;
    ++scene_.counters.watch_streams;
    call_ = client_.channel().open("/etcdserverpb.Watch/Watch", {}, *this);
    for (const uint64_t id : std::exchange(lost_, {})) {
      const Watch before = watch(id);
      Watch next;
      next.key = before.key;
      next.range_end = before.range_end;
      next.puts = before.puts;
      next.deletes = before.deletes;
      next.prev_kv = before.prev_kv;
      next.fragment = before.fragment;
      next.progress_notify = before.progress_notify;
      const Place place = places_.at(id);
      if (place.seen != 0) {
        next.resumes = id;
        next.start_revision = place.compacted != 0 ? place.compacted : place.seen + 1;
      } else {
        next.start_revision = before.start_revision;
      }
      create(std::move(next));
    }
  }

  void create(Watch next) {
    next.id = scene_.next_watch();
    next.client = number_;
    next.begin = scene_.universe.now();
    pb::WatchCreateRequest request{.key = next.key, .range_end = next.range_end};
    request.start_revision = next.start_revision;
    request.progress_notify = next.progress_notify;
    if (!next.puts) request.filters.push_back(pb::WatchFilter::kNoPut);
    if (!next.deletes) request.filters.push_back(pb::WatchFilter::kNoDelete);
    request.prev_kv = next.prev_kv;
    request.fragment = next.fragment;
    request.watch_id = static_cast<int64_t>(next.id);
    Place place;
    place.index = scene_.history.watches.size();
    if (next.start_revision != 0) place.seen = next.start_revision - 1;
    places_[next.id] = place;
    open_.push_back(next.id);
    send({std::move(request)});  // views of `next`
    scene_.history.watches.push_back(std::move(next));
  }

  void cancel_oldest() {
    if (open_.empty()) return;
    send({pb::WatchCancelRequest{.watch_id = static_cast<int64_t>(open_.front())}});
    open_.erase(open_.begin());
  }

  void ask_progress() { send({pb::WatchProgressRequest{}}); }

  // The client hangs up.
  void close() {
    if (call_ == 0) return;
    client_.channel().cancel(std::exchange(call_, 0));
    lose_all();
  }

  void conclude() {
    for (const uint64_t id : open_) watch(id).to_the_end = true;
  }

  void on_message(Bytes message) override {
    pb::WatchResponse response;
    const MonoTime now = scene_.universe.now();
    scene_.universe.note("watch", number_, message.size(), message.view());
    if (!pb::decode(message.view(), response)) return;
    if (response.header) scene_.saw(response.header->revision);
    if (response.watch_id == -1) {  // progress of the whole stream
      for (const uint64_t id : open_) {
        if (!places_.at(id).created) continue;
        watch(id).deliveries.push_back({now, std::string(message.view())});
        see(id, response.header->revision);
      }
      return;
    }
    const auto id = static_cast<uint64_t>(response.watch_id);
    if (!places_.contains(id)) return;  // of an earlier stream: cannot be
    watch(id).deliveries.push_back({now, std::string(message.view())});
    take(id, response);
  }

  void on_end(const Status& status, const http::Headers&) override {
    scene_.universe.note("watch stream ended", number_, static_cast<uint64_t>(status.code()), status.text());
    call_ = 0;
    lose_all();
  }

 private:
  struct Place {
    size_t index = 0;  // in the history
    bool created = false;
    Revision seen = 0;       // whole; 0: nothing
    Revision compacted = 0;  // what it was cancelled with
  };

  Watch& watch(uint64_t id) { return scene_.history.watches[places_.at(id).index]; }
  void see(uint64_t id, Revision revision) {
    Place& place = places_.at(id);
    place.seen = std::max(place.seen, revision);
  }

  void take(uint64_t id, const pb::WatchResponse& response) {
    Place& place = places_.at(id);
    if (response.created) {
      place.created = true;
      if (watch(id).start_revision == 0) see(id, response.header->revision);
      return;
    }
    if (response.canceled) {
      const bool ours = std::erase(open_, id) == 0;
      place.compacted = response.compact_revision;
      // Cancelled by a compaction, it goes on from there with the next stream.
      if (!ours && place.compacted != 0) lost_.push_back(id);
      return;
    }
    if (!response.events.empty()) {
      if (!response.fragment) see(id, response.events.back().kv.mod_revision);
    } else if (response.header) {
      see(id, response.header->revision);
    }
  }

  void lose_all() {
    lost_.insert(lost_.end(), open_.begin(), open_.end());
    open_.clear();
  }

  void send(const pb::WatchRequest& request) {
    if (call_ != 0) client_.channel().send(call_, Bytes::adopt(pb::encode(request)));
  }

  Scene& scene_;
  Client& client_;
  const uint32_t number_;
  client::CallId call_ = 0;
  std::vector<uint64_t> open_;  // on the stream
  std::vector<uint64_t> lost_;  // to be resumed
  std::map<uint64_t, Place> places_;
};

class WatchWorkload final : public Paced {
 public:
  WatchWorkload(Scene& scene, const WorkloadPlan& plan, Prng& prng) : Paced(scene, plan, prng) {}
  ~WatchWorkload() override { hang_up(); }

  // Streams live on after the stop: what is due still has to come.
  void conclude() override {
    for (auto& [place, stream] : streams_) stream.conclude();
  }
  bool idle() const override { return stopped(); }
  void reopen() override {
    for (auto& [place, stream] : streams_) stream.resume();
  }

 private:
  void act(Actor& actor) override {
    WatchStream& stream =
        streams_.try_emplace(actor.place, scene_, actor.session.client(), actor.session.number()).first->second;
    Prng& prng = actor.prng;
    if (!stream.open()) {
      stream.resume();
      if (stream.empty()) {
        for (uint64_t i = prng.between(1, 3); i > 0; --i) stream.create(draw(prng));
      }
      // Before what was just asked for has caught up.
      if (prng.chance(1, 2)) stream.ask_progress();
      return rest(actor);
    }
    switch (prng.below(8)) {
      case 0:
      case 1: stream.ask_progress(); break;
      case 2: stream.close(); break;
      case 3:
        stream.cancel_oldest();
        stream.create(draw(prng));
        if (prng.chance(1, 2)) stream.ask_progress();
        break;
      case 4:
        if (stream.empty()) stream.create(draw(prng));
        break;
      default: break;
    }
    rest(actor);
  }

  Watch draw(Prng& prng) {
    Watch out;
    const Span span = draw_span(prng);
    out.key = span.key;
    out.range_end = span.end;
    if (prng.chance(1, 2)) {
      const auto back = static_cast<Revision>(prng.below(50));
      out.start_revision = std::max<Revision>(scene_.latest_revision - back, 1);
    }
    out.prev_kv = prng.chance(1, 3);
    out.fragment = prng.chance(1, 8);
    out.progress_notify = prng.chance(1, 4);
    if (prng.chance(1, 8)) out.puts = false;
    if (out.puts && prng.chance(1, 8)) out.deletes = false;
    return out;
  }

  std::map<size_t, WatchStream> streams_;  // by the actor's place
};

}  // namespace

std::unique_ptr<Workload> make_watch_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<WatchWorkload>(scene, plan, prng);
}

}  // namespace quorate::sim
