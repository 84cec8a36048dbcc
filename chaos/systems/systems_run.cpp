#include "chaos/systems/systems_run.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chaos/simulator/commit_checker.hpp"
#include "chaos/simulator/customers.hpp"
#include "chaos/simulator/settled.hpp"
#include "chaos/systems/processes.hpp"

namespace cloudless::sim {
namespace {

constexpr int kAgents = 2;
/// A tag moves between two questions about it every other time.
constexpr std::uint32_t kTagMovesPpm = 500'000;
constexpr std::uint64_t kFaults = 8;
constexpr std::uint64_t kStepsPerCommand = 400;
constexpr Millis kSettleWithin = 120'000;
constexpr std::uint64_t kSettleSteps = 2'000'000;

NodeDescription description(int number) {
  NodeDescription out;
  out.id = NodeId{"node-" + std::to_string(number)};
  out.machine_uid = "machine-" + std::to_string(number);
  out.allocatable = Resources{2000, std::int64_t{2} << 30, std::int64_t{4} << 30, 0, 0};
  out.capacity = out.allocatable;
  out.agent_version = "simulated";
  return out;
}

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        universe_(options.seed, options.print_trace),
        truth_([this](const Snapshot& before, const Commit& commit,
                      const Snapshot& after) { on_commit(before, commit, after); },
               [this](Breach breach) { universe_.broken(std::move(breach)); }),
        customers_(options.seed + 11),
        coordinator_(universe_, truth_, acknowledged_, options.seed + 12) {
    coordinator_.boot();
    const auto registry = std::make_shared<runtime::SimulatedRegistry>(options.seed + 13, kTagMovesPpm);
    for (int i = 1; i <= kAgents; ++i) {
      agents_.push_back(std::make_unique<AgentProcess>(universe_, coordinator_, description(i),
                                                       options.seed * 100 + static_cast<std::uint64_t>(i),
                                                       registry));
      agents_.back()->start();
    }
  }

  RunResult play() {
    trouble();
    if (!universe_.breach()) settle();
    return {universe_.hash(),   universe_.steps(),    universe_.coverage().total("fault: "),
            universe_.steady(), universe_.coverage(), universe_.breach()};
  }

 private:
  void on_commit(const Snapshot& before, const Commit& commit, const Snapshot& after) {
    universe_.note("commit " + std::to_string(commit.revision) + " of " +
                   std::to_string(commit.changes.size()) + " changes");
    universe_.coverage().see(before, commit);
    for (const auto& change : commit.changes)
      if (change.key.kind == RecordKind::workload && change.record)
        if (const auto old = before.workload(WorkloadUid{change.key.id}))
          acknowledged_.written(*old, *std::get<std::shared_ptr<const Workload>>(*change.record));
    for (const auto& breach : checker_.check(before, commit, after)) universe_.broken(breach);
  }

  void trouble() {
    const auto between = options_.steps / (kFaults + 1);
    std::uint64_t next_fault = between;
    std::uint64_t next_command = 0;
    while (universe_.steps() < options_.steps && !universe_.breach()) {
      universe_.step();
      if (universe_.steps() >= next_command) {
        command();
        next_command = universe_.steps() + 1 + universe_.dice().below(2 * kStepsPerCommand);
      }
      if (universe_.steps() >= next_fault) {
        fault();
        next_fault += between;
      }
    }
  }

  void command() {
    const auto next = customers_.next(truth_.view());
    if (const auto* written = std::get_if<WorkloadCommand>(&next)) coordinator_.submit(*written);
  }

  void fault() {
    auto& dice = universe_.dice();
    auto& agent = *agents_[dice.below(agents_.size())];
    struct Fault {
      const char* name;
      std::function<void()> make;
    };
    const std::array<Fault, 6> faults{{
        {"coordinator crash",
         [&] {
           coordinator_.crash();
           universe_.after(dice.between(0, 6000), [this] { coordinator_.boot(); });
         }},
        {"agent crash",
         [&] {
           agent.crash();
           universe_.after(dice.between(0, 6000), [&agent] { agent.start(); });
         }},
        {"connection cut", [&] { agent.cut(); }},
        // Shorter and longer than what CAF's heartbeat and the lease notice.
        {"connection silent",
         [&] {
           agent.set_silent(true);
           universe_.after(dice.between(100, 15000), [&agent] { agent.set_silent(false); });
         }},
        {"connection stalled", [&] { agent.stall(); }},
        {"all connections cut",
         [&] {
           for (const auto& each : agents_) each->cut();
         }},
    }};
    const auto& chosen = dice.pick(faults);
    universe_.note(std::string("fault: ") + chosen.name + ", " + agent.id().value);
    universe_.coverage().count(std::string("fault: ") + chosen.name);
    chosen.make();
  }

  Running running() const {
    Running out;
    for (const auto& agent : agents_) {
      auto& replicas = out[agent->id()];
      for (const auto& container : agent->machine().containers())
        if (container.running) replicas.push_back(container.replica);
    }
    return out;
  }

  void settle() {
    universe_.note("peace");
    coordinator_.boot();
    for (const auto& agent : agents_) {
      agent->start();
      agent->set_silent(false);
    }
    const auto deadline = universe_.steady() + kSettleWithin;
    const auto last_step = universe_.steps() + kSettleSteps;
    std::optional<std::string> why = "nothing was looked at";
    for (Millis look = 0; why;) {
      universe_.step();
      if (universe_.breach()) return;
      if (universe_.steady() < look) continue;
      look = universe_.steady() + 100;
      why = unsettled(truth_.view(), running(), {});
      if (why && (universe_.steady() > deadline || universe_.steps() > last_step))
        return universe_.broken({"when faults stop, the cluster converges", *why});
    }
    universe_.note("settled");
  }

  const RunOptions options_;
  Universe universe_;
  Truth truth_;
  CommitChecker checker_;
  Acknowledged acknowledged_;
  Customers customers_;
  CoordinatorProcess coordinator_;
  std::vector<std::unique_ptr<AgentProcess>> agents_;
};

}  // namespace

RunResult run_systems(const RunOptions& options) {
  return Run{options}.play();
}

}  // namespace cloudless::sim
