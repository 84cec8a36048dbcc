// Which images go when the disk fills. Pure; images.cpp asks it and carries it out.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "messages/domain/time.hpp"

namespace cloudless::runtime {

/// A name in the agent's namespace.
struct StoredImage {
  enum class Origin : std::uint8_t {
    foreign,     ///< somebody put it there by hand: it is theirs
    pulled,      ///< can be pulled again
    taken_over,  ///< can be taken over again while the source has it
  };
  std::string name;
  std::string digest;
  Origin origin = Origin::foreign;
  WallMillis last_used = 0;  ///< or, if it never was, when it came
};

/// An image with all its names.
struct ImageToRemove {
  std::string digest;
  std::vector<std::string> names;
  bool pulled = false;
};

struct GarbageRules {
  WallMillis now = 0;
  Millis min_age = 0;  ///< what was used since stays
  /// Digests that containers are made of, that replicas of this node will start from, or that are being
  /// prepared; and names that replicas will ask for before their digest is known.
  std::set<std::string> digests_in_use;
  std::set<std::string> names_in_use;
};

/// What may go, in the order in which it should: oldest use first. An image that has one name in use, or one
/// that somebody put there by hand, stays.
std::vector<ImageToRemove> removable_images(const std::vector<StoredImage>& images,
                                            const GarbageRules& rules);

}  // namespace cloudless::runtime
