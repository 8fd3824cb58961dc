#include "env/metrics.h"

#include <gtest/gtest.h>

namespace quorate::env {
namespace {

TEST(Metrics, PrintsCountersGaugesAndHistogramsByName) {
  Metrics metrics;
  metrics.gauge("b_gauge", "A gauge.").set(-1.5);
  metrics.counter("a_total", "A counter.", {{"type", "x"}, {"code", "OK"}}).add(3);
  metrics.counter("a_total", "A counter.", {{"type", "y"}, {"code", "OK"}}).add();
  Histogram& histogram = metrics.histogram("c_seconds", "A histogram.", {0.001, 0.5});
  histogram.observe(0.001);  // a bound belongs to its own bucket
  histogram.observe(0.25);
  histogram.observe(7);
  EXPECT_EQ(metrics.scrape(),
            "# HELP a_total A counter.\n"
            "# TYPE a_total counter\n"
            "a_total{type=\"x\",code=\"OK\"} 3\n"
            "a_total{type=\"y\",code=\"OK\"} 1\n"
            "# HELP b_gauge A gauge.\n"
            "# TYPE b_gauge gauge\n"
            "b_gauge -1.5\n"
            "# HELP c_seconds A histogram.\n"
            "# TYPE c_seconds histogram\n"
            "c_seconds_count 3\n"
            "c_seconds_sum 7.251\n"
            "c_seconds_bucket{le=\"0.001\"} 1\n"
            "c_seconds_bucket{le=\"0.5\"} 2\n"
            "c_seconds_bucket{le=\"+Inf\"} 3\n");
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  Counter& first = metrics.counter("a_total", "A.", {{"k", "v"}});
  EXPECT_EQ(&first, &metrics.counter("a_total", "A.", {{"k", "v"}}));
  EXPECT_NE(&first, &metrics.counter("a_total", "A.", {{"k", "w"}}));
  EXPECT_EQ(&metrics.histogram("h", "H.", {1}), &metrics.histogram("h", "H.", {1}));
}

TEST(Metrics, MetricsStayWhereTheyAreWhenOthersAreAdded) {
  Metrics metrics;
  Gauge& first = metrics.gauge("g", "G.", {{"i", "first"}});
  for (int i = 0; i < 1000; ++i) metrics.gauge("g", "G.", {{"i", std::to_string(i)}});
  first.set(42);
  EXPECT_NE(metrics.scrape().find("g{i=\"first\"} 42\n"), std::string::npos);
}

TEST(Metrics, RefreshersRunBeforeEachScrape) {
  Metrics metrics;
  Gauge& gauge = metrics.gauge("g", "G.");
  metrics.before_scrape([&] { gauge.add(1); });
  EXPECT_NE(metrics.scrape().find("g 1\n"), std::string::npos);
  EXPECT_NE(metrics.scrape().find("g 2\n"), std::string::npos);
}

TEST(Metrics, ExponentialBoundsMultiply) {
  EXPECT_EQ(exponential_bounds(0.001, 2, 4), (std::vector<double>{0.001, 0.002, 0.004, 0.008}));
}

TEST(MetricsDeathTest, ANameKeepsItsKind) {
  Metrics metrics;
  metrics.counter("a", "A.");
  EXPECT_DEATH(metrics.gauge("a", "A."), "CHECK failed");
}

}  // namespace
}  // namespace quorate::env
