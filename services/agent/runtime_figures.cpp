#include "services/agent/runtime_figures.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "telemetry/metrics.hpp"

namespace cloudless::agent {
namespace {

using Containers = std::vector<runtime::ObservedContainer>;

class RuntimeFigures final : public prometheus::Collectable {
 public:
  explicit RuntimeFigures(runtime::RuntimePort& runtime) : runtime_(runtime) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto seen = ask_containers(runtime_);
    std::vector<prometheus::MetricFamily> out;
    out.push_back(telemetry::gauges("cloudless_agent_runtime_up", "1 when the container runtime answers",
                                    "runtime", {{"containerd", seen ? 1.0 : 0.0}}));
    if (!seen) return out;
    const auto running = std::count_if(seen->begin(), seen->end(), [](const auto& c) { return c.running; });
    const auto ended = static_cast<double>(seen->size()) - static_cast<double>(running);
    out.push_back(telemetry::gauges("cloudless_agent_containers", "Containers of this node", "state",
                                    {{"running", static_cast<double>(running)}, {"ended", ended}}));
    return out;
  }

 private:
  runtime::RuntimePort& runtime_;
};

}  // namespace

Result<Containers> ask_containers(runtime::RuntimePort& runtime) {
  auto answer = std::make_shared<std::promise<Result<Containers>>>();
  auto future = answer->get_future();
  runtime.list([answer](Result<Containers> seen) { answer->set_value(std::move(seen)); });
  if (future.wait_for(std::chrono::seconds(1)) != std::future_status::ready)
    return fail(Errc::unavailable, "the container runtime does not answer");
  return future.get();
}

std::shared_ptr<prometheus::Collectable> runtime_figures(runtime::RuntimePort& runtime) {
  return std::make_shared<RuntimeFigures>(runtime);
}

}  // namespace cloudless::agent
