#include "actors/scheduler/demand.hpp"

#include <algorithm>
#include <set>

#include "actors/scheduler/filter.hpp"

namespace cloudless::scheduler {
namespace {

constexpr Millis kFirstBackOff = 10'000;
constexpr Millis kLongestBackOff = 300'000;

class DemandBuilder {
 public:
  explicit DemandBuilder(Demand& demand) : demand_(demand) {}

  void look_up() {
    std::set<const WorkloadView*> peers;
    for (const auto& term : demand_.placement().affinity) {
      if (term.workload_selector.empty()) continue;
      (term.required ? demand_.required : demand_.preferred).push_back(towards(term, true, &peers));
    }
    for (const auto& term : demand_.placement().anti_affinity) {
      if (term.workload_selector.empty()) continue;
      (term.required ? demand_.required_away : demand_.preferred_away)
          .push_back(towards(term, false, nullptr));
    }
    for (const auto* peer : peers) demand_.peers.push_back(&peer->live);
    look_up_guards();
    look_up_failures();
  }

 private:
  Demand::Towards towards(const AffinityTerm& term, bool may_be_first, std::set<const WorkloadView*>* peers) {
    Demand::Towards out{&term, {}, may_be_first && selects(term.workload_selector, demand_.labels)};
    for (const auto* workload : demand_.model->selected(demand_.ns, term.workload_selector)) {
      if (peers != nullptr) peers->insert(workload);
      if (workload->live.total == 0) continue;
      out.crowds.push_back(&workload->live);
      out.waived = false;
    }
    return out;
  }

  void look_up_guards() {
    for (const auto& [uid, version] : demand_.model->guards(demand_.ns)) {
      const auto& workload = demand_.model->workloads().at(uid);
      const auto ask = workload.asks.find(version);
      if (ask == workload.asks.end()) continue;
      for (const auto& term : ask->second->pod->placement.anti_affinity)
        if (term.required && !term.workload_selector.empty() &&
            selects(term.workload_selector, demand_.labels))
          demand_.guards.push_back(
              {uid, &term.workload_selector, term.topology, &workload.guards.at(version)});
    }
  }

  void look_up_failures() {
    for (const auto& [node, ends] : demand_.model->failures({demand_.workload, demand_.version})) {
      Millis last = 0;
      for (const auto& [slot, at] : ends) last = std::max(last, at);
      const Millis until = last + back_off(ends.size());
      if (until > demand_.now) demand_.failed_until[node] = until;
    }
  }

  Demand& demand_;
};

}  // namespace

std::uint32_t Demand::Towards::near(const Node& node) const {
  std::uint32_t sum = 0;
  for (const auto* crowd : crowds) sum += crowd->near(node, term->topology);
  return sum;
}

bool Demand::has_rules_between_replicas() const {
  return !required.empty() || !required_away.empty() || !guards.empty() || placement().max_skew;
}

bool Demand::requires_company_of(const WorkloadView& workload) const {
  return std::any_of(required.begin(), required.end(), [&](const Towards& towards) {
    return std::find(towards.crowds.begin(), towards.crowds.end(), &workload.live) != towards.crowds.end();
  });
}

std::uint32_t Demand::fewest() const {
  if (fewest_) return *fewest_;
  const auto topology = spread_topology(placement());
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  if (topology && own != nullptr)
    for (const auto& [id, view] : model->nodes())
      if (view.node && statically_eligible(*this, view))
        least = std::min(least, own->live.near(*view.node, *topology));
  fewest_ = least == std::numeric_limits<std::uint32_t>::max() ? 0 : least;
  return *fewest_;
}

Millis back_off(std::size_t failures) {
  if (failures == 0) return 0;
  return failures > 5 ? kLongestBackOff : std::min(kLongestBackOff, kFirstBackOff << (failures - 1));
}

std::optional<Topology> spread_topology(const Placement& placement) {
  switch (placement.spread) {
    case Spread::node:
      return Topology::node;
    case Spread::zone:
      return Topology::zone;
    case Spread::region:
      return Topology::region;
    case Spread::none:
      return std::nullopt;
  }
  return std::nullopt;
}

Demand demand_of(const Model& model, const WorkloadUid& workload, std::uint64_t version,
                 std::shared_ptr<const Ask> ask, Millis now) {
  Demand demand;
  demand.model = &model;
  demand.ask = std::move(ask);
  demand.workload = workload;
  demand.version = version;
  demand.now = now;
  if (const auto found = model.workloads().find(workload); found != model.workloads().end()) {
    demand.own = &found->second;
    if (const auto& record = found->second.record) {
      demand.ns = record->ns;
      demand.labels = record->spec.labels;
      demand.scoring = record->spec.scoring;
    }
  }
  DemandBuilder(demand).look_up();
  return demand;
}

Demand demand_of(const Model& model, const ReplicaSlot& slot, Millis now) {
  return demand_of(model, slot.workload, model.replica(slot)->version, model.ask_of(slot), now);
}

}  // namespace cloudless::scheduler
