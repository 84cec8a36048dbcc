#include "telemetry/metrics.hpp"

#include <dirent.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace cloudless::telemetry {
namespace {

prometheus::MetricFamily single(const char* name, const char* help, double value,
                                prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
  family.metric.push_back(metric);
  return family;
}

class ProcessFigures : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    using prometheus::MetricType;
    return {single("process_resident_memory_bytes", "Resident memory.", resident_bytes(), MetricType::Gauge),
            single("process_cpu_seconds_total", "Processor time, user and system.", cpu_seconds(),
                   MetricType::Counter),
            single("process_open_fds", "Open file descriptors.", open_files(), MetricType::Gauge),
            single("process_start_time_seconds", "When the process started, since 1970.", started_,
                   MetricType::Gauge)};
  }

 private:
  static double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double size = 0;
    double resident = 0;
    statm >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  static double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  static double open_files() {
    DIR* dir = opendir("/proc/self/fd");
    if (dir == nullptr) return 0;
    int entries = 0;
    while (readdir(dir) != nullptr) ++entries;
    closedir(dir);
    return entries - 3;  // ".", ".." and the directory itself
  }

  double started_ =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
};

}  // namespace

Metrics::Metrics() : process_(std::make_shared<ProcessFigures>()) {
  add(process_);
}

std::string Metrics::text() const {
  auto families = registry_.Collect();
  for (const auto& weak : collectors_) {
    if (auto collector = weak.lock()) {
      auto more = collector->Collect();
      families.insert(families.end(), more.begin(), more.end());
    }
  }
  return prometheus::TextSerializer{}.Serialize(families);
}

prometheus::Histogram::BucketBoundaries latency_buckets() {
  return {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10};
}

prometheus::MetricFamily gauges(const std::string& name, const std::string& help, const std::string& label,
                                const std::vector<std::pair<std::string, double>>& values) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = prometheus::MetricType::Gauge;
  for (const auto& [value_of_label, value] : values) {
    prometheus::ClientMetric metric;
    metric.label.push_back({label, value_of_label});
    metric.gauge.value = value;
    family.metric.push_back(metric);
  }
  return family;
}

}  // namespace cloudless::telemetry
