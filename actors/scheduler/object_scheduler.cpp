#include "actors/scheduler/object_scheduler.hpp"

#include <utility>

#include "actors/scheduler/filter.hpp"

namespace cloudless::scheduler {
namespace {

struct Candidate {
  const NodeView* view = nullptr;
  ScoreTerms terms;
  bool better_than(const Candidate& other) const {
    if (other.view == nullptr) return view != nullptr;
    if (terms.total() != other.terms.total()) return terms.total() > other.terms.total();
    return comes_first(*view->node, *other.view->node);
  }
};

}  // namespace

bool comes_first(const Node& a, const Node& b) {
  return a.ordinal != b.ordinal ? a.ordinal < b.ordinal : a.description.id < b.description.id;
}

std::vector<std::uint8_t> gpus_for(const Demand& demand, const NodeView& view) {
  const engine::GpuMask mask = engine::pick_gpus(view.gpus(), demand.ask->amounts);
  std::vector<std::uint8_t> out;
  for (std::uint8_t i = 0; i < engine::kMaxGpus; ++i)
    if ((mask >> i & 1) != 0) out.push_back(i);
  return out;
}

Choices choose(const Demand& demand) {
  Candidate best, second;
  for (const auto& [id, view] : demand.model->nodes()) {
    if (!view.node || rejection(demand, view)) continue;
    Candidate candidate{&view, score(demand, view)};
    if (candidate.better_than(best))
      second = std::exchange(best, candidate);
    else if (candidate.better_than(second))
      second = candidate;
  }
  const auto chosen = [&](const Candidate& c) -> std::optional<Choice> {
    if (c.view == nullptr) return std::nullopt;
    return Choice{c.view->node->description.id, c.terms, gpus_for(demand, *c.view)};
  };
  return {chosen(best), chosen(second)};
}

}  // namespace cloudless::scheduler
