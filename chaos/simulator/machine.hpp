// A machine with an agent: the simulated runtime and disk, which outlive the agent's crashes, the cable to
// the coordinator, and the agent's actors, put together as services/agent does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/node_link/simulated_wire.hpp"
#include "actors/runtime/simulated/post.hpp"
#include "actors/runtime/simulated/simulated_disk.hpp"
#include "actors/runtime/simulated/simulated_probes.hpp"
#include "actors/runtime/simulated/simulated_runtime.hpp"
#include "chaos/simulator/stage.hpp"
#include "messages/domain/node.hpp"

namespace cloudless::sim {

class Machine {
 public:
  /// `registry`: all machines' images come from there.
  Machine(Stage& stage, NodeDescription description, std::uint64_t seed,
          std::shared_ptr<runtime::SimulatedRegistry> registry);
  ~Machine();

  const NodeId& id() const { return description_.id; }
  bool up() const { return process_ != nullptr; }
  /// The agent's process starts.
  void start();
  /// What its agent says of it when it starts next.
  void set_processors(std::int64_t millicores) { description_.allocatable.cpu_millicores = millicores; }
  /// The agent's process ends without a word; containers live on.
  void crash();

  node_link::SimulatedWire& wire() { return wire_; }
  runtime::SimulatedRuntime& runtime() { return runtime_; }
  runtime::SimulatedDisk& disk() { return disk_; }
  const runtime::SimulatedProbes& probes() const { return probes_; }

 private:
  struct Process;

  Stage& stage_;
  NodeDescription description_;
  Dice dice_;
  runtime::SystemPost post_;
  runtime::SimulatedRuntime runtime_;
  runtime::SimulatedProbes probes_;
  runtime::SimulatedDisk disk_;
  node_link::SimulatedWire wire_;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Process>> ended_;  // their actors may hold on to them until the run is over
};

}  // namespace cloudless::sim
