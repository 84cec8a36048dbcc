// The rules that a node must meet to get a replica, one by one and in their order, each with words for
// people. Pure. What each means exactly: docs/SCHEDULING.md. A node is rejected by the first that it does not
// meet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/scheduler/demand.hpp"

namespace cloudless::scheduler {

/// In the order in which they are asked.
enum class Filter : std::uint8_t {
  state,
  region,
  zone,
  node_selector,
  node_affinity,
  taint,
  architecture,
  runtime_class,
  policy,  ///< host paths, the host's network, privileged: what the agent allows
  host_port,
  cpu,
  memory,
  storage,
  bandwidth,
  gpu,
  workload_affinity,
  workload_anti_affinity,
  spread,
  failed_here,
};
inline constexpr std::size_t kFilters = 19;
/// The last one that asks only what a node is, not what is on it.
inline constexpr Filter kLastStatic = Filter::policy;
/// "node_selector".
const char* to_string(Filter filter);
/// Of several nodes: "are cordoned, draining or not ready", "lack cpu".
std::string in_words(Filter filter, bool several);

/// The node meets it; view.node is not null, here and below.
bool check(Filter filter, const Demand& demand, const NodeView& view);
/// What the node lacks, or is: "lacks 120 millicores", "is cordoned"; only of a filter that it does not meet.
std::string explain(Filter filter, const Demand& demand, const NodeView& view);

/// The first that rejects the node; absent: it fits.
std::optional<Filter> rejection(const Demand& demand, const NodeView& view);
/// Meets every filter up to kLastStatic: its domain counts for spreading.
bool statically_eligible(const Demand& demand, const NodeView& view);

/// For good: who tolerates a taint for some seconds may stay on a node that gets it, and not come to it.
bool lets_in(const std::vector<Toleration>& tolerations, const Taint& taint);
/// A taint that keeps the replica away; null: none does.
const Taint* closing_taint(const Demand& demand, const Node& node);
/// The free thousandths per GPU suffice, whole ones or on one.
bool gpus_fit(const Demand& demand, const NodeView& view);

}  // namespace cloudless::scheduler
