// Those who send requests to replicas: each follows one workload, takes over what it sees when it is ready
// to, some late and some never, and says so. They stay while coordinators come and go. What each of them
// believes is what rule 9 of docs/ARCHITECTURE.md is judged by.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chaos/simulator/breach.hpp"
#include "chaos/simulator/coordinator.hpp"
#include "chaos/simulator/dice.hpp"
#include "chaos/simulator/stage.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

/// One balancer, as it is over all its connections.
struct Balancer {
  std::string workload;
  SnapshotPtr seen;          ///< what it sends requests by; null: it is not there
  bool knows_owner = false;  ///< the owner has heard of it, and did not have the time to forget it since
  Millis known_since = 0;
  Millis known_until = 0;
  Millis patience = 0;  ///< it takes over what it sees after at most so long
  bool stuck = false;   ///< it takes over nothing any more
};

class Balancers {
 public:
  Balancers(Stage& stage, std::uint64_t seed, std::size_t count);

  /// A coordinator has booted: everybody connects to it.
  void connect(Coordinator& coordinator);
  /// Nobody is late any more.
  void make_peace();
  /// What a commit stops must have been withdrawn before, and everybody must know it or have had the time.
  Breaches check(const Snapshot& before, const Commit& commit);

 private:
  bool may_ask(const Balancer& balancer, const Snapshot& view, const Replica& replica) const;

  Stage& stage_;
  Dice dice_;
  std::uint64_t connections_ = 0;
  std::vector<std::shared_ptr<Balancer>> all_;
  std::map<ReplicaId, Millis> withdrawn_;  // when that was committed
};

}  // namespace cloudless::sim
