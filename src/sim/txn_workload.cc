// Transactions: several keys that change together, compares on what was seen, and some inside others.
#include "pb/codec.h"
#include "sim/paced.h"

namespace quorate::sim {
namespace {

class TxnWorkload final : public Paced {
 public:
  TxnWorkload(Scene& scene, const WorkloadPlan& plan, Prng& prng) : Paced(scene, plan, prng) {}

 private:
  // Messages are views: this keeps what they look at.
  using Texts = std::deque<std::string>;

  void act(Actor& actor) override {
    Texts texts;
    const std::string value = std::to_string(scene_.history.operations.size() + 1);
    const bool reads_only = actor.prng.chance(1, 6);
    const pb::TxnRequest request = reads_only ? reading(actor.prng, texts) : writing(actor.prng, value, 0, texts);
    actor.session.call(Kind::kTxn, pb::encode(request), then_rest(actor));
  }

  pb::Compare compare(Prng& prng, Texts& texts) {
    pb::Compare out;
    out.key = texts.emplace_back(draw_key(prng));
    out.result = static_cast<pb::CompareResult>(prng.below(4));
    switch (prng.below(4)) {
      case 0:
        out.target = pb::CompareTarget::kVersion;
        out.union_field = 4;
        out.number = static_cast<int64_t>(prng.below(3));
        break;
      case 1:
        out.target = pb::CompareTarget::kCreate;
        out.union_field = 5;
        out.number = prng.chance(1, 2) ? 0 : scene_.latest_revision;
        break;
      case 2:
        out.target = pb::CompareTarget::kMod;
        out.union_field = 6;
        out.number = scene_.latest_revision - static_cast<int64_t>(prng.below(10));
        break;
      default:
        out.target = pb::CompareTarget::kValue;
        out.union_field = 7;
        out.value = texts.emplace_back(std::to_string(prng.below(100)));
    }
    if (prng.chance(1, 8)) out.range_end = texts.emplace_back("l");
    return out;
  }

  pb::RangeRequest get(Prng& prng, Texts& texts) {
    const Span span = draw_span(prng);
    pb::RangeRequest out;
    out.key = texts.emplace_back(span.key);
    out.range_end = texts.emplace_back(span.end);
    return out;
  }

  pb::TxnRequest reading(Prng& prng, Texts& texts) {
    pb::TxnRequest out;
    if (prng.chance(1, 2)) out.compare.push_back(compare(prng, texts));
    for (uint64_t i = prng.between(1, 3); i > 0; --i) out.success.push_back({get(prng, texts)});
    out.failure.push_back({get(prng, texts)});
    return out;
  }

  // Every put of it has the same value: half a transaction shows.
  pb::TxnRequest writing(Prng& prng, const std::string& value, int depth, Texts& texts) {
    pb::TxnRequest out;
    for (uint64_t i = prng.below(3); i > 0; --i) out.compare.push_back(compare(prng, texts));
    // A key may be put once in a transaction.
    const uint64_t first = prng.below(plan_.keys);
    const uint64_t puts = prng.between(1, std::min<uint64_t>(plan_.keys, 4));
    if (depth == 0 || puts == 1) {
      for (uint64_t i = 0; i < puts; ++i) {
        pb::PutRequest put{.key = texts.emplace_back("k" + std::to_string((first + i) % plan_.keys)),
                           .value = texts.emplace_back(value)};
        put.prev_kv = prng.chance(1, 4);
        out.success.push_back({put});
      }
    }
    if (prng.chance(1, 3)) out.success.push_back({get(prng, texts)});
    out.failure.push_back({get(prng, texts)});
    if (prng.chance(1, 3)) {
      out.failure.push_back({pb::DeleteRangeRequest{.key = texts.emplace_back(draw_key(prng)), .prev_kv = true}});
    }
    if (depth < 2 && prng.chance(1, 6)) {
      out.failure.push_back({std::make_unique<pb::TxnRequest>(writing(prng, value, depth + 1, texts))});
    }
    return out;
  }
};

}  // namespace

std::unique_ptr<Workload> make_txn_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<TxnWorkload>(scene, plan, prng);
}

}  // namespace quorate::sim
