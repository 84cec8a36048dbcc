#include "actors/node_membership/node_command.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "actors/node_membership/node_change.hpp"

namespace cloudless::node_membership {
namespace {

constexpr std::size_t kMaxOperatorsChanges = 64;

void add_once(std::vector<std::string>& keys, const std::string& key) {
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
}

void set_labels(Node& node, const UpdateNode& action) {
  for (const auto& key : action.remove_labels) {
    node.set_labels.erase(key);
    if (node.description.labels.contains(key)) add_once(node.removed_labels, key);
  }
  for (const auto& [key, value] : action.set_labels) {
    node.set_labels[key] = value;
    std::erase(node.removed_labels, key);
  }
}

void set_taints(Node& node, const UpdateNode& action) {
  const auto drop = [&](const std::string& key) {
    std::erase_if(node.set_taints, [&](const Taint& t) { return t.key == key; });
  };
  for (const auto& key : action.remove_taints) {
    drop(key);
    const auto& own = node.description.taints;
    if (std::any_of(own.begin(), own.end(), [&](const Taint& t) { return t.key == key; }))
      add_once(node.removed_taints, key);
  }
  for (const auto& taint : action.set_taints) {
    drop(taint.key);
    std::erase(node.removed_taints, taint.key);
  }
  node.set_taints.insert(node.set_taints.end(), action.set_taints.begin(), action.set_taints.end());
}

std::vector<Violation> violations_of(const UpdateNode& action) {
  std::vector<Violation> out;
  std::set<std::string> labels(action.remove_labels.begin(), action.remove_labels.end());
  std::set<std::string> taints(action.remove_taints.begin(), action.remove_taints.end());
  for (const auto& [key, value] : action.set_labels) {
    if (key.empty()) out.push_back({"set_labels", "has an empty key"});
    if (labels.contains(key)) out.push_back({"remove_labels", "names " + key + ", which is also set"});
  }
  std::set<std::pair<std::string, TaintEffect>> seen;
  for (std::size_t i = 0; i < action.set_taints.size(); ++i) {
    const Taint& taint = action.set_taints[i];
    const std::string path = "set_taints[" + std::to_string(i) + "]";
    if (taint.key.empty()) out.push_back({path + ".key", "is empty"});
    if (taints.contains(taint.key))
      out.push_back({"remove_taints", "names " + taint.key + ", which is also set"});
    if (!seen.insert({taint.key, taint.effect}).second)
      out.push_back({path, "repeats a key with the same effect"});
  }
  return out;
}

Result<Node> update(Node node, const UpdateNode& action, Millis moment) {
  if (auto violations = violations_of(action); !violations.empty())
    return fail(Error{Errc::invalid_argument,
                      "the change of node " + action.node.value + " contradicts itself",
                      std::move(violations)});
  set_labels(node, action);
  set_taints(node, action);
  if (node.set_labels.size() > kMaxOperatorsChanges || node.set_taints.size() > kMaxOperatorsChanges)
    return fail(Errc::invalid_argument, "node " + action.node.value + " would have more than " +
                                            std::to_string(kMaxOperatorsChanges) +
                                            " labels or taints set; remove some first");
  merge_operators_changes(node, moment);
  return node;
}

}  // namespace

Result<Node> apply(const Snapshot& head, const NodeCommand& command, Revision stamp, Millis moment) {
  const auto [id, expected] =
      std::visit([](const auto& a) { return std::pair(a.node, a.expected_revision); }, command.action);
  const auto before = head.node(id);
  if (!before) return fail(Errc::not_found, "node " + id.value + " does not exist");
  if (expected != 0 && expected != before->revision)
    return fail(Errc::aborted, "node " + id.value + " is at revision " + std::to_string(before->revision) +
                                   ", not " + std::to_string(expected) +
                                   "; read it again and repeat the change");
  Result<Node> after = *before;
  if (const auto* action = std::get_if<UpdateNode>(&command.action)) {
    after = update(*before, *action, moment);
  } else if (const auto* cordon = std::get_if<CordonNode>(&command.action)) {
    after->cordoned = cordon->cordoned;
    if (!cordon->cordoned) after->draining = false;
  } else {
    after->draining = true;
  }
  if (!after || *after == *before) return after;
  return stamped(before.get(), std::move(*after), stamp);
}

}  // namespace cloudless::node_membership
