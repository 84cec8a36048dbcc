// One process of a simulated cluster: an actor system whose scheduler, clock and network are driven from
// outside, step by step.
#pragma once

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/test_multiplexer.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <memory>
#include <vector>

#include "messages/domain/time.hpp"

namespace cloudless::sim {

class Planet {
 public:
  Planet();
  ~Planet();
  Planet(const Planet&) = delete;
  Planet& operator=(const Planet&) = delete;

  caf::actor_system& system() { return *system_; }
  caf::io::network::test_multiplexer& network() { return *network_; }
  /// The actor that speaks BASP.
  caf::actor broker();

  /// Actors that could take a message now.
  std::size_t runnable() const { return scheduler_->jobs.size(); }
  /// The index-th of them takes one.
  void run(std::size_t index);
  /// A broker takes what came from actors; false if none had anything.
  bool run_broker() { return network_->try_exec_runnable(); }
  void pass(Millis time);

  /// Ends with the process.
  void own(caf::actor actor) { owned_.push_back(std::move(actor)); }
  /// The process is killed: its actors are gone, and nothing of it reaches anybody any more.
  void kill();

 private:
  struct Config;
  std::unique_ptr<Config> config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  caf::io::network::test_multiplexer* network_ = nullptr;
  std::vector<caf::actor> owned_;
};

}  // namespace cloudless::sim
