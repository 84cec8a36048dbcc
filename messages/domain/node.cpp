#include "messages/domain/node.hpp"

#include <algorithm>

namespace cloudless {

const char* to_string(NodeState state) {
  switch (state) {
    case NodeState::ready:
      return "READY";
    case NodeState::suspect:
      return "SUSPECT";
    case NodeState::offline:
      return "OFFLINE";
  }
  return "UNKNOWN";
}

Resources NodeDescription::reservable() const {
  Resources out = allocatable;
  out.cpu_millicores = out.cpu_millicores * cpu_overcommit_percent / 100;
  out.memory_bytes = out.memory_bytes / 100 * memory_overcommit_percent +
                     out.memory_bytes % 100 * memory_overcommit_percent / 100;
  return out;
}

std::optional<Millis> has_to_leave_at(const Node& node, const std::vector<Toleration>& tolerations) {
  std::optional<Millis> first;
  for (const auto& taint : node.taints) {
    if (taint.effect != TaintEffect::no_execute) continue;
    const auto since = node.no_execute_since.find(taint.key);
    const Millis began = since != node.no_execute_since.end() ? since->second : 0;
    // Of several tolerations the one that lasts longest counts.
    std::optional<Millis> leave = began;
    for (const auto& toleration : tolerations) {
      if (!tolerates({toleration}, taint)) continue;
      if (!toleration.seconds) {
        leave.reset();
        break;
      }
      leave = std::max(*leave, began + static_cast<Millis>(*toleration.seconds) * 1000);
    }
    if (leave && (!first || *leave < *first)) first = leave;
  }
  return first;
}

}  // namespace cloudless
