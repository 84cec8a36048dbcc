#include "chaos/simulator/machine.hpp"

#include <utility>

#include "actors/node_link/agent_link_actor.hpp"
#include "actors/runtime/runtime_supervisor_actor.hpp"
#include "chaos/simulator/gated_ports.hpp"

namespace cloudless::sim {
namespace {

constexpr Millis kSweep = 3000;

}  // namespace

struct Machine::Process {
  Process(Machine& machine)
      : runtime(machine.runtime_, alive),
        disk(machine.disk_, alive),
        probes(machine.probes_, alive),
        dial(machine.wire_, alive) {}

  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  GatedRuntime runtime;
  GatedDisk disk;
  GatedProbes probes;
  GatedDial dial;
  NoLogs logs;
  std::vector<caf::actor> actors;
};

Machine::Machine(Stage& stage, NodeDescription description, std::uint64_t seed,
                 std::shared_ptr<runtime::SimulatedRegistry> registry)
    : stage_(stage),
      description_(std::move(description)),
      dice_(seed),
      post_(stage.system()),
      runtime_({seed + 1, 1, 20, 0, "10.88.0", std::move(registry)}, post_.post(), stage),
      probes_(runtime_, post_.post()),
      disk_(seed + 2, post_.post()),
      wire_(stage.system(), seed + 3) {}

Machine::~Machine() {
  crash();
}

void Machine::start() {
  if (process_) return;
  process_ = std::make_unique<Process>(*this);
  auto supervisor = runtime::spawn_supervisor(
      stage_.system(), {process_->runtime, process_->disk, process_->logs, stage_, process_->probes},
      {description_.id, false, kSweep});
  auto link = node_link::spawn_agent_link(stage_.system(), supervisor, process_->dial,
                                          {description_, dice_.raw(), dice_.raw()}, stage_);
  process_->actors = {caf::actor_cast<caf::actor>(link), caf::actor_cast<caf::actor>(supervisor)};
  for (const auto& actor : process_->actors)
    actor->attach_functor([this, alive = process_->alive](const caf::error& reason) {
      if (*alive)
        stage_.broken({"no actor of an agent ends by itself", id().value + ": " + caf::to_string(reason)});
    });
}

void Machine::crash() {
  if (!process_) return;
  *process_->alive = false;
  disk_.crash();
  wire_.cut();
  for (const auto& actor : process_->actors) caf::anon_send_exit(actor, caf::exit_reason::kill);
  process_->actors.clear();
  ended_.push_back(std::move(process_));
}

}  // namespace cloudless::sim
