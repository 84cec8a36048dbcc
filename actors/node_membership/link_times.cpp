#include "actors/node_membership/link_times.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "actors/node_membership/node_change.hpp"

namespace cloudless::node_membership {

bool is_another_round_trip(std::uint32_t recorded_ms, std::uint32_t measured_ms) {
  constexpr std::uint32_t kLeast = 2;
  const auto most = std::max(recorded_ms, measured_ms), apart = most - std::min(recorded_ms, measured_ms);
  return apart >= kLeast && std::uint64_t{apart} * 4 >= most;
}

std::vector<Node> LinkTimes::changes(owner::Plan& plan, Millis now, Revision stamp) {
  std::vector<Node> changed;
  for (auto at = measured_.begin(); at != measured_.end();) {
    auto& [id, measured] = *at;
    const auto node = plan.now().node(id);
    if (!node || node->state == NodeState::offline) {
      at = measured_.erase(at);  // it will say it again
      continue;
    }
    ++at;
    if (node->state != NodeState::ready || !is_another_round_trip(node->link_rtt_ms, measured.rtt_ms)) {
      measured.another_since.reset();
      continue;
    }
    if (!measured.another_since) measured.another_since = now;
    if (now - *measured.another_since < kSteadyFor) continue;
    measured.another_since.reset();
    Node after = *node;
    after.link_rtt_ms = measured.rtt_ms;
    changed.push_back(stamped(node.get(), std::move(after), stamp));
  }
  for (const auto& node : changed) {
    plan.put(std::make_shared<const Node>(node));
    plan.seal();
  }
  return changed;
}

}  // namespace cloudless::node_membership
