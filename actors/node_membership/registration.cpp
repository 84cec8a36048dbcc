#include "actors/node_membership/registration.hpp"

#include <algorithm>

#include "actors/node_membership/node_change.hpp"

namespace cloudless::node_membership {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool has_negative(const Resources& r) {
  return !Resources{}.fits(r);
}

std::vector<Violation> violations_of(const NodeDescription& d) {
  std::vector<Violation> out;
  const auto require = [&](bool holds, const char* path, const char* reason) {
    if (!holds) out.push_back({path, reason});
  };
  require(is_node_name(d.id.value), "node.name",
          "is not a DNS subdomain of 1-63 characters (a-z, 0-9, '-', '.')");
  require(!d.machine_uid.empty(), "machine_uid", "is empty");
  require(!has_negative(d.capacity), "capacity", "has a negative amount");
  require(!has_negative(d.allocatable), "allocatable", "has a negative amount");
  require(d.allocatable.fits(d.capacity), "allocatable", "is more than the capacity");
  return out;
}

Result<void> may_join(const Snapshot& head, const Hello& hello, const Node* known) {
  const NodeDescription& d = hello.description;
  if (auto violations = violations_of(d); !violations.empty())
    return fail(Error{Errc::invalid_argument, "the agent of node " + d.id.value + " describes itself wrongly",
                      std::move(violations)});
  if (!hello.pinned_cluster.empty() && hello.pinned_cluster != head.cluster_id())
    return fail(Errc::failed_precondition,
                "node " + d.id.value + " belongs to cluster " + hello.pinned_cluster +
                    ", and this is cluster " + head.cluster_id() +
                    "; if it is to change over, start its agent once with --accept-cluster");
  if (known != nullptr && known->description.machine_uid != d.machine_uid &&
      known->state != NodeState::offline)
    return fail(Errc::already_exists,
                "the node name " + d.id.value + " belongs to another machine (" +
                    known->description.machine_uid + ") that is " + to_string(known->state) +
                    "; give this agent another node name, or stop the other and wait until it is OFFLINE");
  return {};
}

std::uint64_t next_ordinal(const Snapshot& head) {
  std::uint64_t highest = 0;
  head.nodes().for_each([&](const NodeId&, const std::shared_ptr<const Node>& node) {
    highest = std::max(highest, node->ordinal);
  });
  return highest + 1;
}

}  // namespace

bool is_node_name(const std::string& name) {
  if (name.empty() || name.size() > 63 || !is_alphanumeric(name.front()) || !is_alphanumeric(name.back()))
    return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_alphanumeric(c) && c != '-' && c != '.') return false;
    // Each label begins and ends with a letter or a digit.
    if (c == '.' && (!is_alphanumeric(name[i - 1]) || !is_alphanumeric(name[i + 1]))) return false;
  }
  return true;
}

Result<Registration> judge_hello(const Snapshot& head, const Hello& hello, Revision stamp, Now now) {
  const auto known = head.node(hello.description.id);
  if (auto allowed = may_join(head, hello, known.get()); !allowed) return fail(allowed.error());
  Node node = known ? *known : Node{};
  if (!known) node.registered_at = now.wall;
  if (node.ordinal == 0) node.ordinal = next_ordinal(head);
  node.description = hello.description;
  merge_operators_changes(node, now.moment);
  if (!known || known->boot_id != hello.boot_id ||
      known->description.machine_uid != hello.description.machine_uid) {
    ++node.incarnation;
    node.boot_id = hello.boot_id;
  }
  node.state = NodeState::ready;
  node.reason.clear();
  if (known && node == *known) return Registration{std::move(node), false};
  return Registration{stamped(known.get(), std::move(node), stamp), true};
}

}  // namespace cloudless::node_membership
