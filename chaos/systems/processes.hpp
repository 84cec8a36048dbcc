// The processes of a run over several systems: a coordinator with its control and its edge system, joined by
// the bridge alone, and agents, each with a system of its own on a machine that outlives it. Put together as
// services/ does; crashes take whole systems.
#pragma once

#include <functional>
#include <memory>

#include "actors/node_link/dial_port.hpp"
#include "actors/runtime/simulated/simulated_disk.hpp"
#include "actors/runtime/simulated/simulated_probes.hpp"
#include "actors/runtime/simulated/simulated_runtime.hpp"
#include "actors/store/memory_engine.hpp"
#include "chaos/simulator/acknowledged.hpp"
#include "chaos/simulator/truth.hpp"
#include "chaos/systems/universe.hpp"
#include "messages/domain/node.hpp"
#include "messages/workload_state.hpp"

namespace cloudless::sim {

class CoordinatorProcess {
 public:
  CoordinatorProcess(Universe& universe, Truth& truth, Acknowledged& acknowledged, std::uint64_t seed);
  ~CoordinatorProcess();

  void boot();
  void crash();
  bool up() const { return alive_ != nullptr; }
  /// A client's command; the answer is judged against what is durable.
  void submit(const WorkloadCommand& command);

  /// What agents connect to; null while it is down.
  const std::shared_ptr<Planet>& edge_process() const { return edge_; }
  door_actor new_door() const { return new_door_(); }

 private:
  void watch(Planet& process, const caf::actor& actor, std::string name);

  Universe& universe_;
  Truth& truth_;
  Acknowledged& acknowledged_;
  Dice disk_dice_;
  std::shared_ptr<store::MemoryContents> disk_ = std::make_shared<store::MemoryContents>();
  std::shared_ptr<bool> alive_;
  std::shared_ptr<Planet> control_;
  std::shared_ptr<Planet> edge_;
  std::function<door_actor()> new_door_;
  workload_state_actor workload_state_;
  caf::actor gateway_;
};

/// A machine with its agent's process.
class AgentProcess final : public node_link::DialPort {
 public:
  /// `registry`: all machines' images come from there.
  AgentProcess(Universe& universe, const CoordinatorProcess& coordinator, NodeDescription description,
               std::uint64_t seed, std::shared_ptr<runtime::SimulatedRegistry> registry);
  ~AgentProcess() override;

  const NodeId& id() const { return description_.id; }
  void start();
  void crash();
  bool up() const { return process_ != nullptr; }
  /// The cable is pulled, or put back: present connections are silent, new ones fail.
  void set_silent(bool silent);
  void cut();
  /// Present connections never carry anything again, and nobody is told; new ones work.
  void stall();
  const runtime::SimulatedRuntime& machine() const { return runtime_; }

  void dial(std::function<void(Result<door_actor>)> done) override;

 private:
  struct Ports;

  Universe& universe_;
  const CoordinatorProcess& coordinator_;
  NodeDescription description_;
  Dice dice_;
  runtime::SimulatedRuntime runtime_;
  runtime::SimulatedProbes probes_;
  runtime::SimulatedDisk disk_;
  std::shared_ptr<Planet> process_;
  std::vector<std::unique_ptr<Ports>> ports_;  // of every process so far: their callbacks may be under way
  bool silent_ = false;
};

}  // namespace cloudless::sim
