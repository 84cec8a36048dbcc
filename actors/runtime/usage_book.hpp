// From one look at the containers to the next: totals become rates. Pure; used by usage_actor.
#pragma once

#include <map>
#include <vector>

#include "messages/domain/usage.hpp"

namespace cloudless::runtime {

class UsageBook {
 public:
  explicit UsageBook(NodeId node);

  /// A look at all containers that run, at a steady time. A counter that went back began anew: no rate then.
  void take(const std::vector<ContainerUsage>& seen, Millis steady, WallMillis wall);
  /// As of the last look.
  const NodeUsage& usage() const { return usage_; }

 private:
  std::map<ContainerId, UsageCounters> before_;
  Millis before_at_ = 0;
  NodeUsage usage_;
};

}  // namespace cloudless::runtime
