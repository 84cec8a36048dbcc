#include "actors/node_link/set_delivery.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::node_link {

AssignmentSet SetDelivery::welcomed(HeldSet set, Millis now) {
  current_ = std::move(set);
  shown_ = 0;
  awaited_ = true;
  waits_since_ = now;
  patience_ = kFirstPatience;
  return whole(current_);
}

std::optional<AssignmentSet> SetDelivery::changed(HeldSet set, Millis now) {
  if (set.assignments == current_.assignments) return std::nullopt;
  auto changes = difference(current_, set);
  current_ = std::move(set);
  if (!std::exchange(awaited_, true)) {
    waits_since_ = now;
    patience_ = kFirstPatience;
  }
  return changes;
}

std::optional<AssignmentSet> SetDelivery::leased(Revision on_disk, Millis now) {
  awaited_ = on_disk != current_.revision;
  if (!awaited_ || on_disk > shown_) {
    shown_ = on_disk;
    waits_since_ = now;
    patience_ = kFirstPatience;
    return std::nullopt;
  }
  if (now - waits_since_ < patience_) return std::nullopt;
  waits_since_ = now;
  patience_ = std::min(patience_ * 2, kLongestPatience);
  return whole(current_);
}

}  // namespace cloudless::node_link
