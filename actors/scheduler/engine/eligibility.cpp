#include "actors/scheduler/engine/eligibility.hpp"

#include <algorithm>
#include <bit>

#include "actors/scheduler/engine/domain_terms.hpp"

namespace cloudless::scheduler::engine {

namespace {

void keep_group(const Group& group, std::span<std::uint64_t> words, std::span<std::uint64_t> scratch) {
  if (group.digits().size() == 1) {
    group.digits().front().keep_in(words);
    return;
  }
  std::ranges::fill(scratch, 0);
  for (const NodeSet& digit : group.digits()) digit.add_to(scratch);
  for (std::size_t b = 0; b < words.size(); ++b) words[b] &= scratch[b];
}

void remove_group(const Group& group, std::span<std::uint64_t> words) {
  for (const NodeSet& digit : group.digits()) digit.remove_from(words);
}

bool skew_allows(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew, Slot slot) {
  const std::int64_t holds = cluster.group(spec.spread.own).on_node(slot);
  return holds + 1 - skew.least() <= spec.spread.max_skew;
}

}  // namespace

bool has_node_skew(const ClassSpec& spec) {
  return spec.spread.max_skew > 0 && spec.spread.hard_over == Topology::node;
}

bool has_node_groups(const ClassSpec& spec) {
  const auto on_nodes = [](const auto& term) { return term.topology == Topology::node; };
  return !spec.ports.empty() || has_node_skew(spec) || std::ranges::any_of(spec.affinity, on_nodes) ||
         std::ranges::any_of(spec.anti_affinity, on_nodes);
}

void fixed_words(const ClassSpec& spec, const Cluster& cluster, std::span<std::uint64_t> words) {
  std::ranges::copy(cluster.open(), words.begin());
  for (const Condition& condition : spec.fixed) {
    const NodeSet& nodes = cluster.attribute(condition.attribute);
    if (condition.wanted) {
      nodes.keep_in(words);
    } else {
      nodes.remove_from(words);
    }
  }
}

bool fixed_allows(const ClassSpec& spec, const Cluster& cluster, Slot slot) {
  return (cluster.open()[block_of(slot)] & bit_of(slot)) != 0 &&
         std::ranges::all_of(spec.fixed, [&](const Condition& condition) {
           return cluster.attribute(condition.attribute).test(slot) == condition.wanted;
         });
}

void narrow_words(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew,
                  std::span<std::uint64_t> words, std::span<std::uint64_t> scratch) {
  for (const GroupId port : spec.ports) remove_group(cluster.group(port), words);
  for (const Affinity& affinity : spec.affinity) {
    const Group& group = cluster.group(affinity.group);
    if (affinity.topology == Topology::node && !waived(affinity, group)) keep_group(group, words, scratch);
  }
  for (const AntiAffinity& anti : spec.anti_affinity)
    if (anti.topology == Topology::node) remove_group(cluster.group(anti.group), words);
  if (has_node_skew(spec))
    for (std::uint32_t b = 0; b < words.size(); ++b)
      words[b] &= ~skewed_lanes(spec, cluster, skew, b, words[b]);
  for (const AttributeId failed : spec.failed) cluster.attribute(failed).remove_from(words);
}

bool node_allows(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew, Slot slot) {
  if (!fixed_allows(spec, cluster, slot)) return false;
  for (const GroupId port : spec.ports)
    if (cluster.group(port).any_on(slot)) return false;
  for (const Affinity& affinity : spec.affinity) {
    const Group& group = cluster.group(affinity.group);
    if (affinity.topology == Topology::node && !waived(affinity, group) && !group.any_on(slot)) return false;
  }
  for (const AntiAffinity& anti : spec.anti_affinity)
    if (anti.topology == Topology::node && cluster.group(anti.group).any_on(slot)) return false;
  if (has_node_skew(spec) && !skew_allows(spec, cluster, skew, slot)) return false;
  return std::ranges::none_of(spec.failed, [&](AttributeId id) { return cluster.attribute(id).test(slot); });
}

std::uint64_t skewed_lanes(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew,
                           std::uint32_t block, std::uint64_t lanes) {
  std::uint64_t skewed = 0;
  for (; lanes != 0; lanes &= lanes - 1) {
    const Slot slot = block * kLanes + static_cast<std::uint32_t>(std::countr_zero(lanes));
    if (!skew_allows(spec, cluster, skew, slot)) skewed |= bit_of(slot);
  }
  return skewed;
}

}  // namespace cloudless::scheduler::engine
