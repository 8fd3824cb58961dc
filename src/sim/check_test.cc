#include "sim/check.h"

#include <gtest/gtest.h>

#include "sim/testing/tiny_cluster.h"

namespace quorate::sim {
namespace {

std::string texts(const Violations& violations) {
  std::string out;
  for (const Violation& v : violations) out += std::string(violation_name(v.kind)) + ": " + v.text + "\n";
  return out;
}

TEST(Check, FindsNothingWrongWithACorrectHistory) {
  TinyCluster cluster;
  cluster.watch({.key = "a", .range_end = "z", .prev_kv = true});
  cluster.put("a", "1");
  cluster.put("b", "2");
  cluster.get("a", "z");
  cluster.grant(7, 10);
  cluster.put("c", "3", 7);
  cluster.time_to_live(7);
  cluster.keep_alive(7);
  cluster.crash();
  cluster.get("a", "z", 2);
  cluster.remove("a", "c");
  cluster.revoke(7);
  cluster.compact(3);
  cluster.get("a", "z", 2);
  cluster.advance(30s);
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
}

}  // namespace
}  // namespace quorate::sim
