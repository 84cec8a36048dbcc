#include "chaos/simulator/faults.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "chaos/simulator/amid.hpp"

namespace cloudless::sim {
namespace {

Machine& any_machine(World& world) {
  return *world.machines()[world.stage().dice().below(world.machines().size())];
}

/// Undoes something later, unless peace has come first (which undoes everything).
template <class Undo>
void for_a_while(World& world, Millis at_most, Undo undo) {
  world.stage().after(world.stage().dice().between(50, at_most), std::move(undo));
}

void coordinator_crash(World& world) {
  world.restart_coordinator(world.stage().dice().between(0, 3000));
}

void coordinator_crash_amid(World& world) {
  auto& dice = world.stage().dice();
  world.restart_coordinator_amid(kSteps[dice.below(kSteps.size())], dice.between(0, 3000));
}

void coordinator_away_for_long(World& world) {
  world.restart_coordinator(world.stage().dice().between(3000, 8000));
}

void agent_crash(World& world) {
  world.restart_agent(any_machine(world), world.stage().dice().between(0, 3000));
}

void agent_away_for_long(World& world) {
  world.restart_agent(any_machine(world), world.stage().dice().between(3000, 8000));
}

void partition(World& world) {
  auto& machine = any_machine(world);
  machine.wire().set_silent(true);
  for_a_while(world, 6000, [&machine] { machine.wire().set_silent(false); });
}

void link_cut(World& world) {
  any_machine(world).wire().cut();
}

void bad_link(World& world) {
  auto& machine = any_machine(world);
  machine.wire().set_faults({200'000, 200'000, 300'000, 400});
  for_a_while(world, 6000, [&machine] { machine.wire().set_faults({}); });
}

void all_links_bad(World& world) {
  for (auto& machine : world.machines()) machine->wire().set_faults({100'000, 100'000, 200'000, 200});
  for_a_while(world, 4000, [&world] {
    for (auto& machine : world.machines()) machine->wire().set_faults({});
  });
}

void disk_full(World& world) {
  world.coordinator().fill_disk(true);
  for_a_while(world, 3000, [&world] { world.coordinator().fill_disk(false); });
}

void power_failure(World& world) {
  world.coordinator().fail_power_after(world.stage().dice().below(12));
  for_a_while(world, 400, [&world] { world.restart_coordinator(world.stage().dice().between(0, 1000)); });
}

void disk_slow(World& world) {
  world.coordinator().set_slowest(800);
  for_a_while(world, 3000, [&world] { world.coordinator().set_slowest(kQuickDisk); });
}

void machine_reboot(World& world) {
  auto& machine = any_machine(world);
  const Millis down = world.stage().dice().between(200, 5000);
  world.restart_agent(machine, down);
  machine.runtime().reboot();
}

void runtime_away(World& world) {
  auto& machine = any_machine(world);
  machine.runtime().set_away(true);
  for_a_while(world, 4000, [&machine] { machine.runtime().set_away(false); });
}

void runtime_flaky(World& world) {
  auto& machine = any_machine(world);
  machine.runtime().set_failure_ppm(300'000);
  for_a_while(world, 4000, [&machine] { machine.runtime().set_failure_ppm(0); });
}

void container_ends(World& world) {
  auto& machine = any_machine(world);
  const auto containers = machine.runtime().containers();
  if (containers.empty()) return;
  machine.runtime().end(world.stage().dice().pick(containers).container, 137, "killed");
}

void container_lost(World& world) {
  auto& machine = any_machine(world);
  const auto containers = machine.runtime().containers();
  if (containers.empty()) return;
  machine.runtime().lose(world.stage().dice().pick(containers).container);
}

/// A machine is cut off; a container that was ready ends there, the next attempt starts, and its agent dies
/// before the probes have answered: what is heard first of that attempt comes from an agent that took it
/// over.
void unheard_attempt(World& world) {
  std::vector<std::pair<Machine*, ContainerId>> ready;
  for (const auto& machine : world.machines())
    for (const auto& seen : machine->runtime().containers())
      if (machine->up() && seen.running && machine->probes().was_ready(seen.container))
        ready.emplace_back(machine.get(), seen.container);
  if (ready.empty()) return;
  auto& dice = world.stage().dice();
  const auto& [machine, container] = dice.pick(ready);
  machine->wire().set_silent(true);
  machine->runtime().end(container, 137, "killed");
  world.stage().coverage().count("an attempt that nobody hears of begins");
  world.stage().after(dice.between(150, 500), [&world, machine = machine, down = dice.between(0, 100)] {
    world.restart_agent(*machine, down);
    machine->wire().set_silent(false);
  });
}

void agent_disk_full(World& world) {
  auto& machine = any_machine(world);
  machine.disk().set_full(true);
  for_a_while(world, 4000, [&machine] { machine.disk().set_full(false); });
}

void agent_file_lost(World& world) {
  auto& machine = any_machine(world);
  world.restart_agent(machine, world.stage().dice().between(0, 2000));
  machine.disk().set_file(world.stage().dice().once_in(2) ? std::nullopt
                                                          : std::optional<std::string>("torn"));
}

/// Or grows again.
void machine_shrinks(World& world) {
  auto& machine = any_machine(world);
  machine.set_processors(world.stage().dice().once_in(2) ? 400 : 800);
  world.restart_agent(machine, world.stage().dice().between(0, 1000));
}

void wall_clock_jump(World& world) {
  world.stage().jump_wall(world.stage().dice().between(-3'600'000, 3'600'000));
}

void late_follower(World& world) {
  world.coordinator().add_follower();
}

struct Fault {
  const char* name;
  void (*make)(World&);
  unsigned weight;
};
constexpr std::array<Fault, 22> kFaults{{{"coordinator crash", coordinator_crash, 6},
                                         {"coordinator crash amid", coordinator_crash_amid, 6},
                                         {"coordinator away for long", coordinator_away_for_long, 1},
                                         {"agent crash", agent_crash, 5},
                                         {"agent away for long", agent_away_for_long, 3},
                                         {"partition", partition, 5},
                                         {"link cut", link_cut, 2},
                                         {"bad link", bad_link, 3},
                                         {"all links bad", all_links_bad, 3},
                                         {"disk full", disk_full, 2},
                                         {"power failure", power_failure, 3},
                                         {"disk slow", disk_slow, 3},
                                         {"machine reboot", machine_reboot, 2},
                                         {"runtime away", runtime_away, 2},
                                         {"runtime flaky", runtime_flaky, 2},
                                         {"container ends", container_ends, 3},
                                         {"container lost", container_lost, 1},
                                         {"unheard attempt", unheard_attempt, 4},
                                         {"agent disk full", agent_disk_full, 1},
                                         {"agent file lost", agent_file_lost, 1},
                                         {"machine shrinks", machine_shrinks, 3},
                                         {"wall clock jump", wall_clock_jump, 1}}};

}  // namespace

void make_fault(World& world) {
  unsigned sum = 0;
  for (const auto& fault : kFaults) sum += fault.weight;
  auto draw = world.stage().dice().below(sum);
  for (const auto& fault : kFaults) {
    if (draw >= fault.weight) {
      draw -= fault.weight;
      continue;
    }
    world.stage().coverage().count(std::string("fault: ") + fault.name);
    world.stage().note(std::string("fault: ") + fault.name);
    fault.make(world);
    break;
  }
  if (world.stage().dice().once_in(4)) late_follower(world);
}

void make_loss(World& world) {
  auto& dice = world.stage().dice();
  auto& machine = any_machine(world);
  world.stage().coverage().count("fault: silence");
  world.stage().note("fault: silence of " + machine.id().value);
  world.coordinator().set_slowest(150);
  machine.wire().set_silent(true);
  world.stage().after(dice.between(1500, 3500), [&machine] { machine.wire().set_silent(false); });
}

}  // namespace cloudless::sim
