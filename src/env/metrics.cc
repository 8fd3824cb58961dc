#include "env/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace quorate::env {
namespace {

prometheus::ClientMetric::Histogram exported(const Histogram& histogram) {
  prometheus::ClientMetric::Histogram out;
  out.sample_sum = histogram.sum();
  uint64_t cumulative = 0;
  for (size_t i = 0; i < histogram.counts().size(); ++i) {
    cumulative += histogram.counts()[i];
    const bool last = i == histogram.bounds().size();
    out.bucket.push_back({cumulative, last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i]});
  }
  out.sample_count = cumulative;
  return out;
}

}  // namespace

void Histogram::observe(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  ++counts_[static_cast<size_t>(bound - bounds_.begin())];
  sum_ += value;
}

std::vector<double> exponential_bounds(double start, double factor, int n) {
  std::vector<double> bounds;
  for (int i = 0; i < n; ++i, start *= factor) bounds.push_back(start);
  return bounds;
}

Metrics::Family& Metrics::family(std::string_view name, std::string_view help, Kind kind) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), Family{kind, std::string(help), {}}).first;
  }
  CHECK(found->second.kind == kind);
  CHECK(found->second.help == help);
  return found->second;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const auto [member, added] =
      family(name, help, Kind::kCounter).members.try_emplace(std::move(labels), counters_.size());
  if (added) counters_.emplace_back();
  return counters_[member->second];
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const auto [member, added] = family(name, help, Kind::kGauge).members.try_emplace(std::move(labels), gauges_.size());
  if (added) gauges_.emplace_back();
  return gauges_[member->second];
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels) {
  CHECK(std::is_sorted(bounds.begin(), bounds.end()));
  const auto [member, added] =
      family(name, help, Kind::kHistogram).members.try_emplace(std::move(labels), histograms_.size());
  if (added) histograms_.emplace_back(std::move(bounds));
  return histograms_[member->second];
}

std::optional<double> Metrics::read(std::string_view name) {
  for (auto& refresh : refreshers_) refresh();
  const auto found = families_.find(name);
  if (found == families_.end()) return std::nullopt;
  const auto member = found->second.members.find({});
  if (member == found->second.members.end()) return std::nullopt;
  switch (found->second.kind) {
    case Kind::kCounter: return counters_[member->second].value;
    case Kind::kGauge: return gauges_[member->second].value;
    case Kind::kHistogram: break;
  }
  return std::nullopt;
}

std::string Metrics::scrape() {
  for (auto& refresh : refreshers_) refresh();
  std::vector<prometheus::MetricFamily> out;
  for (const auto& [name, family] : families_) {
    prometheus::MetricFamily& to = out.emplace_back();
    to.name = name;
    to.help = family.help;
    for (const auto& [labels, index] : family.members) {
      prometheus::ClientMetric& metric = to.metric.emplace_back();
      for (const auto& [label, value] : labels) metric.label.push_back({label, value});
      switch (family.kind) {
        case Kind::kCounter:
          to.type = prometheus::MetricType::Counter;
          metric.counter.value = counters_[index].value;
          break;
        case Kind::kGauge:
          to.type = prometheus::MetricType::Gauge;
          metric.gauge.value = gauges_[index].value;
          break;
        case Kind::kHistogram:
          to.type = prometheus::MetricType::Histogram;
          metric.histogram = exported(histograms_[index]);
          break;
      }
    }
  }
  return prometheus::TextSerializer().Serialize(out);
}

}  // namespace quorate::env
