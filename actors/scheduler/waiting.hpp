// What the scheduler remembers, from one look to the next, of what found no place.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "actors/scheduler/model.hpp"

namespace cloudless::scheduler {

struct Waiting {
  std::uint64_t looked_at = 0;         ///< the model's generation; 0: to be looked at again
  std::optional<Millis> look_again{};  ///< when the back-off of a node ends
  /// When somebody of lower priority may be looked for again; absent: there is nobody, or nothing has
  /// changed.
  std::optional<Millis> search_again{};
  std::optional<Millis> rests_until{};  ///< store time: nobody was found, and a search before it is too much
  std::string reason;                   ///< empty: not worked out yet
  std::uint64_t explained_at = 0;       ///< the model's generation
  Millis explained = 0;                 ///< store time
  std::uint64_t pass = 0;               ///< in which it last had a replica that waits
  std::uint32_t gang_there = 0;         ///< places filled when a gang was last seen incomplete; 0: it is not
  Millis gang_since = 0;                ///< since when there are so many, store time
  bool operator==(const Waiting&) const = default;
};

/// A node whose room a replica waits for, though nobody was evicted for it there.
struct KeptPlace {
  NodeId node;
  std::uint64_t pass = 0;  ///< in which it was last kept
};

struct WaitingList {
  std::map<VersionKey, Waiting> versions;
  std::map<ReplicaSlot, KeptPlace> places;
  /// All that did not wait in this pass.
  void forget_others(std::uint64_t pass) {
    std::erase_if(versions, [&](const auto& entry) { return entry.second.pass != pass; });
    std::erase_if(places, [&](const auto& entry) { return entry.second.pass != pass; });
  }
};

}  // namespace cloudless::scheduler
