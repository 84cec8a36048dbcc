#include "actors/scheduler/engine/engine.hpp"

namespace cloudless::scheduler::engine {

void Engine::set_attribute(AttributeId attribute, NodeIndex node, bool on) {
  if (cluster_.set_attribute(attribute, node, on) && journal_.open()) journal_.attribute(node, attribute, on);
}

void Engine::count(GroupId group, NodeIndex node, bool more) {
  if (cluster_.count(group, node, more) && journal_.open()) journal_.group(node, group, more);
}

void Engine::take(NodeIndex node, const Amounts& amounts, GpuMask gpus) {
  cluster_.take(node, amounts, gpus);
  if (journal_.open()) journal_.room(node, amounts, gpus, true);
}

void Engine::give(NodeIndex node, const Amounts& amounts, GpuMask gpus) {
  cluster_.give(node, amounts, gpus);
  if (journal_.open()) journal_.room(node, amounts, gpus, false);
}

Choice Engine::best(ClassId id) {
  cluster_.settle();
  const Best best = classes_.index(id).best(cluster_, kernel_);
  if (best.node == kNoNode) return {};
  const Amounts& request = classes_.spec(id).request;
  return {best.node, best.score, request.asks_gpu() ? pick_gpus(cluster_.gpus_of(best.node), request) : 0};
}

GpuMask Engine::commit(ClassId id, NodeIndex node) {
  const ClassSpec& spec = classes_.spec(id);
  const GpuMask gpus = spec.request.asks_gpu() ? pick_gpus(cluster_.gpus_of(node), spec.request) : 0;
  cluster_.commit(node, spec.request, gpus, spec.joins);
  if (journal_.open()) {
    journal_.room(node, spec.request, gpus, true);
    for (const GroupId group : spec.joins) journal_.group(node, group, true);
  }
  return gpus;
}

void Engine::release(ClassId id, NodeIndex node, GpuMask gpus) {
  const ClassSpec& spec = classes_.spec(id);
  if (!journal_.open()) {
    cluster_.release(node, spec.request, gpus, spec.joins);
    return;
  }
  give(node, spec.request, gpus);
  for (const GroupId group : spec.joins) count(group, node, false);
}

std::vector<Choice> Engine::place(ClassId id, std::uint32_t replicas) {
  std::vector<Choice> placed;
  placed.reserve(replicas);
  while (placed.size() < replicas) {
    const Choice choice = best(id);
    if (!choice) break;
    commit(id, choice.node);
    placed.push_back(choice);
  }
  return placed;
}

Why Engine::why(ClassId id) {
  cluster_.settle();
  ClassIndex& index = classes_.index(id);
  index.best(cluster_, kernel_);  // brings census and skew up to date
  return why_of(classes_.spec(id), cluster_, index.census(), index.skew(), kernel_);
}

}  // namespace cloudless::scheduler::engine
