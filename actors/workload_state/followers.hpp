// Who sends requests to a workload's replicas, and how far each of them has followed: balancers and proxies,
// through gateways. Nothing is stored: whoever is there says so every second. Pure; workload_state_actor
// feeds it, and stops what serves only after everybody knows (ARCHITECTURE.md, rule 9).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "messages/domain/endpoint.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

class Followers {
 public:
  /// Beyond this many, new ones are not waited for.
  static constexpr std::size_t kMost = 10'000;
  /// How long after a start followers may not have been heard of yet.
  static constexpr Millis kUnheard = 5000;

  /// The owner has just started, at this steady time: each workload of `loaded` may have followers from
  /// before, until they had time to say so.
  void presume(const Snapshot& loaded, Millis steady);

  /// What a follower said. One whose lease is 0 has left; what cannot be is left out.
  void take(const EndpointFollowing& following, Millis steady);

  /// Somebody follows it, or may.
  bool any(const std::string& ns, const std::string& workload, Millis steady) const;
  /// Everybody who follows it has seen this revision; false while unheard followers are possible.
  bool all_have_seen(const std::string& ns, const std::string& workload, Revision revision,
                     Millis steady) const;

  /// Forgets those whose lease has ended.
  void expire(Millis steady);
  /// When a lease, or the time of unheard ones, ends next; absent: never.
  std::optional<Millis> next_end(Millis steady) const;

 private:
  struct Follower {
    Revision seen = 0;
    Millis until = 0;
  };
  /// Workload, then follower.
  using Name = std::pair<QualifiedName, std::string>;

  bool presumed(const QualifiedName& name, Millis steady) const {
    return steady < presumed_until_ && presumed_.contains(name);
  }

  std::map<Name, Follower> followers_;
  std::set<QualifiedName> presumed_;
  Millis presumed_until_ = 0;
};

}  // namespace cloudless::workload_state
