// env/metrics.h: counters, gauges and histograms, and their text for Prometheus.
//
// Loop: core. Updating one is a plain addition; scrape() reads them all on the same loop. A metric lives as
// long as its Metrics. Names, labels and bucket bounds are etcd's (spec of the server, metrics).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quorate::env {

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order in which they are printed

struct Counter {
  double value = 0;
  void add(double amount = 1) { value += amount; }
};

struct Gauge {
  double value = 0;
  void set(double v) { value = v; }
  void add(double amount) { value += amount; }
};

// Upper bounds ascending; +Inf is implied.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void observe(double value);
  const std::vector<double>& bounds() const { return bounds_; }
  const std::vector<uint64_t>& counts() const { return counts_; }  // per bucket, not cumulative
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<uint64_t> counts_;
  double sum_ = 0;
};

// n bounds: start, start*factor, start*factor^2, ...
std::vector<double> exponential_bounds(double start, double factor, int n);

class Metrics {
 public:
  // The same name and labels give the same metric again. A name keeps its kind and help text.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels = {});
  // Runs before every scrape, to set gauges that are read rather than counted.
  void before_scrape(std::move_only_function<void()> refresh) { refreshers_.push_back(std::move(refresh)); }

  // A counter or gauge without labels, as a scrape would print it now; nothing when there is none of that name.
  std::optional<double> read(std::string_view name);

  // The text exposition format, version 0.0.4.
  std::string scrape();

 private:
  enum class Kind : uint8_t { kCounter, kGauge, kHistogram };
  struct Family {
    Kind kind;
    std::string help;
    std::map<Labels, size_t> members;  // into the deque of its kind
  };
  Family& family(std::string_view name, std::string_view help, Kind kind);

  std::map<std::string, Family, std::less<>> families_;
  std::deque<Counter> counters_;
  std::deque<Gauge> gauges_;
  std::deque<Histogram> histograms_;
  std::vector<std::move_only_function<void()>> refreshers_;
};

}  // namespace quorate::env
