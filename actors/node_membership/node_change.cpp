#include "actors/node_membership/node_change.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace cloudless::node_membership {
namespace {

bool has_key(const std::vector<Taint>& taints, const std::string& key) {
  return std::any_of(taints.begin(), taints.end(), [&](const Taint& t) { return t.key == key; });
}

bool contains(const std::vector<std::string>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Since when: as long as a key has the taint, whatever its value.
void stamp_no_execute(Node& node, Millis moment) {
  std::map<std::string, Millis> since;
  for (const auto& taint : node.taints) {
    if (taint.effect != TaintEffect::no_execute) continue;
    const auto known = node.no_execute_since.find(taint.key);
    since[taint.key] = known != node.no_execute_since.end() ? known->second : moment;
  }
  node.no_execute_since = std::move(since);
}

}  // namespace

void merge_operators_changes(Node& node, Millis moment) {
  node.labels = node.description.labels;
  for (const auto& key : node.removed_labels) node.labels.erase(key);
  for (const auto& [key, value] : node.set_labels) node.labels[key] = value;

  node.taints.clear();
  for (const auto& taint : node.description.taints)
    if (!contains(node.removed_taints, taint.key) && !has_key(node.set_taints, taint.key))
      node.taints.push_back(taint);
  node.taints.insert(node.taints.end(), node.set_taints.begin(), node.set_taints.end());
  stamp_no_execute(node, moment);
}

bool schedulable_differs(const Node& before, const Node& after) {
  const NodeDescription& a = before.description;
  const NodeDescription& b = after.description;
  return a.capacity != b.capacity || a.allocatable != b.allocatable || a.region != b.region ||
         a.zone != b.zone || a.cost_milli != b.cost_milli || before.labels != after.labels ||
         a.runtime_classes != b.runtime_classes || a.policy != b.policy || a.architecture != b.architecture ||
         a.cpu_overcommit_percent != b.cpu_overcommit_percent ||
         a.memory_overcommit_percent != b.memory_overcommit_percent || before.taints != after.taints ||
         before.cordoned != after.cordoned || before.draining != after.draining ||
         before.state != after.state;
}

Node stamped(const Node* before, Node after, Revision stamp) {
  after.revision = stamp;
  if (before == nullptr || schedulable_differs(*before, after)) after.schedulable_revision = stamp;
  return after;
}

}  // namespace cloudless::node_membership
