#include "gateway/cluster_figures.hpp"

#include <map>
#include <string>
#include <utility>

#include "actors/workload_state/status.hpp"

namespace cloudless::gateway {
namespace {

using Counted = std::vector<std::pair<std::string, double>>;

/// Every state has a series, also with nothing in it: alerts need the zero.
template <class State>
Counted counted(const std::map<State, std::uint64_t>& counts, State first, State last) {
  Counted out;
  for (int i = static_cast<int>(first); i <= static_cast<int>(last); ++i) {
    const auto state = static_cast<State>(i);
    const auto it = counts.find(state);
    out.emplace_back(to_string(state), it == counts.end() ? 0.0 : static_cast<double>(it->second));
  }
  return out;
}

class ClusterFigures final : public prometheus::Collectable {
 public:
  explicit ClusterFigures(std::shared_ptr<const Mirror> mirror) : mirror_(std::move(mirror)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto snapshot = mirror_->present();
    if (!snapshot) return {};
    std::map<WorkloadPhase, std::uint64_t> workloads;
    std::map<Phase, std::uint64_t> replicas;
    std::map<NodeState, std::uint64_t> nodes;
    snapshot->workloads().for_each([&](const WorkloadUid&, const std::shared_ptr<const Workload>& workload) {
      ++workloads[workload_state::derive_status(*snapshot, *workload).phase];
    });
    snapshot->replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& replica) {
      ++replicas[replica->phase];
    });
    snapshot->nodes().for_each(
        [&](const NodeId&, const std::shared_ptr<const Node>& node) { ++nodes[node->state]; });
    using telemetry::gauges;
    return {gauges("cloudless_workloads", "Workloads by phase.", "phase",
                   counted(workloads, WorkloadPhase::pending, WorkloadPhase::deleting)),
            gauges("cloudless_replicas", "Replicas by state, those that ended and are kept included.",
                   "state", counted(replicas, Phase::pending, Phase::lost)),
            gauges("cloudless_nodes", "Nodes by state.", "state",
                   counted(nodes, NodeState::ready, NodeState::offline)),
            gauges("cloudless_store_revision", "The store's revision that this process has seen.", "of",
                   {{"mirror", static_cast<double>(snapshot->revision())}})};
  }

 private:
  std::shared_ptr<const Mirror> mirror_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> cluster_figures(std::shared_ptr<const Mirror> mirror) {
  return std::make_shared<ClusterFigures>(std::move(mirror));
}

}  // namespace cloudless::gateway
