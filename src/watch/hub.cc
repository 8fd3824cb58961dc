#include "watch/hub.h"

#include <algorithm>
#include <limits>
#include <list>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "pb/codec.h"
#include "watch/audience.h"
#include "watch/draft.h"
#include "watch/event_batch.h"
#include "watch/watcher.h"

namespace quorate::watch {
namespace {

constexpr std::string_view kFirstKey("\0", 1);    // as a key the least, as an end everything
constexpr Revision kScanRevisionsMax = 4 * 1024;  // of history looked at for one watcher in a row
constexpr Revision kScanPerCost = 16;             // so many cost as much as one that gives an event
constexpr size_t kBytesPerCost = 1024;            // so many of events cost as much as well
constexpr StreamId kProgressSpread = 64;          // streams differ in when their first progress is due
constexpr size_t kKeptItemsMax = 4096;            // of a list that a larger revision needed
constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

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
  size_t blocked = 0;   // watchers that wait until it has drained
  size_t unsynced = 0;  // watchers that are anything but synced
  MonoTime next_progress{};
  uint32_t first_due = kNone, last_due = kNone;  // of the revision at hand
  size_t* all_unsent_bytes = nullptr;            // the hub's

  void unsent(size_t bytes) {
    *all_unsent_bytes = *all_unsent_bytes - unsent_bytes + bytes;
    unsent_bytes = bytes;
  }
  // Where all together hold too much, each has a small share alone.
  bool pressed() const { return *all_unsent_bytes > limits::kWatchBytesHigh; }
  size_t share() const { return pressed() ? limits::kWatchShareBytes : limits::kWatchStreamBytesHigh; }
  bool full() const { return unsent_bytes > share(); }
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
  Audience audience;          // the synced watchers
  std::list<Watcher*> ready;  // those that lag and may be caught up, in turn
  Revision next = 0;          // the first revision that synced watchers were not told of
  uint64_t events_delivered = 0;
  size_t all_unsent_bytes = 0;
  size_t watchers = 0, unsynced = 0, ended = 0, wanting_prev_kv = 0;

  // Of the revision at hand; kept, so that a revision finds its memory. What a whole group of watchers is told is
  // picked once; what is due to each stream is a list through `dues`.
  struct Pick {
    Group* group = nullptr;
    std::vector<uint32_t> events;
  };
  struct Due {
    Watcher* watcher = nullptr;
    uint32_t pick = 0;
    uint32_t next = kNone;
  };
  EventBatch batch;
  Draft draft;
  std::vector<Pick> picks;
  size_t picks_used = 0;
  std::vector<Due> dues;
  std::vector<Stream*> due_streams;
  std::vector<size_t> answers;     // of each due in the draft
  std::vector<uint32_t> filtered;  // events

  pb::ResponseHeader header(Revision revision) const {
    return {.cluster_id = options.cluster, .member_id = options.member, .revision = revision, .raft_term = term()};
  }
  // Up to a tenth longer, so that streams opened at once are not all due at once.
  Duration first_interval(StreamId id) const {
    return options.progress_interval + options.progress_interval * (id % kProgressSpread) / (10 * kProgressSpread);
  }
  std::string encoded_header(Revision revision) const {
    pb::WatchResponse response;
    response.header = header(revision);
    return pb::encode(response);
  }

  void answer(Stream& stream, const pb::WatchResponse& response) {
    std::vector<Bytes> pieces;
    pieces.push_back(Bytes::adopt(pb::encode(response)));
    stream.unsent(stream.sink->deliver(std::move(pieces)));
  }

  void create(Stream& stream, const pb::WatchCreateRequest& request);
  void refuse(Stream& stream, std::string_view reason);
  void cancel(Stream& stream, int64_t id);
  void progress(Stream& stream);

  void set_phase(Watcher& watcher, Watcher::Phase phase);
  void forget(Watcher& watcher);

  void assemble(Revision revision);
  void tell(Revision revision);
  void pick(Group& group, uint32_t event);
  void collect(uint32_t pick, Revision revision);
  std::span<const uint32_t> filter(const Watcher& watcher, const std::vector<uint32_t>& events);
  void deliver(Stream& stream, std::string_view head, Revision revision);
  void deliver(Watcher& watcher, size_t first_answer, size_t answer_count, size_t events);
  void lag(Watcher& watcher, Revision from, Watcher::Phase phase);
  void lose_history();
  Revision gather(const Watcher& watcher, size_t revisions_max, size_t& cost);
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
  CHECK(watcher.phase != kEnded);
  watcher.phase = phase;
  if (phase == kSynced) {
    audience.add(watcher);
    --unsynced, --stream.unsynced;
  } else if (phase == kReady) {
    watcher.place_in_queue = ready.insert(ready.end(), &watcher);
  } else if (phase == kBlocked) {
    ++stream.blocked;
  } else {
    ++ended;
  }
}

void Hub::State::forget(Watcher& watcher) {
  if (watcher.phase == Watcher::Phase::kSynced) {
    audience.remove(watcher);
  } else {
    if (watcher.phase == Watcher::Phase::kReady) ready.erase(watcher.place_in_queue);
    if (watcher.phase == Watcher::Phase::kBlocked) --watcher.stream->blocked;
    if (watcher.phase == Watcher::Phase::kEnded) --ended;
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
  watcher.start = request.start_revision;
  watcher.next = request.start_revision == 0 ? next : request.start_revision;
  if (mutated(Mutant::kResumeOffByOne) && watcher.start != 0 && watcher.start < next) ++watcher.next;
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
  const bool behind = stream.unsynced != 0 && !mutated(Mutant::kProgressAhead);
  if (stream.watchers.empty() || behind || stream.full()) return;
  // Whose start is still to come has nothing to tell of: etcd is silent for the whole stream then.
  for (const auto& [id, watcher] : stream.watchers) {
    if (watcher.start >= next) return;
  }
  pb::WatchResponse response;
  response.header = header(next - 1);
  response.watch_id = -1;
  answer(stream, response);
}

void Hub::State::pick(Group& group, uint32_t event) {
  if (group.pick == Group::kNoPick) {
    group.pick = static_cast<uint32_t>(picks_used);
    if (picks_used == picks.size()) picks.emplace_back();
    picks[picks_used].group = &group;
    picks[picks_used].events.clear();
    ++picks_used;
  }
  picks[group.pick].events.push_back(event);
}

// What of a revision somebody is to be told, and whom it concerns. Of one with very many changes each group is asked
// for, rather than each change: most have nothing to do with most of them.
void Hub::State::assemble(Revision revision) {
  batch.clear();
  picks_used = 0;
  const mvcc::Store::Span& span = store.last_long();
  const bool prev_kv = wanting_prev_kv != 0;
  if (revision == span.revision) {
    audience.each_group_meeting(span.first, span.last, [&](Group& group) {
      store.events(revision, revision + 1, {group.key, group.end}, prev_kv, 1, [&](const pb::Event& event) {
        batch.add(event);
        pick(group, static_cast<uint32_t>(batch.size() - 1));
      });
    });
    return;
  }
  const mvcc::KeyRange everything{kFirstKey, kFirstKey};
  store.events(revision, revision + 1, everything, prev_kv, 1, [&](const pb::Event& event) {
    batch.add(event);
    const auto number = static_cast<uint32_t>(batch.size() - 1);
    audience.each_group(event.kv.key, [&](Group& group) { pick(group, number); });
  });
}

// Which of a group's watchers are due this pick, each in its stream's list, and which events in which form.
void Hub::State::collect(uint32_t number, Revision revision) {
  const Pick& pick = picks[number];
  pick.group->pick = Group::kNoPick;
  bool wanted[2][2] = {};  // by prev_kv and type
  for (Watcher* watcher : pick.group->watchers) {
    if (revision < watcher->start) continue;
    wanted[watcher->prev_kv][0] |= watcher->puts;
    wanted[watcher->prev_kv][1] |= watcher->deletes;
    Stream& stream = *watcher->stream;
    const auto due = static_cast<uint32_t>(dues.size());
    dues.push_back({.watcher = watcher, .pick = number, .next = kNone});
    if (stream.first_due == kNone) {
      due_streams.push_back(&stream);
      stream.first_due = due;
    } else {
      dues[stream.last_due].next = due;
    }
    stream.last_due = due;
  }
  for (const uint32_t event : pick.events) {
    const size_t type = batch[event].type == pb::EventType::kPut ? 0 : 1;
    for (const bool prev_kv : {false, true}) {
      if (wanted[prev_kv][type]) batch.want(event, prev_kv);
    }
  }
}

// Those that the watcher wants; valid until the next call.
std::span<const uint32_t> Hub::State::filter(const Watcher& watcher, const std::vector<uint32_t>& events) {
  if (watcher.puts && watcher.deletes) return events;
  filtered.clear();
  for (const uint32_t event : events) {
    if (watcher.wants(batch[event].type)) filtered.push_back(event);
  }
  return filtered;
}

// Delivers a revision to the synced watchers that want of it.
void Hub::State::tell(Revision revision) {
  assemble(revision);
  if (picks_used == 0) return;
  dues.clear();
  due_streams.clear();
  for (uint32_t number = 0; number < picks_used; ++number) collect(number, revision);
  batch.encode();
  const std::string head = encoded_header(revision);
  for (Stream* stream : due_streams) deliver(*stream, head, revision);
  draft.clear();
  for (size_t number = 0; number < picks_used; ++number) {
    if (picks[number].events.capacity() > kKeptItemsMax) picks[number].events = {};
  }
}

// In blocks of bounded size, none of which another stream shares: what a slow stream holds is what it is owed.
void Hub::State::deliver(Stream& stream, std::string_view head, Revision revision) {
  stream.last_due = kNone;
  for (uint32_t at = std::exchange(stream.first_due, kNone); at != kNone;) {
    const uint32_t first = at;
    draft.clear();
    answers.clear();
    while (at != kNone && !stream.full() && draft.block_bytes() < EventBatch::kChunkBytes) {
      const Watcher& watcher = *dues[at].watcher;
      const std::span<const uint32_t> events = filter(watcher, picks[dues[at].pick].events);
      answers.push_back(events.empty() ? 0 : draft.add(watcher, head, batch, events));
      at = dues[at].next;
    }
    draft.seal();
    size_t answer = 0, due = 0;
    for (uint32_t i = first; i != at; i = dues[i].next, ++due) {
      Watcher& watcher = *dues[i].watcher;
      const size_t events = filter(watcher, picks[dues[i].pick].events).size();
      if (events != 0 && stream.full()) {
        lag(watcher, revision, Watcher::Phase::kBlocked);
      } else if (events != 0) {
        deliver(watcher, answer, answers[due], events);
      }
      answer += answers[due];
    }
    for (; at != kNone && stream.full(); at = dues[at].next) {
      Watcher& watcher = *dues[at].watcher;
      if (!filter(watcher, picks[dues[at].pick].events).empty()) lag(watcher, revision, Watcher::Phase::kBlocked);
    }
  }
}

void Hub::State::deliver(Watcher& watcher, size_t first_answer, size_t answer_count, size_t events) {
  Stream& stream = *watcher.stream;
  for (size_t part = 0; part < answer_count; ++part) {
    stream.unsent(stream.sink->deliver(draft.take(first_answer + part)));
  }
  watcher.told_since_tick = true;
  events_delivered += events;
}

// A synced watcher lags from here on: `from` is the next revision that it needs.
void Hub::State::lag(Watcher& watcher, Revision from, Watcher::Phase phase) {
  watcher.next = std::max(watcher.start, from);
  set_phase(watcher, phase);
}

// Revisions are gone before the synced watchers were told of them: they lag, and learn the compact revision.
void Hub::State::lose_history() {
  for (auto& [id, stream] : streams) {
    for (auto& [watch_id, watcher] : stream.watchers) {
      if (watcher.phase == Watcher::Phase::kSynced) lag(watcher, next, Watcher::Phase::kReady);
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

// What of history the watcher is due next goes into batch, within the bounds of one answer. Returns the first
// revision not looked at.
Revision Hub::State::gather(const Watcher& watcher, size_t revisions_max, size_t& cost) {
  batch.clear();
  const Revision from = watcher.next;
  if (from >= next) return from;
  const Revision to = next - from > kScanRevisionsMax ? from + kScanRevisionsMax : next;
  const size_t bytes_max = std::min(limits::kWatchCatchUpBytes, watcher.stream->share());
  Revision seen = 0, cut = 0;
  size_t bytes = 0;
  const Revision stop =
      store.events(from, to, watcher.range(), watcher.prev_kv, revisions_max, [&](const pb::Event& event) {
        if (cut != 0) return;
        const Revision revision = event.kv.mod_revision;
        if (revision != seen && bytes >= bytes_max) {
          cut = revision;
          return;
        }
        if (revision != seen) ++cost;
        seen = revision;
        if (!watcher.wants(event.type)) return;
        bytes += EventBatch::bytes_of(event);
        batch.add(event);
      });
  cost += static_cast<size_t>((stop - from) / kScanPerCost) + bytes / kBytesPerCost;
  return cut != 0 ? cut : stop;
}

void Hub::State::catch_up(Watcher& watcher, size_t revisions_max, size_t& cost) {
  Stream& stream = *watcher.stream;
  ++cost;
  if (stream.full()) return set_phase(watcher, Watcher::Phase::kBlocked);
  if (mutated(Mutant::kSkipAtCompaction)) watcher.next = std::max(watcher.next, store.compacted() + 1);
  if (watcher.next < store.compacted()) return end_compacted(watcher);
  watcher.next = gather(watcher, revisions_max, cost);
  if (!batch.empty()) {
    filtered.resize(batch.size());
    std::iota(filtered.begin(), filtered.end(), 0U);
    for (const uint32_t event : filtered) batch.want(event, watcher.prev_kv);
    batch.encode();
    draft.clear();
    const size_t count = draft.add(watcher, encoded_header(store.revision()), batch, filtered);
    draft.seal();
    deliver(watcher, 0, count, batch.size());
    draft.clear();
  }
  if (watcher.next >= next) return set_phase(watcher, Watcher::Phase::kSynced);
  if (stream.full()) return set_phase(watcher, Watcher::Phase::kBlocked);
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
  stream.all_unsent_bytes = &state_->all_unsent_bytes;
  return id;
}

void Hub::close(StreamId id) {
  const auto found = state_->streams.find(id);
  if (found == state_->streams.end()) return;
  for (auto& [watch_id, watcher] : found->second.watchers) state_->forget(watcher);
  found->second.unsent(0);
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
  if (s.next < s.store.compacted()) {
    s.lose_history();
    s.next = to;
  }
  for (; s.next < to; ++s.next) {
    if (s.audience.empty()) {
      s.next = to;
      return;
    }
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
    if (stream.next_progress == MonoTime{}) stream.next_progress = now + s.first_interval(id);
    if (now < stream.next_progress) continue;
    stream.next_progress = now + s.options.progress_interval;
    for (auto& [watch_id, watcher] : stream.watchers) {
      const bool told = std::exchange(watcher.told_since_tick, false);
      if (!watcher.progress_notify || told || watcher.phase != Watcher::Phase::kSynced || stream.full()) continue;
      if (watcher.start >= s.next) continue;
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
  stream.unsent(queued_bytes);
  if (stream.blocked == 0 || queued_bytes > stream.share() / 2) return;
  for (auto& [watch_id, watcher] : stream.watchers) {
    if (watcher.phase == Watcher::Phase::kBlocked) state_->set_phase(watcher, Watcher::Phase::kReady);
  }
}

Hub::Counters Hub::counters() const {
  return {.streams = state_->streams.size(),
          .watchers = state_->watchers,
          .slow_watchers = state_->unsynced - state_->ended,
          .events = state_->events_delivered,
          .unsent_bytes = state_->all_unsent_bytes};
}

}  // namespace quorate::watch
