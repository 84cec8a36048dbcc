#include "actors/workload_state/image_pin.hpp"

#include <memory>
#include <utility>

namespace cloudless::workload_state {

void pin_image(owner::Plan& plan, const Replica& replica, const ReplicaReport& report) {
  if (report.image_digest.empty()) return;
  const auto known = plan.now().version(replica.workload, replica.version);
  if (!known || !known->image_digest.empty()) return;
  Version pinned = *known;
  pinned.image_digest = report.image_digest;
  plan.put(std::make_shared<const Version>(std::move(pinned)));
}

}  // namespace cloudless::workload_state
