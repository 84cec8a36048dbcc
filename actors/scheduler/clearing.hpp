// One node, and what a replica that waits would find there once some of those on it have ended. Pure
// arithmetic beside the model, which stays as it is. Used by preempt. Always: everything on the node that is
// told to stop counts as gone; lifting more never makes less fit.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/demand.hpp"

namespace cloudless::scheduler {

class Clearing {
 public:
  /// Both must outlive it; view.node is not null.
  Clearing(const Demand& demand, const NodeView& view);

  /// Meets every filter that nobody's end on the node can change.
  bool is_possible() const;
  /// As if it had ended; a live one on the node. restore() undoes it.
  void lift(const Tenant& tenant) { change(tenant, 1); }
  void restore(const Tenant& tenant) { change(tenant, -1); }
  /// Meets the filters that is_possible() leaves out.
  bool fits() const;
  /// The node as it would be, as far as GPUs are picked and a score looks at it.
  const NodeView& view() const { return cleared_; }

 private:
  void change(const Tenant& tenant, std::int64_t sign);
  void change_room(const Tenant& tenant, std::int64_t sign);
  void change_company(const Tenant& tenant, std::int64_t sign);
  const Demand& demand_;
  const NodeView& view_;
  NodeView cleared_;
  std::int64_t ports_ = 0;          // holders of ports that it wants
  std::vector<std::int64_t> away_;  // company to avoid, by required_away, then by guards
};

}  // namespace cloudless::scheduler
