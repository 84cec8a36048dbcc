#include "services/agent/usage_figures.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <chrono>
#include <future>
#include <utility>

namespace cloudless::agent {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

struct Figure {
  const char* name;
  const char* help;
  MetricType type;
  double (*value)(const ContainerUsage&);
};

constexpr double kNanos = 1e9;

const Figure kFigures[] = {
    {"cloudless_replica_cpu_seconds_total", "Processor time since the container started", MetricType::Counter,
     [](const ContainerUsage& u) { return static_cast<double>(u.total.cpu_nanos) / kNanos; }},
    {"cloudless_replica_memory_bytes", "Memory in use, without pages of files that nobody used lately",
     MetricType::Gauge, [](const ContainerUsage& u) { return static_cast<double>(u.memory_bytes); }},
    {"cloudless_replica_processes", "Processes and threads", MetricType::Gauge,
     [](const ContainerUsage& u) { return static_cast<double>(u.processes); }},
    {"cloudless_replica_network_received_bytes_total", "Bytes received since the container started",
     MetricType::Counter,
     [](const ContainerUsage& u) { return static_cast<double>(u.total.network_received_bytes); }},
    {"cloudless_replica_network_sent_bytes_total", "Bytes sent since the container started",
     MetricType::Counter,
     [](const ContainerUsage& u) { return static_cast<double>(u.total.network_sent_bytes); }},
    {"cloudless_replica_disk_read_bytes_total", "Bytes read from disks since the container started",
     MetricType::Counter,
     [](const ContainerUsage& u) { return static_cast<double>(u.total.disk_read_bytes); }},
    {"cloudless_replica_disk_written_bytes_total", "Bytes written to disks since the container started",
     MetricType::Counter,
     [](const ContainerUsage& u) { return static_cast<double>(u.total.disk_written_bytes); }},
};

class UsageFigures final : public prometheus::Collectable {
 public:
  explicit UsageFigures(runtime::RuntimePort& runtime) : runtime_(runtime) {}

  std::vector<MetricFamily> Collect() const override {
    auto answer = std::make_shared<std::promise<Result<std::vector<ContainerUsage>>>>();
    auto future = answer->get_future();
    runtime_.usage(
        [answer](Result<std::vector<ContainerUsage>> seen) { answer->set_value(std::move(seen)); });
    if (future.wait_for(std::chrono::seconds(1)) != std::future_status::ready) return {};
    const auto seen = future.get();
    return seen ? usage_families(*seen) : std::vector<MetricFamily>{};
  }

 private:
  runtime::RuntimePort& runtime_;
};

}  // namespace

std::vector<MetricFamily> usage_families(const std::vector<ContainerUsage>& seen) {
  std::vector<MetricFamily> out;
  for (const auto& figure : kFigures) {
    MetricFamily family;
    family.name = figure.name;
    family.help = figure.help;
    family.type = figure.type;
    for (const auto& usage : seen) {
      prometheus::ClientMetric metric;
      metric.label = {{"namespace", usage.ns}, {"replica", usage.replica.value}};
      if (figure.type == MetricType::Counter)
        metric.counter.value = figure.value(usage);
      else
        metric.gauge.value = figure.value(usage);
      family.metric.push_back(std::move(metric));
    }
    out.push_back(std::move(family));
  }
  return out;
}

std::shared_ptr<prometheus::Collectable> usage_figures(runtime::RuntimePort& runtime) {
  return std::make_shared<UsageFigures>(runtime);
}

}  // namespace cloudless::agent
