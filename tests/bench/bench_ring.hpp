// A coordinator's ring for measuring: everything that services/coordinator wires, with the real store on disk
// and the real gateway over gRPC, but with a silent fleet in place of agents and network; and a follower that
// notes when replicas got their nodes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "gateway/server.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/system_clock.hpp"
#include "tests/bench/silent_fleet.hpp"

namespace cloudless::bench {

using SteadyClock = std::chrono::steady_clock;

/// How many replicas of each workload have a node, and since when. Thread-safe.
class Placements {
 public:
  struct Seen {
    std::size_t assigned = 0;
    SteadyClock::time_point first, last;
  };

  void take(const CommitsPublished& batch);
  /// Waits until so many replicas of it have a node; ends the program after two minutes.
  Seen await(const WorkloadUid& uid, std::size_t replicas);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<WorkloadUid, Seen> seen_;
};

class BenchRing {
 public:
  /// The store is in this directory, which is there already.
  BenchRing(const std::string& directory, FleetOptions fleet);
  ~BenchRing();

  /// "host:port" of its API.
  std::string server() const;
  Placements& placements() { return placements_; }
  const FleetFigures& fleet() const { return figures_; }
  SnapshotPtr present() const { return mirror_->present(); }
  /// Waits until every node of the fleet is registered.
  void await_fleet(std::size_t nodes) const;

 private:
  struct System {
    explicit System(std::size_t threads);
    caf::actor_system_config config;
    std::unique_ptr<caf::actor_system> system;
  };
  template <class Handle>
  Handle keep(Handle handle) {
    ring_.push_back(caf::actor_cast<caf::actor>(handle));
    return handle;
  }

  telemetry::SystemClock clock_;
  telemetry::Metrics metrics_;
  gateway::MethodMetrics method_metrics_;
  Placements placements_;
  FleetFigures figures_;
  System control_, edge_;
  std::vector<caf::actor> ring_;
  std::shared_ptr<gateway::Mirror> mirror_;
  std::unique_ptr<gateway::Server> grpc_;
};

}  // namespace cloudless::bench
