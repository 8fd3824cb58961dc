#include "mvcc/compare.h"

namespace quorate::mvcc {

namespace {

// -1, 0 or 1: how what the key has stands to what the compare names.
int order(const pb::Compare& compare, const pb::KeyValue& kv) {
  const auto sign = [](auto ordering) { return ordering < 0 ? -1 : ordering > 0 ? 1 : 0; };
  const auto number = [&](int64_t actual, uint32_t field) {
    return sign(actual <=> (compare.union_field == field ? compare.number : 0));
  };
  switch (compare.target) {
    case pb::CompareTarget::kVersion: return number(kv.version, 4);
    case pb::CompareTarget::kCreate: return number(kv.create_revision, 5);
    case pb::CompareTarget::kMod: return number(kv.mod_revision, 6);
    case pb::CompareTarget::kValue:
      return sign(kv.value <=> (compare.union_field == 7 ? compare.value : std::string_view()));
    case pb::CompareTarget::kLease: return number(kv.lease, 8);
  }
  return 0;  // an unknown target
}

}  // namespace

bool satisfies(const pb::Compare& compare, const pb::KeyValue& kv) {
  const int ordering = order(compare, kv);
  switch (compare.result) {
    case pb::CompareResult::kEqual: return ordering == 0;
    case pb::CompareResult::kGreater: return ordering > 0;
    case pb::CompareResult::kLess: return ordering < 0;
    case pb::CompareResult::kNotEqual: return ordering != 0;
  }
  return true;  // an unknown result
}

}  // namespace quorate::mvcc
