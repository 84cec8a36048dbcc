// What a replica in PREPARING does next about its image: all replicas of a version run the same bytes, and
// nothing runs before the control plane has committed which. Pure; lifecycle asks it at every turn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "messages/domain/assignment.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

enum class ImageMove : std::uint8_t {
  fetch,    ///< the pinned digest
  resolve,  ///< find out what the tag stands for
  wait,     ///< until the digest is known
  start,    ///< the image is here
};

/// A replica that waits for so long resolves the tag itself: its turn may never come, for instance when the
/// resolver's node cannot report. That is safe: the first answer that is committed counts.
constexpr Millis kResolverPatience = 30000;

/// `found`: digest of the image that was prepared in this attempt; absent: none yet.
ImageMove next_image_move(const Assignment& assignment, const std::optional<std::string>& found);

/// Why it waits, in words.
std::string waiting_reason(const Assignment& assignment, const std::optional<std::string>& found);

}  // namespace cloudless::runtime
