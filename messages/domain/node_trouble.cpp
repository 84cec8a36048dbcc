#include "messages/domain/node_trouble.hpp"

#include <algorithm>

namespace cloudless {

std::string trouble_of(const Node& node) {
  const auto tainted = [&](const char* key) {
    return std::any_of(node.taints.begin(), node.taints.end(), [&](const Taint& t) { return t.key == key; });
  };
  if (tainted(kRuntimeAwayTaint))
    return "its container runtime does not answer; no replicas are placed here until it does";
  if (tainted(kDiskNotWritableTaint))
    return "its agent cannot write to its disk (full, or read-only?), so it says nothing new of its "
           "replicas; no replicas are placed here until it can";
  return {};
}

}  // namespace cloudless
