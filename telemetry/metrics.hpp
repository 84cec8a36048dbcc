// The metrics of a process, for Prometheus. Shells ask for their counters once and keep the references;
// nothing here is global.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

namespace cloudless::telemetry {

class Metrics {
 public:
  /// With the process's own figures: resident memory, processor time, open files, start time.
  Metrics();

  prometheus::Registry& registry() { return registry_; }
  /// Figures computed when they are asked for. Not called after `collector` is gone.
  void add(std::weak_ptr<prometheus::Collectable> collector) { collectors_.push_back(std::move(collector)); }
  /// The text format of /metrics.
  std::string text() const;

 private:
  prometheus::Registry registry_;
  std::shared_ptr<prometheus::Collectable> process_;
  std::vector<std::weak_ptr<prometheus::Collectable>> collectors_;
};

/// Upper bounds of latency histograms, seconds: 50 us to 10 s.
prometheus::Histogram::BucketBoundaries latency_buckets();

/// A family with one gauge per value of `label`; for collectors.
prometheus::MetricFamily gauges(const std::string& name, const std::string& help, const std::string& label,
                                const std::vector<std::pair<std::string, double>>& values);

}  // namespace cloudless::telemetry
