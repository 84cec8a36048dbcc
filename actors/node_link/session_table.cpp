#include "actors/node_link/session_table.hpp"

#include <utility>

namespace cloudless::node_link {

SessionTable::Opening SessionTable::open(const SessionId& id, const NodeId& node, std::uint64_t sink) {
  if (entries_.contains(id)) return Opening::repeated;
  auto& count = per_node_[node];
  if (count >= kMaxSessionsPerNode) return Opening::too_many;
  ++count;
  entries_.emplace(id, Entry{node, sink});
  return Opening::opened;
}

const SessionTable::Entry* SessionTable::find(const SessionId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second;
}

void SessionTable::close(const SessionId& id) {
  if (const auto it = entries_.find(id); it != entries_.end()) forget(it);
}

std::vector<std::pair<SessionId, SessionTable::Entry>> SessionTable::close_node(const NodeId& node) {
  return take([&](const SessionId&, const Entry& entry) { return entry.node == node; });
}

std::vector<std::pair<SessionId, SessionTable::Entry>> SessionTable::close_sink(std::uint64_t sink) {
  return take([&](const SessionId&, const Entry& entry) { return entry.sink == sink; });
}

std::map<SessionId, SessionTable::Entry>::iterator SessionTable::forget(
    std::map<SessionId, Entry>::iterator it) {
  const auto count = per_node_.find(it->second.node);
  if (--count->second == 0) per_node_.erase(count);
  return entries_.erase(it);
}

template <class Matches>
std::vector<std::pair<SessionId, SessionTable::Entry>> SessionTable::take(Matches&& matches) {
  std::vector<std::pair<SessionId, Entry>> taken;
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (!matches(it->first, it->second)) {
      ++it;
      continue;
    }
    taken.emplace_back(*it);
    it = forget(it);
  }
  return taken;
}

}  // namespace cloudless::node_link
