// Strict serializability: the log is the order of the writes, and each read is the state at its revision.
#include <algorithm>
#include <utility>

#include "pb/codec.h"
#include "sim/check.h"
#include "sim/text.h"
#include "sim/timeline.h"

namespace quorate::sim {

namespace {

constexpr Index kStatesAskedMax = 256;  // of one read that failed; of a wider window only the ends are asked

std::string proof_text(const Timeline& timeline, const Proof& proof) {
  const Operation* by = proof.operation == 0 ? nullptr : timeline.find(proof.operation);
  return "index " + std::to_string(proof.index) + " (revision " +
         std::to_string(timeline.model().revision_at(proof.index)) + "), which " +
         (by ? name_of(*by) + ", answered at " + text_of(by->end) + ", proves" : "a watch proves");
}

bool is_read(const Operation& operation, const Placed& placed) {
  return operation.kind == Kind::kRange || (operation.kind == Kind::kTxn && !placed.write);
}

// What is asked of the model for one read: any one answer equal to the read's will do.
struct Asked {
  size_t operation = 0;
  size_t first = 0, count = 0;  // of the questions
};

class Reads {
 public:
  Reads(const History& history, const Timeline& timeline, Violations& out)
      : history_(history), timeline_(timeline), out_(out) {}

  void run() {
    for (size_t i = 0; i < history_.operations.size(); ++i) {
      const Placed& placed = timeline_.placed(i);
      if (!placed.settled || !placed.judged || !is_read(history_.operations[i], placed)) continue;
      if (placed.header) {
        place(i);
      } else {
        place_failed(i);
      }
    }
    answers_ = timeline_.model().ask(questions_);
    for (const Asked& asked : asked_) compare(asked);
  }

 private:
  void place(size_t number) {
    const Operation& operation = history_.operations[number];
    const Placed& placed = timeline_.placed(number);
    const Model& model = timeline_.model();
    const Revision revision = placed.header->revision;
    const std::string seen = name_of(operation) + ", sent at " + text_of(operation.begin) + ", answered at " +
                             text_of(operation.end) + ", saw revision " + std::to_string(revision);
    if (revision < 1) return out_.push_back({ViolationKind::kWrongRead, seen + ", which is none"});
    if (revision > model.revision() || model.first_at(revision) > placed.ceiling) {
      return out_.push_back({ViolationKind::kFutureRead,
                             seen + ", but by then only index " + std::to_string(placed.ceiling) + " (revision " +
                                 std::to_string(model.revision_at(placed.ceiling)) + ") had been proposed"});
    }
    if (!placed.serializable && model.last_at(revision) < placed.floor.index) {
      return out_.push_back({ViolationKind::kStaleRead, seen + ", older than " + proof_text(timeline_, placed.floor)});
    }
    // The least state of its revision that is allowed: a later one may be more compacted, and is not richer.
    asked_.push_back({.operation = number, .first = questions_.size(), .count = 1});
    ask(number, timeline_.window(placed).first);
  }

  void place_failed(size_t number) {
    const Operation& operation = history_.operations[number];
    if (operation.status != errors::FutureRev() && operation.status != errors::Compacted()) return;
    if (timeline_.forgiven_after(operation.begin)) return;
    const Placed& placed = timeline_.placed(number);
    const Model& model = timeline_.model();
    const Index floor = placed.serializable ? 0 : placed.floor.index;
    const Index ceiling = std::max(placed.ceiling, floor);
    Asked asked{.operation = number, .first = questions_.size(), .count = 0};
    ask(number, floor);
    const bool wide = ceiling - floor > kStatesAskedMax;
    for (Index at = wide ? ceiling : floor + 1; at <= ceiling; ++at) {
      if (wide || model.applied(at).changed || model.compacted_at(at) != model.compacted_at(at - 1)) ask(number, at);
    }
    asked.count = questions_.size() - asked.first;
    asked_.push_back(asked);
  }

  void ask(size_t number, Index at) {
    const Operation& operation = history_.operations[number];
    questions_.push_back({.at = at, .txn = operation.kind == Kind::kTxn, .request = operation.request});
  }

  void compare(const Asked& asked) {
    const Operation& operation = history_.operations[asked.operation];
    const std::string seen = operation.status.ok() ? bare(operation.kind, operation.response) : std::string();
    for (size_t i = asked.first; i < asked.first + asked.count; ++i) {
      if (answers_[i].status == operation.status && answers_[i].response == seen) return;
    }
    const size_t last = asked.first + asked.count - 1;
    out_.push_back({ViolationKind::kWrongRead,
                    name_of(operation) + ": the state after index " + std::to_string(questions_[last].at) + " has " +
                        text_of(operation.kind, answers_[last].status, answers_[last].response) + "; answered " +
                        text_of(operation.kind, operation.status, operation.response)});
  }

  const History& history_;
  const Timeline& timeline_;
  Violations& out_;
  std::vector<Model::Question> questions_;
  std::vector<Model::Answer> answers_;
  std::vector<Asked> asked_;
};

}  // namespace

void check_order(const History& history, const Timeline& timeline, Violations& out) {
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    const Placed& placed = timeline.placed(i);
    if (!placed.write || placed.index == 0) continue;
    const std::string place =
        name_of(operation) + ", sent at " + text_of(operation.begin) + ", is at index " + std::to_string(placed.index);
    if (placed.floor.index >= placed.index) {
      out.push_back({ViolationKind::kOrder, place + ", not after " + proof_text(timeline, placed.floor)});
    }
    if (placed.settled && placed.index > placed.ceiling) {
      out.push_back({ViolationKind::kOrder,
                     place + " and was answered at " + text_of(operation.end) + ", before that was proposed"});
    }
  }
}

void check_reads(const History& history, const Timeline& timeline, Violations& out) {
  Reads(history, timeline, out).run();
}

}  // namespace quorate::sim
