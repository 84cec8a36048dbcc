#include "actors/node_membership/detector.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "actors/node_membership/node_change.hpp"

namespace cloudless::node_membership {
namespace {

std::string why(NodeState state, Millis silence) {
  if (state == NodeState::ready) return {};
  return "not heard for " + std::to_string(silence) + " ms";
}

void count_loss(Node& node, WallMillis wall) {
  constexpr WallMillis kDay = 86'400'000;
  constexpr WallMillis kBits = 31;
  const auto days = std::clamp<WallMillis>((wall - node.last_lost_at) / kDay, 0, kBits);
  node.recent_losses = (node.recent_losses >> days) + 1;
  node.last_lost_at = wall;
}

}  // namespace

void presume_all(Leases& leases, const Snapshot& head, Millis now) {
  head.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    if (node->state != NodeState::offline) leases.presume(id, node->incarnation, now);
  });
}

std::vector<Node> detect(owner::Plan& plan, const Leases& leases, Millis now, Revision stamp,
                         WallMillis wall) {
  std::vector<Node> changed;
  plan.now().nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    const auto verdict = leases.verdict(id, now);
    if (!verdict || *verdict == node->state) return;
    // Whoever is OFFLINE comes back by being heard, never by falling silent.
    if (node->state == NodeState::offline && *verdict == NodeState::suspect) return;
    Node after = *node;
    after.state = *verdict;
    after.reason = why(*verdict, leases.silence(id, now));
    if (*verdict == NodeState::offline) count_loss(after, wall);
    changed.push_back(stamped(node.get(), std::move(after), stamp));
  });
  for (const auto& node : changed) {
    plan.put(std::make_shared<const Node>(node));
    plan.seal();
  }
  return changed;
}

}  // namespace cloudless::node_membership
