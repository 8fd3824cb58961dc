#include "watch/hub.h"

#include <algorithm>
#include <list>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "pb/codec.h"
#include "watch/audience.h"
#include "watch/draft.h"
#include "watch/event_batch.h"
#include "watch/watcher.h"

namespace quorate::watch {
namespace {

constexpr std::string_view kFirstKey("\0", 1);  // as a key the least, as an end everything
constexpr Revision kScanRevisionsMax = 16 * 1024;  // of history looked at for one watcher in a row
constexpr Revision kScanPerCost = 16;              // so many cost as much as one that gives an event

constexpr std::string_view kCompacted = "etcdserver: mvcc: required revision has been compacted";
constexpr std::string_view kEmptyRange = "mvcc: watcher range is empty";
constexpr std::string_view kDuplicateId = "mvcc: duplicate watch ID provided on the WatchStream";

}  // namespace

struct Stream {
  StreamId id = 0;
  Sink* sink = nullptr;
  std::map<int64_t, Watcher> watchers;
  int64_t next_id = 0;
  size_t unsent_bytes = 0;
  size_t blocked = 0;  // watchers that wait until it has drained
  size_t unsynced = 0;  // watchers that are anything but synced
  MonoTime next_progress{};

  bool full() const { return unsent_bytes > limits::kWatchStreamBytesHigh; }
};

struct Hub::State {
  State(const mvcc::Store& the_store, std::function<Term()> the_term, const Options& the_options)
      : store(the_store), term(std::move(the_term)), options(the_options), draft(the_options.fragment_bytes) {
    next = store.revision() + 1;
  }

  const mvcc::Store& store;
  const std::function<Term()> term;
  const Options options;

  std::map<StreamId, Stream> streams;
  StreamId next_stream = 1;
  Audience audience;            // the synced watchers
  std::list<Watcher*> ready;    // those that lag and may be caught up, in turn
  Revision next = 0;            // the first revision that synced watchers were not told of
  uint64_t events_delivered = 0;
  size_t watchers = 0, unsynced = 0, wanting_prev_kv = 0;

  // Of the revision at hand.
  EventBatch batch;
  Draft draft;
  std::vector<std::pair<Watcher*, std::vector<uint32_t>>> picks;
  size_t picks_used = 0;

  pb::ResponseHeader header(Revision revision) const {
    return {.cluster_id = options.cluster, .member_id = options.member, .revision = revision, .raft_term = term()};
  }
  std::string encoded_header(Revision revision) const {
    pb::WatchResponse response;
    response.header = header(revision);
    return pb::encode(response);
  }

  void answer(Stream& stream, const pb::WatchResponse& response) {
    std::vector<Bytes> pieces;
    pieces.push_back(Bytes::adopt(pb::encode(response)));
    stream.unsent_bytes = stream.sink->deliver(std::move(pieces));
  }

  void create(Stream& stream, const pb::WatchCreateRequest& request);
  void refuse(Stream& stream, std::string_view reason);
  void cancel(Stream& stream, int64_t id);
  void progress(Stream& stream);

  void set_phase(Watcher& watcher, Watcher::Phase phase);
  void forget(Watcher& watcher);

  void tell(Revision revision);
  void pick(uint32_t event, Revision revision);
  void deliver(Revision revision);
  void catch_up(Watcher& watcher, size_t revisions_max, size_t& cost);
  void end_compacted(Watcher& watcher);
};

// Moves a watcher between the audience, the queue and waiting; counts follow.
void Hub::State::set_phase(Watcher& watcher, Watcher::Phase phase) {
  using enum Watcher::Phase;
  if (watcher.phase == phase) return;
  Stream& stream = *watcher.stream;
  if (watcher.phase == kSynced) {
    audience.remove(watcher);
    ++unsynced, ++stream.unsynced;
  } else if (watcher.phase == kReady) {
    ready.erase(watcher.place_in_queue);
  } else if (watcher.phase == kBlocked) {
    --stream.blocked;
  }
  watcher.phase = phase;
  if (phase == kSynced) {
    audience.add(watcher);
    --unsynced, --stream.unsynced;
  } else if (phase == kReady) {
    watcher.place_in_queue = ready.insert(ready.end(), &watcher);
  } else if (phase == kBlocked) {
    ++stream.blocked;
  }
}

void Hub::State::forget(Watcher& watcher) {
  if (watcher.phase == Watcher::Phase::kSynced) {
    audience.remove(watcher);
  } else {
    if (watcher.phase == Watcher::Phase::kReady) ready.erase(watcher.place_in_queue);
    if (watcher.phase == Watcher::Phase::kBlocked) --watcher.stream->blocked;
    --unsynced, --watcher.stream->unsynced;
  }
  --watchers;
  wanting_prev_kv -= watcher.prev_kv;
}

void Hub::State::refuse(Stream& stream, std::string_view reason) {
  pb::WatchResponse response;
  response.header = header(store.revision());
  response.watch_id = -1;
  response.created = response.canceled = true;
  response.cancel_reason = reason;
  answer(stream, response);
}

void Hub::State::create(Stream& stream, const pb::WatchCreateRequest& request) {
  const std::string_view key = request.key.empty() ? kFirstKey : request.key;
  if (request.start_revision < 0) return refuse(stream, kCompacted);
  if (mvcc::KeyRange{key, request.range_end}.never()) return refuse(stream, kEmptyRange);
  int64_t id = request.watch_id;
  if (id == 0) {
    while (stream.watchers.contains(stream.next_id)) ++stream.next_id;
    id = stream.next_id++;
  } else if (stream.watchers.contains(id)) {
    return refuse(stream, kDuplicateId);
  }
  Watcher& watcher = stream.watchers[id];
  watcher.stream = &stream;
  watcher.id = id;
  watcher.key = key;
  watcher.end = request.range_end;
  watcher.prev_kv = request.prev_kv;
  watcher.fragment = request.fragment;
  watcher.progress_notify = request.progress_notify;
  for (const pb::WatchFilter filter : request.filters) {
    if (filter == pb::WatchFilter::kNoPut) watcher.puts = false;
    if (filter == pb::WatchFilter::kNoDelete) watcher.deletes = false;
  }
  pb::WatchResponse only_id;
  only_id.watch_id = id;
  watcher.encoded_id = pb::encode(only_id);
  watcher.start = watcher.next = request.start_revision == 0 ? next : request.start_revision;
  ++watchers;
  wanting_prev_kv += watcher.prev_kv;
  audience.add(watcher);
  if (watcher.next < next) set_phase(watcher, Watcher::Phase::kReady);

  pb::WatchResponse created;
  created.header = header(store.revision());
  created.watch_id = id;
  created.created = true;
  answer(stream, created);
}

void Hub::State::cancel(Stream& stream, int64_t id) {
  const auto found = stream.watchers.find(id);
  if (found == stream.watchers.end()) return;
  forget(found->second);
  stream.watchers.erase(found);
  pb::WatchResponse response;
  response.header = header(store.revision());
  response.watch_id = id;
  response.canceled = true;
  answer(stream, response);
}

// Answered only when every watcher of the stream has been told of everything: progress is never ahead.
void Hub::State::progress(Stream& stream) {
  if (stream.watchers.empty() || stream.unsynced != 0) return;
  pb::WatchResponse response;
  response.header = header(next - 1);
  response.watch_id = -1;
  answer(stream, response);
}

void Hub::State::pick(uint32_t event, Revision revision) {
  const pb::Event& e = batch[event];
  audience.each_of(e.kv.key, [&](Watcher& watcher) {
    if (!watcher.wants(e.type) || revision < watcher.start) return;
    if (watcher.first_pick == Watcher::kNone) {
      watcher.first_pick = static_cast<uint32_t>(picks_used);
      if (picks_used == picks.size()) picks.emplace_back();
      picks[picks_used].first = &watcher;
      picks[picks_used].second.clear();
      ++picks_used;
    }
    picks[watcher.first_pick].second.push_back(event);
    batch.want(event, watcher.prev_kv);
  });
}

// Delivers what batch holds, all of one revision, to the synced watchers that want it.
void Hub::State::tell(Revision revision) {
  picks_used = 0;
  for (uint32_t event = 0; event < batch.size(); ++event) pick(event, revision);
  if (picks_used == 0) return;
  batch.encode();
  deliver(revision);
}

void Hub::State::deliver(Revision revision) {
  const std::string head = encoded_header(revision);
  draft.clear();
  std::vector<size_t> answers(picks_used);
  for (size_t i = 0; i < picks_used; ++i) answers[i] = draft.add(*picks[i].first, head, batch, picks[i].second);
  draft.seal();
  std::vector<Stream*> full;
  size_t answer = 0;
  for (size_t i = 0; i < picks_used; ++i) {
    Watcher& watcher = *picks[i].first;
    watcher.first_pick = Watcher::kNone;
    Stream& stream = *watcher.stream;
    if (stream.full()) {
      // It lags from here on: this revision is the next that it needs.
      answer += answers[i];
      watcher.next = revision;
      set_phase(watcher, Watcher::Phase::kBlocked);
      continue;
    }
    for (size_t part = 0; part < answers[i]; ++part) stream.unsent_bytes = stream.sink->deliver(draft.take(answer++));
    watcher.told_since_tick = true;
    events_delivered += picks[i].second.size();
    if (stream.full()) full.push_back(&stream);
  }
  for (Stream* stream : full) {
    for (auto& [id, watcher] : stream->watchers) {
      if (watcher.phase != Watcher::Phase::kSynced) continue;
      watcher.next = std::max(watcher.start, revision + 1);
      set_phase(watcher, Watcher::Phase::kBlocked);
    }
  }
}

void Hub::State::end_compacted(Watcher& watcher) {
  pb::WatchResponse response;
  response.header = header(0);
  response.watch_id = watcher.id;
  response.canceled = true;
  response.compact_revision = store.compacted();
  set_phase(watcher, Watcher::Phase::kEnded);
  answer(*watcher.stream, response);
}

void Hub::State::catch_up(Watcher& watcher, size_t revisions_max, size_t& cost) {
  if (watcher.next < store.compacted()) return end_compacted(watcher);
  const Revision to = std::min(next, watcher.next + kScanRevisionsMax);
  batch.clear();
  std::vector<uint32_t> wanted;
  Revision seen = 0;
  const Revision stop = store.events(watcher.next, to, watcher.range(), watcher.prev_kv, revisions_max,
                                     [&](const pb::Event& event) {
                                       if (event.kv.mod_revision != seen) ++cost;
                                       seen = event.kv.mod_revision;
                                       if (!watcher.wants(event.type)) return;
                                       batch.add(event);
                                       wanted.push_back(static_cast<uint32_t>(batch.size() - 1));
                                     });
  cost += static_cast<size_t>((stop - watcher.next) / kScanPerCost) + 1;
  watcher.next = stop;
  Stream& stream = *watcher.stream;
  if (!wanted.empty()) {
    for (const uint32_t event : wanted) batch.want(event, watcher.prev_kv);
    batch.encode();
    draft.clear();
    const size_t answers = draft.add(watcher, encoded_header(store.revision()), batch, wanted);
    draft.seal();
    for (size_t part = 0; part < answers; ++part) stream.unsent_bytes = stream.sink->deliver(draft.take(part));
    watcher.told_since_tick = true;
    events_delivered += wanted.size();
  }
  if (stream.full()) return set_phase(watcher, Watcher::Phase::kBlocked);
  if (watcher.next >= next) return set_phase(watcher, Watcher::Phase::kSynced);
  ready.splice(ready.end(), ready, watcher.place_in_queue);  // the others' turn
}

Hub::Hub(const mvcc::Store& store, std::function<Term()> term, const Options& options)
    : state_(std::make_unique<State>(store, std::move(term), options)) {}

Hub::~Hub() = default;

StreamId Hub::open(Sink& sink) {
  const StreamId id = state_->next_stream++;
  Stream& stream = state_->streams[id];
  stream.id = id;
  stream.sink = &sink;
  return id;
}

void Hub::close(StreamId id) {
  const auto found = state_->streams.find(id);
  if (found == state_->streams.end()) return;
  for (auto& [watch_id, watcher] : found->second.watchers) state_->forget(watcher);
  state_->streams.erase(found);
}

void Hub::handle(StreamId id, const pb::WatchRequest& request) {
  const auto found = state_->streams.find(id);
  if (found == state_->streams.end()) return;
  advance();
  if (const auto* create = std::get_if<pb::WatchCreateRequest>(&request.request)) {
    state_->create(found->second, *create);
  } else if (const auto* cancel = std::get_if<pb::WatchCancelRequest>(&request.request)) {
    state_->cancel(found->second, cancel->watch_id);
  } else if (std::holds_alternative<pb::WatchProgressRequest>(request.request)) {
    state_->progress(found->second);
  }
}

void Hub::advance() {
  State& s = *state_;
  const Revision to = s.store.revision() + 1;
  const mvcc::KeyRange everything{kFirstKey, kFirstKey};
  for (; s.next < to; ++s.next) {
    if (s.audience.empty()) {
      s.next = to;
      return;
    }
    s.batch.clear();
    s.store.events(s.next, s.next + 1, everything, s.wanting_prev_kv != 0, 1,
                   [&](const pb::Event& event) { s.batch.add(event); });
    s.tell(s.next);
  }
}

bool Hub::step(size_t revisions_max) {
  State& s = *state_;
  size_t cost = 0;
  while (!s.ready.empty() && cost < revisions_max) {
    s.catch_up(*s.ready.front(), std::min(revisions_max - cost, limits::kWatchCatchUpRevisions), cost);
  }
  return !s.ready.empty();
}

void Hub::tick(MonoTime now) {
  State& s = *state_;
  for (auto& [id, stream] : s.streams) {
    if (stream.next_progress == MonoTime{}) stream.next_progress = now + s.options.progress_interval;
    if (now < stream.next_progress) continue;
    stream.next_progress = now + s.options.progress_interval;
    for (auto& [watch_id, watcher] : stream.watchers) {
      const bool told = std::exchange(watcher.told_since_tick, false);
      if (!watcher.progress_notify || told || watcher.phase != Watcher::Phase::kSynced || stream.full()) continue;
      pb::WatchResponse response;
      response.header = s.header(s.next - 1);
      response.watch_id = watch_id;
      s.answer(stream, response);
    }
  }
}

void Hub::drained(StreamId id, size_t queued_bytes) {
  const auto found = state_->streams.find(id);
  if (found == state_->streams.end()) return;
  Stream& stream = found->second;
  stream.unsent_bytes = queued_bytes;
  if (stream.blocked == 0 || queued_bytes > limits::kWatchStreamBytesHigh / 2) return;
  for (auto& [watch_id, watcher] : stream.watchers) {
    if (watcher.phase == Watcher::Phase::kBlocked) state_->set_phase(watcher, Watcher::Phase::kReady);
  }
}

Hub::Counters Hub::counters() const {
  return {.streams = state_->streams.size(),
          .watchers = state_->watchers,
          .slow_watchers = state_->unsynced,
          .events = state_->events_delivered};
}

}  // namespace quorate::watch
