// cloudless-sim: runs the simulator. With --seed one run with its trace hash; with --seeds many; with
// --mutants it shows that broken control planes are noticed.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "chaos/simulator/campaign.hpp"
#include "chaos/simulator/run.hpp"
#include "chaos/systems/systems_run.hpp"

namespace {

using namespace cloudless::sim;

void print_coverage(const Coverage& coverage) {
  for (const auto& [what, times] : coverage.counts())
    std::printf("  %-44s %10llu\n", what.c_str(), static_cast<unsigned long long>(times));
}

int run_one(const RunOptions& options, RunResult (*play)(const RunOptions&)) {
  const auto result = play(options);
  std::printf("seed %llu: %llu steps, %llu faults, %.1f s of virtual time, trace %016llx\n",
              static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(result.steps),
              static_cast<unsigned long long>(result.faults), static_cast<double>(result.virtual_time) / 1000,
              static_cast<unsigned long long>(result.hash));
  print_coverage(result.coverage);
  if (!result.breach) return 0;
  std::printf("FAILED seed %llu\n  broken: %s\n  seen:   %s\n", static_cast<unsigned long long>(options.seed),
              result.breach->invariant.c_str(), result.breach->what.c_str());
  return 1;
}

int run_many(const CampaignOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto result = run_campaign(options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("covered:\n");
  print_coverage(result.coverage);
  std::printf("%llu seeds, %llu failed; %llu steps, %llu faults, %.1f s\n",
              static_cast<unsigned long long>(result.passed + result.failed),
              static_cast<unsigned long long>(result.failed), static_cast<unsigned long long>(result.steps),
              static_cast<unsigned long long>(result.faults), took.count());
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(result.passed),
              static_cast<unsigned long long>(result.failed));
  return result.failed == 0 ? 0 : 1;
}

/// Replaces this process by the script that builds and runs the mutants.
int run_mutants() {
  const std::string script = std::string(CLOUDLESS_SOURCE_DIR) + "/chaos/mutants/run";
  execl(script.c_str(), script.c_str(), static_cast<char*>(nullptr));
  std::perror(script.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Runs the control plane and its machines in one process, in virtual time, with seeded faults, and "
      "checks its invariants."};
  CampaignOptions many;
  RunOptions one;
  bool mutants = false;
  bool systems = false;
  const std::map<std::string, Scenario> scenarios{
      {"mixed", Scenario::mixed}, {"rollout", Scenario::rollout}, {"loss", Scenario::loss}};
  app.add_option("--scenario", one.scenario,
                 "what happens most: mixed, rollout, or loss (of nodes, while there are rollouts)")
      ->transform(CLI::CheckedTransformer(scenarios, CLI::ignore_case));
  auto* seeds = app.add_option("--seeds", many.seeds, "how many seeds to run, on all cores")
                    ->check(CLI::PositiveNumber);
  auto* seed = app.add_option("--seed", one.seed,
                              "without --seeds: run this one and print its trace hash; with: the first one");
  auto* steps = app.add_option("--steps", one.steps, "steps with faults, per seed")
                    ->capture_default_str()
                    ->check(CLI::PositiveNumber);
  app.add_option("--workers", many.workers, "processes; 0: one per core")->capture_default_str();
  app.add_flag("--stop-at-first", many.stop_at_first, "stop when a seed has failed");
  app.add_flag("--trace", one.print_trace, "with one seed: print what happens");
  app.add_flag("--systems", systems,
               "several actor systems with CAF's network protocol between them; a step is smaller there");
  app.add_flag("--mutants", mutants,
               "break the control plane in every way that chaos/mutants knows, and count what is noticed");
  CLI11_PARSE(app, argc, argv);

  spdlog::set_level(one.print_trace ? spdlog::level::debug : spdlog::level::off);
  if (mutants) return run_mutants();
  if (systems) {
    many.play = run_systems;
    if (steps->count() == 0) one.steps = kSystemsSteps;
  }
  if (seeds->count() == 0 && seed->count() > 0) return run_one(one, many.play);
  many.first_seed = one.seed;
  many.steps = one.steps;
  many.scenario = one.scenario;
  if (seeds->count() == 0) many.seeds = 100;
  many.program = argv[0] + std::string(systems ? " --systems" : "") +
                 (one.scenario == Scenario::rollout ? " --scenario rollout" : "") +
                 (one.scenario == Scenario::loss ? " --scenario loss" : "");
  return run_many(many);
}
