#include "actors/runtime/image_pinning.hpp"

namespace cloudless::runtime {

ImageMove next_image_move(const Assignment& assignment, const std::optional<std::string>& found) {
  const ImagePin& pin = assignment.image;
  if (!pin.digest.empty()) return found == pin.digest ? ImageMove::start : ImageMove::fetch;
  // A coordinator that names no resolver does not pin.
  if (pin.resolver.empty()) return found ? ImageMove::start : ImageMove::resolve;
  if (found) return ImageMove::wait;
  return pin.resolver == assignment.replica ? ImageMove::resolve : ImageMove::wait;
}

std::string waiting_reason(const Assignment& assignment, const std::optional<std::string>& found) {
  const std::string& image = assignment.pod.image;
  if (found) return "waiting for the control plane to note that image " + image + " is " + *found;
  return "waiting for " + assignment.image.resolver.value + " to resolve image " + image;
}

}  // namespace cloudless::runtime
