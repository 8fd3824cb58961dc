#include "machine/image.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace quorate::machine {

namespace {

void append_ids(std::string& out, const std::vector<MemberId>& ids) {
  append_fixed(out, static_cast<uint32_t>(ids.size()));
  for (const MemberId id : ids) append_fixed(out, id);
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  append_fixed(out, static_cast<uint32_t>(texts.size()));
  for (const std::string& text : texts) append_text(out, text);
}

void append_configuration(std::string& out, const pb::ConfState& state) {
  append_ids(out, state.voters);
  append_ids(out, state.learners);
  append_ids(out, state.voters_outgoing);
  append_ids(out, state.learners_next);
  append_fixed(out, static_cast<uint8_t>(state.auto_leave));
}

void append_members(std::string& out, const Members& members) {
  append_fixed(out, static_cast<uint32_t>(members.all().size()));
  for (const auto& [id, member] : members.all()) {
    append_fixed(out, id);
    append_fixed(out, static_cast<uint8_t>(member.learner));
    append_text(out, member.name);
    append_texts(out, member.peer_urls);
    append_texts(out, member.client_urls);
  }
  append_ids(out, {members.all_removed().begin(), members.all_removed().end()});
  append_text(out, members.cluster_version());
}

// Counts are believed item by item: a reader that is at its end stops.

std::vector<MemberId> read_ids(FixedReader& in) {
  std::vector<MemberId> out;
  for (auto count = in.number<uint32_t>(); count > 0 && in.ok(); --count) out.push_back(in.number<MemberId>());
  return out;
}

std::vector<std::string> read_texts(FixedReader& in) {
  std::vector<std::string> out;
  for (auto count = in.number<uint32_t>(); count > 0 && in.ok(); --count) out.emplace_back(in.text());
  return out;
}

bool read_flag(FixedReader& in, bool& out) {
  const auto byte = in.number<uint8_t>();
  out = byte == 1;
  return byte <= 1;
}

bool read_configuration(FixedReader& in, pb::ConfState& out) {
  out.voters = read_ids(in);
  out.learners = read_ids(in);
  out.voters_outgoing = read_ids(in);
  out.learners_next = read_ids(in);
  return read_flag(in, out.auto_leave) && in.ok();
}

bool read_members(FixedReader& in, Members& out) {
  std::map<MemberId, Member> members;
  for (auto count = in.number<uint32_t>(); count > 0 && in.ok(); --count) {
    Member member;
    member.id = in.number<MemberId>();
    if (!read_flag(in, member.learner)) return false;
    member.name = in.text();
    member.peer_urls = read_texts(in);
    member.client_urls = read_texts(in);
    if (member.id == 0 || !members.emplace(member.id, member).second) return false;
  }
  const std::vector<MemberId> removed = read_ids(in);
  std::string version(in.text());
  out.load(std::move(members), {removed.begin(), removed.end()}, std::move(version));
  return in.ok();
}

bool read_alarms(FixedReader& in, Alarms& out) {
  std::set<Alarm> raised;
  for (auto count = in.number<uint32_t>(); count > 0 && in.ok(); --count) {
    const auto type = static_cast<pb::AlarmType>(in.number<int32_t>());
    raised.emplace(type, in.number<MemberId>());
    if (type == pb::AlarmType::kNone) return false;
  }
  out.load(std::move(raised));
  return in.ok();
}

bool read_leases(FixedReader& in, lease::Lessor& out) {
  for (auto count = in.number<uint64_t>(); count > 0 && in.ok(); --count) {
    const auto id = in.number<LeaseId>();
    const auto granted_ttl_s = in.number<int64_t>();
    const auto replicated_ttl_s = in.number<int64_t>();
    if (!in.ok() || !out.load(id, granted_ttl_s, replicated_ttl_s)) return false;
  }
  return in.ok();
}

}  // namespace

ImageWalk::ImageWalk(const Machine& machine, const pb::ConfState& configuration)
    : index_(machine.applied_index()), term_(machine.applied_term()), store_(machine.store()) {
  append_configuration(state_, configuration);
  append_members(state_, machine.members());
  append_fixed(state_, static_cast<uint32_t>(machine.alarms().size()));
  for (const auto& [type, member] : machine.alarms()) {
    append_fixed(state_, static_cast<int32_t>(type));
    append_fixed(state_, member);
  }
  append_fixed(state_, uint64_t{machine.lessor().size()});
  machine.lessor().visit([this](LeaseId id, int64_t granted_ttl_s, int64_t replicated_ttl_s) {
    append_fixed(state_, id);
    append_fixed(state_, granted_ttl_s);
    append_fixed(state_, replicated_ttl_s);
  });
  store_.append_facts(state_);
}

// Which key hangs on which lease is in the keys' newest records.
class ImageLoader::Attaching final : public mvcc::LeaseBook {
 public:
  explicit Attaching(lease::Lessor& lessor) : lessor_(lessor) {}
  bool exists(LeaseId lease) const override { return lessor_.exists(lease); }
  void move_key(std::string_view key, LeaseId, LeaseId to) override { lessor_.attach(to, key); }

 private:
  lease::Lessor& lessor_;
};

ImageLoader::ImageLoader(const Options& options, uint64_t image_bytes)
    : machine_(std::make_unique<Machine>(options)),
      leases_(std::make_unique<Attaching>(machine_->lessor_)),
      store_(std::make_unique<mvcc::StoreLoader>(machine_->store_, *leases_, image_bytes)) {}

ImageLoader::~ImageLoader() = default;

bool ImageLoader::take_state(std::string_view bytes, Index index, Term term) {
  FixedReader in(bytes);
  machine_->applied_index_ = index;
  machine_->applied_term_ = term;
  return read_configuration(in, configuration_) && read_members(in, machine_->members_) &&
         read_alarms(in, machine_->alarms_) && read_leases(in, machine_->lessor_) && store_->take_facts(in) &&
         in.at_end();
}

}  // namespace quorate::machine
