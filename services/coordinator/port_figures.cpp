#include "services/coordinator/port_figures.hpp"

namespace cloudless::coordinator {
namespace {

class PortFigures final : public prometheus::Collectable {
 public:
  explicit PortFigures(std::vector<std::pair<std::string, const node_link::Listener*>> listeners)
      : listeners_(std::move(listeners)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family;
    family.name = "cloudless_port_connections_total";
    family.help =
        "Connections to the ports of agents (link) and of other processes of ours (ring), by what became of "
        "them.";
    family.type = prometheus::MetricType::Counter;
    for (const auto& [port, listener] : listeners_) {
      if (listener == nullptr) continue;
      const auto counts = listener->counts();
      add(family, port, "accepted", counts.accepted);
      add(family, port, "refused", counts.refused);
      add(family, port, "timed_out", counts.timed_out);
    }
    return {family};
  }

 private:
  static void add(prometheus::MetricFamily& family, const std::string& port, const char* result,
                  std::uint64_t count) {
    prometheus::ClientMetric metric;
    metric.label = {{"port", port}, {"result", result}};
    metric.counter.value = static_cast<double>(count);
    family.metric.push_back(std::move(metric));
  }

  std::vector<std::pair<std::string, const node_link::Listener*>> listeners_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> port_figures(
    std::vector<std::pair<std::string, const node_link::Listener*>> listeners) {
  return std::make_shared<PortFigures>(std::move(listeners));
}

}  // namespace cloudless::coordinator
