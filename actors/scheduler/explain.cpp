#include "actors/scheduler/explain.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "actors/scheduler/remedy.hpp"

namespace cloudless::scheduler {
namespace {

constexpr std::size_t kMostReason = 1024;
constexpr std::size_t kMostNearest = 3;

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

Miss miss_of(const Demand& demand, const Obstacles& obstacles) {
  Miss miss{obstacles.view->node->description.id, obstacles.filters, {}};
  for (const auto filter : obstacles.filters) miss.lacks.push_back(explain(filter, demand, *obstacles.view));
  return miss;
}

/// The nearest of each set of filters.
class Nearest {
 public:
  void add(Obstacles obstacles) {
    std::uint32_t set = 0;
    for (const auto filter : obstacles.filters) set |= 1U << static_cast<unsigned>(filter);
    const auto [at, is_new] = by_filters_.try_emplace(set, obstacles);
    if (!is_new && obstacles.nearer_than(at->second)) at->second = std::move(obstacles);
  }
  std::vector<Obstacles> sorted() const {
    std::vector<Obstacles> out;
    for (const auto& [set, obstacles] : by_filters_) out.push_back(obstacles);
    std::sort(out.begin(), out.end(),
              [](const Obstacles& a, const Obstacles& b) { return a.nearer_than(b); });
    return out;
  }

 private:
  std::map<std::uint32_t, Obstacles> by_filters_;
};

}  // namespace

Explanation explain_unplaced(const Demand& demand) {
  Explanation out;
  std::array<std::uint32_t, kFilters> rejected{};
  Nearest nearest;
  for (const auto& [id, view] : demand.model->nodes()) {
    if (!view.node) continue;
    ++out.nodes;
    auto obstacles = obstacles_of(demand, view);
    if (obstacles.filters.empty()) {
      ++out.fitting;
      continue;
    }
    ++rejected[static_cast<std::size_t>(obstacles.filters.front())];
    nearest.add(std::move(obstacles));
  }
  for (std::size_t i = 0; i < kFilters; ++i)
    if (rejected[i] > 0) out.rejections.push_back({static_cast<Filter>(i), rejected[i]});
  const auto sorted = nearest.sorted();
  for (std::size_t i = 0; i < std::min(kMostNearest, sorted.size()); ++i)
    out.nearest.push_back(miss_of(demand, sorted[i]));
  if (out.fitting == 0) out.remedy = remedy(demand, sorted);
  return out;
}

std::string in_words(const Explanation& e) {
  if (e.nodes == 0) return "no node has registered";
  std::vector<std::string> counts, misses;
  for (const auto& [filter, nodes] : e.rejections)
    counts.push_back(std::to_string(nodes) + " of " + std::to_string(e.nodes) +
                     (e.nodes == 1 ? " node " : " nodes ") + in_words(filter, nodes != 1));
  for (const auto& miss : e.nearest) misses.push_back(miss.node.value + " " + joined(miss.lacks, " and "));
  std::string text = e.fitting > 0 ? std::to_string(e.fitting) + " of " + std::to_string(e.nodes) +
                                         " nodes " + (e.fitting == 1 ? "fits" : "fit")
                                   : "no node fits";
  if (!counts.empty()) text += ": " + joined(counts, ", ");
  if (!misses.empty()) text += "; " + joined(misses, "; ");
  if (!e.remedy.empty()) text += "; it would fit with " + e.remedy;
  return bounded_reason(std::move(text));
}

std::string bounded_reason(std::string text) {
  if (text.size() <= kMostReason) return text;
  std::size_t end = kMostReason;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

std::optional<PlaceExplanation> explain_placed(Model& model, const ReplicaSlot& slot, Millis now) {
  const auto replica = model.replica(slot);
  if (!replica || replica->node.empty() || is_terminal(replica->phase)) return std::nullopt;
  const NodeId id = replica->node;
  const auto found = model.nodes().find(id);
  if (found == model.nodes().end() || !found->second.node) return std::nullopt;
  PlaceExplanation out;
  out.node = id;
  model.lift(slot);
  {
    const Demand demand = demand_of(model, slot, now);
    const auto& view = model.nodes().at(id);
    for (const auto filter : obstacles_of(demand, view).filters)
      out.lacks.push_back(explain(filter, demand, view));
    out.terms = score(demand, view);
    auto choices = choose(demand);
    out.runner_up = choices.best && choices.best->node == id ? choices.second : choices.best;
  }
  model.withdraw(slot);
  return out;
}

}  // namespace cloudless::scheduler
