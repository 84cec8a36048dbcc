#include "chaos/simulator/run.hpp"

#include <string>

#include "chaos/simulator/faults.hpp"
#include "chaos/simulator/world.hpp"

namespace cloudless::sim {
namespace {

constexpr std::uint64_t kFaultsPerRun = 10;
constexpr std::uint64_t kLossesPerRun = 20;
constexpr std::uint64_t kStepsPerCommand = 70;
/// There are fewer of them, so that rollouts get on between the losses.
constexpr std::uint64_t kStepsPerCommandAmidLosses = 150;
/// Longer than every back-off, lease and grace period of a run together.
constexpr Millis kSettleWithin = 60'000;
constexpr std::uint64_t kSettleSteps = 200'000;
/// Without a commit for so long it rests: longer than the sweep in which deciders propose again what was
/// refused.
constexpr Millis kRest = 6'000;
constexpr Millis kTurns = 15'000;      ///< of starting and stopping in turns several fit into it
constexpr Millis kNewsArrive = 1'000;  ///< from the disk to every follower

bool step(World& world) {
  world.stage().step();
  world.after_step();
  return !world.stage().breach();
}

/// Faults and commands, then nothing more of either.
void trouble(World& world, const RunOptions& options) {
  auto& stage = world.stage();
  const std::uint64_t steps = options.steps;
  const bool losses = options.scenario == Scenario::loss;
  const std::uint64_t most = losses ? kLossesPerRun : kFaultsPerRun;
  const std::uint64_t per_command = losses ? kStepsPerCommandAmidLosses : kStepsPerCommand;
  const std::uint64_t pause = steps / (most + 2);
  std::uint64_t faults = 0, next_fault = pause, next_command = 0;
  while (stage.steps() < steps && step(world)) {
    if (stage.steps() >= next_command) {
      world.command();
      next_command = stage.steps() + 1 + stage.dice().below(2 * per_command);
    }
    if (stage.steps() >= next_fault && faults < most) {
      losses ? make_loss(world) : make_fault(world);
      ++faults;
      next_fault += pause;
    }
  }
}

void watch(World& world, Millis long_enough) {
  auto& stage = world.stage();
  for (const Millis until = stage.steady() + long_enough; stage.steady() < until;)
    if (!step(world)) return;
}

void settle(World& world) {
  auto& stage = world.stage();
  const Millis deadline = stage.steady() + kSettleWithin;
  const std::uint64_t last_step = stage.steps() + kSettleSteps;
  std::optional<std::string> why = "nothing was looked at";
  // Half of the time room is made for everything.
  const bool open_nodes = stage.dice().once_in(2);
  for (Millis look = 0; why;) {
    if (!step(world)) return;
    if (stage.steady() < look) continue;
    look = stage.steady() + 100;
    if (open_nodes) world.open_a_node();
    why = unsettled(world.truth().view(), world.running(), world.gone());
    if (why && (stage.steady() > deadline || stage.steps() > last_step))
      return stage.broken({"when faults stop, the cluster converges", *why});
  }
  stage.note("settled");
  if (world.acknowledged() == 0) stage.broken({"customers are served", "not one write was acknowledged"});
  // Without rest there is no end to what is reported; but nothing is started and stopped in turns.
  if (!comes_to_rest(world.truth().view())) return watch(world, kTurns);
  // Late news (a ready condition, history to be forgotten, a command that was under way) first; then nothing
  // moves any more.
  const Millis rests_by = stage.steady() + kSettleWithin;
  for (std::uint64_t seen = 0; seen != world.moves();) {
    if (stage.steady() > rests_by)
      return stage.broken({"a cluster that has converged comes to rest",
                           std::to_string(world.moves() - seen) + " commits while nothing happened"});
    seen = world.moves();
    for (const Millis until = stage.steady() + kRest; stage.steady() < until;)
      if (!step(world)) return;
  }
  // How fast links are is measured for ever: what was just committed has to get there.
  auto differs = world.coordinator().scheduler_differs_from(world.truth().view());
  for (const Millis until = stage.steady() + kNewsArrive; differs && stage.steady() < until;) {
    if (!step(world)) return;
    differs = world.coordinator().scheduler_differs_from(world.truth().view());
  }
  if (differs) stage.broken({"when nothing moves, scheduler and owner count the same", *differs});
  if (const auto moved = unsettled(world.truth().view(), world.running(), world.gone()))
    stage.broken({"a cluster that has converged comes to rest", *moved});
}

}  // namespace

RunResult run(const RunOptions& options) {
  World world(options.seed, options.print_trace, options.scenario);
  auto& stage = world.stage();
  trouble(world, options);
  if (!stage.breach()) {
    world.heal();
    settle(world);
  }
  return {stage.hash(),   stage.steps(),    stage.coverage().total("fault: "),
          stage.steady(), stage.coverage(), stage.breach()};
}

}  // namespace cloudless::sim
