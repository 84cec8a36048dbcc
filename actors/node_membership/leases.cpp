#include "actors/node_membership/leases.hpp"

#include <algorithm>

namespace cloudless::node_membership {

void Leases::presume(const NodeId& node, std::uint64_t incarnation, Millis now) {
  entries_[node] = {incarnation, now, lateness_, true};
}

void Leases::grant(const NodeId& node, std::uint64_t incarnation, Millis now) {
  entries_[node] = {incarnation, now, lateness_, false};
}

bool Leases::renew(const NodeId& node, std::uint64_t incarnation, Millis now) {
  const auto found = entries_.find(node);
  if (found == entries_.end() || found->second.incarnation != incarnation) return false;
  found->second = {incarnation, now, lateness_, false};
  return true;
}

void Leases::advance(Millis now) {
  if (last_advance_) lateness_ += std::max<Millis>(0, now - *last_advance_ - period_);
  last_advance_ = now;
}

Millis Leases::silence(const NodeId& node, Millis now) const {
  const auto found = entries_.find(node);
  if (found == entries_.end()) return 0;
  const Entry& lease = found->second;
  return std::max<Millis>(0, now - lease.heard - (lateness_ - lease.lateness_then));
}

std::optional<NodeState> Leases::verdict(const NodeId& node, Millis now) const {
  const auto found = entries_.find(node);
  if (found == entries_.end()) return std::nullopt;
  const Millis silent = silence(node, now);
  if (silent >= duration_) return NodeState::offline;
  if (silent >= duration_ / 2) return NodeState::suspect;
  if (found->second.presumed) return std::nullopt;
  return NodeState::ready;
}

}  // namespace cloudless::node_membership
