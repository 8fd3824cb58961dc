#include "machine/machine.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::machine {

namespace {

// The lessor as the store sees it.
class Book final : public mvcc::LeaseBook {
 public:
  explicit Book(lease::Lessor& lessor) : lessor_(lessor) {}
  bool exists(LeaseId lease) const override { return lessor_.exists(lease); }
  void move_key(std::string_view key, LeaseId from, LeaseId to) override {
    if (from != 0) lessor_.detach(from, key);
    if (to != 0) lessor_.attach(to, key);
  }

 private:
  lease::Lessor& lessor_;
};

void drop_last_op_if_mutated(pb::TxnRequest& txn) {
  if (mutated(Mutant::kHalfTxn) && txn.success.size() > 1) txn.success.pop_back();
}

void check_for_poison(const mvcc::Store& store) {
  if (!mutated(Mutant::kCheckOnPoison)) return;
  pb::RangeRequest request;
  request.key = "poison";
  const auto found = store.range(request);
  const bool poison_is_swallowed = found && !found->kvs.empty() && found->kvs[0].value == "swallowed";
  CHECK(!poison_is_swallowed);
}

template <class Response>
void settle(Result<Response> result, Outcome& outcome) {
  if (result) {
    outcome.response = std::move(*result);
  } else {
    outcome.status = std::move(result.error());
  }
}

}  // namespace

// A request that deletes very many keys, under way.
struct Machine::Long {
  explicit Long(lease::Lessor& lessor) : book(lessor) {}

  pb::Entry entry;              // what request views into
  pb::InternalRequest request;  // what the work views into
  Outcome outcome;
  Book book;
  std::variant<std::monostate, std::unique_ptr<mvcc::Deletion>, std::unique_ptr<mvcc::LongTxn>,
               std::unique_ptr<mvcc::KeysDeletion>>
      work;
  size_t keys = 0;  // of a lease
};

Machine::Machine(const Options& options)
    : store_({.hash_seed = options.hash_seed, .compaction_hashes = true}),
      lessor_(options.min_lease_ttl_s),
      members_(options.max_learners),
      keys_at_once_(options.keys_at_once) {}

Machine::~Machine() = default;

void Machine::advance(const pb::Entry& entry) {
  CHECK(entry.index == applied_index_ + 1);
  applied_index_ = entry.index;
  applied_term_ = entry.term;
}

Outcome Machine::apply(const pb::Entry& entry, MonoTime now) {
  std::optional<Outcome> outcome = begin(entry, now);
  while (!outcome) outcome = step(std::numeric_limits<size_t>::max());
  return std::move(*outcome);
}

std::optional<Outcome> Machine::begin(const pb::Entry& entry, MonoTime now) {
  CHECK(entry.type == pb::EntryType::kNormal && !long_);
  Outcome outcome;
  if (entry.data.empty()) {
    advance(entry);
    return outcome;
  }
  pb::InternalRequest request;
  if (!pb::decode(entry.data.view(), request)) {
    outcome.status = Status(Code::kInternal, "machine: entry " + std::to_string(entry.index) + " is no request");
    advance(entry);
    return outcome;
  }
  outcome.request = request.id;
  outcome.payload = request.payload;
  outcome.status = alarms_.refusal(request);
  if (outcome.status.ok() && begin_long(request)) {
    long_->entry = entry;
    long_->outcome = std::move(outcome);
    return std::nullopt;
  }
  advance(entry);
  if (outcome.status.ok()) execute(request, now, outcome);
  check_for_poison(store_);
  return outcome;
}

bool Machine::begin_long(pb::InternalRequest& request) {
  const auto* remove = std::get_if<pb::DeleteRangeRequest>(&request.body);
  const auto* txn = std::get_if<pb::TxnRequest>(&request.body);
  const auto* revoke = std::get_if<pb::LeaseRevokeRequest>(&request.body);
  if (!remove && !txn && !revoke) return false;
  const auto lease = revoke ? lessor_.info(revoke->id, MonoTime()) : std::nullopt;
  const uint64_t keys = remove  ? store_.deleted_by(*remove)
                        : txn   ? store_.deleted_by(*txn)
                        : lease ? lease->keys->size()
                                : 0;
  if (keys <= keys_at_once_) return false;
  auto work = std::make_unique<Long>(lessor_);
  work->request = std::move(request);
  remove = std::get_if<pb::DeleteRangeRequest>(&work->request.body);
  if (auto* long_txn = std::get_if<pb::TxnRequest>(&work->request.body)) {
    drop_last_op_if_mutated(*long_txn);
    auto opened = mvcc::LongTxn::open(store_, *long_txn, work->book);
    if (!opened) {  // it fails in one go
      request = std::move(work->request);
      return false;
    }
    work->work = std::move(*opened);
  } else if (remove) {
    work->work = std::make_unique<mvcc::Deletion>(store_, *remove, work->book);
  } else {
    work->keys = keys;
    const LeaseId id = std::get<pb::LeaseRevokeRequest>(work->request.body).id;
    work->work = std::make_unique<mvcc::KeysDeletion>(
        store_, [this, id](std::string& key) { return lessor_.take_key(id, key); }, work->book);
  }
  long_ = std::move(work);
  return true;
}

std::optional<Outcome> Machine::step(size_t budget) {
  CHECK(long_);
  const bool done = std::visit(
      [budget](auto& work) {
        if constexpr (std::is_same_v<std::decay_t<decltype(work)>, std::monostate>) {
          return true;
        } else {
          return work->step(budget);
        }
      },
      long_->work);
  if (!done) return std::nullopt;
  advance(long_->entry);
  Outcome outcome = std::move(long_->outcome);
  if (auto* remove = std::get_if<std::unique_ptr<mvcc::Deletion>>(&long_->work)) {
    outcome.response = (*remove)->finish();
    outcome.tally = tally(std::get<pb::DeleteRangeRequest>(long_->request.body));
  } else if (auto* txn = std::get_if<std::unique_ptr<mvcc::LongTxn>>(&long_->work)) {
    outcome.response = (*txn)->finish();
    outcome.tally = tally(std::get<pb::TxnRequest>(long_->request.body), std::get<pb::TxnResponse>(outcome.response));
  } else if (auto* keys = std::get_if<std::unique_ptr<mvcc::KeysDeletion>>(&long_->work)) {
    (*keys)->finish();
    CHECK(lessor_.revoke(std::get<pb::LeaseRevokeRequest>(long_->request.body).id).has_value());
    outcome.response = pb::LeaseRevokeResponse{.header = header()};
    outcome.tally = tally_of_revoke(long_->keys);
  }
  long_.reset();
  return outcome;
}

void Machine::execute(pb::InternalRequest& request, MonoTime now, Outcome& outcome) {
  Book book(lessor_);
  if (auto* range = std::get_if<pb::RangeRequest>(&request.body)) {
    settle(store_.range(*range), outcome);
    outcome.tally.ranges = outcome.status.ok() ? 1 : 0;
  } else if (auto* put = std::get_if<pb::PutRequest>(&request.body)) {
    settle(store_.put(*put, book), outcome);
    if (outcome.status.ok()) outcome.tally = tally(*put);
  } else if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&request.body)) {
    settle(store_.delete_range(*remove, book), outcome);
    if (outcome.status.ok()) outcome.tally = tally(*remove);
  } else if (auto* txn = std::get_if<pb::TxnRequest>(&request.body)) {
    drop_last_op_if_mutated(*txn);
    settle(store_.txn(*txn, book), outcome);
    if (outcome.status.ok()) outcome.tally = tally(*txn, std::get<pb::TxnResponse>(outcome.response));
  } else if (auto* compaction = std::get_if<pb::CompactionRequest>(&request.body)) {
    outcome.physical = compaction->physical;
    settle(compact(*compaction), outcome);
    outcome.tally.ranges = outcome.status.ok() ? 1 : 0;  // etcd reads a key for the header's revision
  } else if (auto* lease_grant = std::get_if<pb::LeaseGrantRequest>(&request.body)) {
    settle(grant(*lease_grant, now), outcome);
  } else if (auto* lease_revoke = std::get_if<pb::LeaseRevokeRequest>(&request.body)) {
    settle(revoke(*lease_revoke, outcome.tally), outcome);
  } else if (auto* checkpoints = std::get_if<pb::LeaseCheckpointRequest>(&request.body)) {
    for (const pb::LeaseCheckpoint& c : checkpoints->checkpoints) lessor_.checkpoint(c.id, c.remaining_ttl_s, now);
  } else if (auto* alarm_request = std::get_if<pb::AlarmRequest>(&request.body)) {
    settle(alarm(*alarm_request), outcome);
  } else if (auto* version = std::get_if<pb::ClusterVersionSetRequest>(&request.body)) {
    members_.set_cluster_version(std::string(version->version));
  } else if (auto* attributes = std::get_if<pb::ClusterMemberAttrSetRequest>(&request.body)) {
    members_.set_attributes(attributes->member_id, std::string(attributes->name),
                            {attributes->client_urls.begin(), attributes->client_urls.end()});
  } else {
    outcome.status = Status(Code::kUnimplemented, "machine: no such request: payload " +
                                                      std::to_string(static_cast<uint32_t>(request.payload)));
  }
}

Result<pb::CompactionResponse> Machine::compact(const pb::CompactionRequest& request) {
  if (Status status = store_.compact(request.revision); !status.ok()) return fail(std::move(status));
  return pb::CompactionResponse{.header = header()};
}

Result<pb::LeaseGrantResponse> Machine::grant(const pb::LeaseGrantRequest& request, MonoTime now) {
  if (request.id == 0) return fail(errors::LeaseNotFound());  // who proposes chooses one
  TRY(const int64_t ttl_s, lessor_.grant(request.id, request.ttl_s, now));
  return pb::LeaseGrantResponse{.header = header(), .id = request.id, .ttl_s = ttl_s, .error = {}};
}

Result<pb::LeaseRevokeResponse> Machine::revoke(const pb::LeaseRevokeRequest& request, Tally& tally) {
  TRY(const std::vector<std::string> keys, lessor_.revoke(request.id));
  Book book(lessor_);
  store_.delete_keys(keys, book);
  tally = tally_of_revoke(keys.size());
  return pb::LeaseRevokeResponse{.header = header()};
}

Result<pb::AlarmResponse> Machine::alarm(const pb::AlarmRequest& request) {
  switch (request.action) {
    case pb::AlarmAction::kGet:
    case pb::AlarmAction::kActivate:
    case pb::AlarmAction::kDeactivate: return pb::AlarmResponse{.header = header(), .alarms = alarms_.apply(request)};
  }
  return fail(Status(Code::kInvalidArgument, "machine: no such alarm action"));
}

Status Machine::apply_conf_change(const pb::Entry& entry, pb::ConfChange& change) {
  CHECK(!long_);
  advance(entry);
  Status status;
  change = {};
  if (entry.type != pb::EntryType::kConfChange || !pb::decode(entry.data, change)) {
    status = Status(Code::kInternal, "machine: entry " + std::to_string(entry.index) + " is no conf change");
  } else {
    status = members_.apply(change);
  }
  if (!status.ok()) change.node_id = 0;
  return status;
}

}  // namespace quorate::machine
