#include "actors/runtime/runtime_supervisor_actor.hpp"

#include <doctest/doctest.h>

#include <caf/scheduler/test_coordinator.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <random>

#include "actors/runtime/simulated/incarnation.hpp"
#include "actors/runtime/simulated/simulated_disk.hpp"
#include "actors/runtime/simulated/simulated_logs.hpp"
#include "actors/runtime/simulated/simulated_probes.hpp"
#include "actors/runtime/simulated/simulated_runtime.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::runtime {
namespace {

using std::chrono::milliseconds;

struct TestConfig : caf::actor_system_config {
  TestConfig() {
    set("scheduler.policy", caf::atom("testing"));
    register_messages(*this);
  }
};

class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(caf::scheduler::test_coordinator& scheduler) : scheduler_(scheduler) {}
  Millis steady() const override {
    return std::chrono::duration_cast<milliseconds>(scheduler_.clock().now().time_since_epoch()).count();
  }
  WallMillis wall() const override { return 1'700'000'000'000 + steady(); }

 private:
  caf::scheduler::test_coordinator& scheduler_;
};

/// What the link and the control plane behind it heard.
struct Heard {
  runtime_supervisor_actor supervisor;
  SetOnDisk on_disk;
  std::map<ReplicaId, ReplicaReport> last;
  std::map<ReplicaId, std::vector<Phase>> phases;
  std::vector<SessionFrame> frames;
  bool acknowledge = true;
  int reports = 0;
  std::vector<MachineSeen> machine;  ///< as told
  std::vector<ReplicaId> went_back;  ///< told an (attempt, phase) that is not after the one told before

  void take(const NodeReport& report) {
    ReportAck ack{report.incarnation, 1, {}};
    for (const auto& r : report.replicas) {
      ++reports;
      auto& seen = last[r.replica];
      const std::pair before{seen.attempt, static_cast<int>(seen.attempt == 0 ? Phase::pending : seen.phase)};
      const std::pair now{r.attempt, static_cast<int>(r.phase)};
      if (now < before) went_back.push_back(r.replica);
      if (phases[r.replica].empty() || phases[r.replica].back() != r.phase)
        phases[r.replica].push_back(r.phase);
      seen = r;
      ack.items.push_back({r.replica, r.sequence});
    }
    if (acknowledge) caf::anon_send(supervisor, Carried<ReportAck>{ack});
  }
};

agent_link_actor::behavior_type fake_link(agent_link_actor::pointer, Heard* heard) {
  return {[heard](const SetOnDisk& set) { heard->on_disk = set; },
          [heard](const MachineSeen& seen) { heard->machine.push_back(seen); },
          [heard](const Carried<NodeReport>& report) { heard->take(*report); },
          [heard](const Carried<SessionFrame>& frame) { heard->frames.push_back(*frame); }};
}

Assignment assignment(const std::string& ordinal, std::vector<std::string> args = {},
                      RestartMode mode = RestartMode::always) {
  Assignment out;
  out.replica = ReplicaId{"web-00000000ab-" + ordinal};
  out.workload = WorkloadUid{"00000000ab"};
  out.ns = "default";
  out.workload_name = "web";
  out.version = 1;
  out.pod.image = "example/web:v1";
  out.pod.args = std::move(args);
  out.pod.restart.mode = mode;
  out.pod.termination_grace = 1000;
  return out;
}

/// A machine with an agent that can crash, and the control plane's end of its link.
class Bench {
 public:
  explicit Bench(SimulatedOptions options = {})
      : scheduler(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
        clock(scheduler),
        poster(std::in_place, system),
        machine(options, poster->post(), clock),
        probes(machine, poster->post()),
        disk(options.seed, poster->post()),
        logs(poster->post()),
        random(options.seed) {
    // Virtual time begins at 0, where "never" and "now" look alike.
    scheduler.advance_time(milliseconds(1000));
  }

  ~Bench() {
    crash();
    poster.reset();
    scheduler.run();
  }

  void boot(bool accept_cluster = false) {
    lives.push_back(std::make_unique<Incarnation>(machine, disk, probes));
    Incarnation& ports = *lives.back();
    heard.supervisor = spawn_supervisor(system, {ports, ports, logs, clock, ports},
                                        {NodeId{"node-1"}, accept_cluster, 30000});
    link = system.spawn(fake_link, &heard);
    system.spawn([this](caf::event_based_actor* self) {
      self->request(heard.supervisor, std::chrono::seconds(5), attach_atom_v, link)
          .then([this](const SetOnDisk& set) { attached = set; });
    });
    caf::anon_send(heard.supervisor, LinkUp{"a", ++incarnation});
    pass(50);  // the disk is read by then; a link would not dial earlier
  }

  void crash() {
    if (!link) return;
    lives.back()->close();
    disk.crash();
    caf::anon_send_exit(heard.supervisor, caf::exit_reason::kill);
    caf::anon_send_exit(link, caf::exit_reason::kill);
    heard.supervisor = runtime_supervisor_actor{};
    link = agent_link_actor{};
    scheduler.run();
  }

  void send(AssignmentSet set) { caf::anon_send(heard.supervisor, Carried<AssignmentSet>{std::move(set)}); }

  AssignmentSet set(Revision revision, std::vector<Assignment> assignments,
                    const std::string& cluster = "a") {
    return {cluster, NodeId{"node-1"}, revision, true, 0, std::move(assignments), {}};
  }

  /// One message in a seeded order, or a little time.
  void step() {
    if (!scheduler.jobs.empty() && random() % 8) {
      std::swap(scheduler.jobs.front(), scheduler.jobs[random() % scheduler.jobs.size()]);
      scheduler.try_run_once();
    } else {
      scheduler.advance_time(milliseconds(1 + random() % 20));
    }
  }

  template <class Condition>
  bool until(Condition condition, Millis limit = 120'000) {
    const Millis end = clock.steady() + limit;
    while (!condition()) {
      if (clock.steady() > end) return false;
      step();
    }
    return true;
  }

  void pass(Millis time) {
    const Millis end = clock.steady() + time;
    until([&] { return clock.steady() >= end; }, time + 1000);
  }

  Phase phase(const Assignment& a) { return heard.last[a.replica].phase; }

  TestConfig config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler;
  VirtualClock clock;
  std::optional<SystemPost> poster;
  SimulatedRuntime machine;
  SimulatedProbes probes;
  SimulatedDisk disk;
  SimulatedLogs logs;
  std::mt19937_64 random;
  Heard heard;
  SetOnDisk attached;  ///< the answer to the last boot's link
  agent_link_actor link;
  std::vector<std::unique_ptr<Incarnation>> lives;
  std::uint64_t incarnation = 0;
};

}  // namespace

TEST_CASE("an assigned replica runs, and stops when its set says so") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  CHECK(bench.heard.on_disk == SetOnDisk{"a", 1});
  CHECK(bench.machine.running(web.replica) == 1);
  CHECK_FALSE(bench.heard.last[web.replica].address.empty());
  web.stop = StopCause::scale;
  bench.send(bench.set(2, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::stopped; }));
  CHECK(bench.machine.containers().empty());
  bench.send(bench.set(3, {}));
  REQUIRE(bench.until([&] { return bench.heard.on_disk.revision == 3; }));
}

TEST_CASE("other limits are put in force in the running container, also after a crash of the agent") {
  Bench bench;
  bench.boot();
  auto web = assignment("0", {"memory=1000"});
  web.limits.memory_bytes = 4000;
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  const ContainerId container = bench.heard.last[web.replica].container;
  auto in_force = [&] { return bench.machine.limits(container)->memory_bytes.value_or(0); };
  CHECK(in_force() == 4000);
  web.limits.memory_bytes = 3000;
  bench.send(bench.set(2, {web}));
  REQUIRE(bench.until([&] { return in_force() == 3000; }));

  web.limits.memory_bytes = 2000;
  bench.machine.set_away(true);
  bench.send(bench.set(3, {web}));
  REQUIRE(bench.until([&] { return bench.heard.on_disk.revision == 3; }));
  bench.crash();
  bench.machine.set_away(false);
  bench.boot();
  REQUIRE(bench.until([&] { return in_force() == 2000; }));

  web.limits.memory_bytes = 500;
  bench.send(bench.set(4, {web}));
  REQUIRE(bench.until([&] { return !bench.heard.last[web.replica].reason.empty(); }));
  CHECK(bench.phase(web) == Phase::running);
  CHECK(in_force() == 2000);
  web.limits.memory_bytes = 1500;
  bench.send(bench.set(5, {web}));
  CHECK(bench.until([&] { return bench.heard.last[web.replica].reason.empty() && in_force() == 1500; }));
  CHECK(bench.machine.starts() == 1);
}

TEST_CASE("volumes stay as long as a set names their replica, also over a crash, and go with it") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  web.pod.volumes = {{"data", "/data", false, EmptyDir{}}};
  bench.send(bench.set(1, {web, assignment("1")}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  const std::set<ReplicaId> its{web.replica};
  CHECK(bench.machine.volumes() == its);
  bench.machine.lose(container_id(web, 1));
  bench.crash();
  bench.boot();
  bench.pass(90'000);  // several sweeps without a set of this process's: nobody is known to be gone
  CHECK(bench.machine.volumes() == its);
  bench.send(bench.set(2, {web}));
  bench.pass(90'000);
  CHECK(bench.machine.volumes() == its);
  web.stop = StopCause::scale;
  bench.send(bench.set(3, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::stopped; }));
  bench.send(bench.set(4, {}));
  CHECK(bench.until([&] { return bench.machine.volumes().empty(); }));
}

TEST_CASE("a replica that it never heard of is reported stopped") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  web.stop = StopCause::deleted;
  bench.send(bench.set(1, {web}));
  CHECK(bench.until([&] { return bench.phase(web) == Phase::stopped; }));
  CHECK(bench.machine.starts() == 0);
}

TEST_CASE("reports are repeated until they are acknowledged, and then no more") {
  Bench bench;
  bench.boot();
  bench.heard.acknowledge = false;
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  const int before = bench.heard.reports;
  bench.pass(10'000);
  CHECK(bench.heard.reports > before + 2);
  bench.heard.acknowledge = true;
  bench.pass(5'000);
  const int after = bench.heard.reports;
  bench.pass(60'000);
  CHECK(bench.heard.reports == after);
}

TEST_CASE("a job that ended while the agent was dead keeps its exit code") {
  Bench bench;
  bench.boot();
  auto job = assignment("0", {}, RestartMode::never);
  bench.send(bench.set(1, {job}));
  REQUIRE(bench.until([&] { return bench.phase(job) == Phase::running; }));
  bench.crash();
  bench.machine.end(bench.heard.last[job.replica].container, 42);
  bench.boot();
  REQUIRE(bench.until([&] { return bench.phase(job) == Phase::failed; }));
  CHECK(bench.heard.last[job.replica].exit_code == 42);
  CHECK(bench.until([&] { return bench.machine.containers().empty(); }));
  CHECK(bench.machine.starts() == 1);
}

TEST_CASE("an outcome that was not acknowledged is told again after a restart, and nothing runs twice") {
  Bench bench;
  bench.boot();
  bench.heard.acknowledge = false;
  auto job = assignment("0", {"exit=7", "after=100"}, RestartMode::never);
  bench.send(bench.set(1, {job}));
  REQUIRE(bench.until([&] { return bench.machine.starts() == 1 && bench.machine.containers().empty(); }));
  bench.crash();
  bench.heard.last.clear();
  bench.heard.acknowledge = true;
  bench.boot();
  REQUIRE(bench.until([&] { return bench.phase(job) == Phase::failed; }));
  CHECK(bench.heard.last[job.replica].exit_code == 7);
  bench.pass(60'000);
  CHECK(bench.machine.starts() == 1);
}

TEST_CASE("a container that vanished while the agent was dead is started anew as a later attempt") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  bench.crash();
  bench.machine.lose(bench.heard.last[web.replica].container);
  bench.boot();
  REQUIRE(bench.until(
      [&] { return bench.phase(web) == Phase::running && bench.heard.last[web.replica].attempt > 1; }));
}

TEST_CASE("without a readable file containers are left alone until a set arrives, then adopted or removed") {
  for (const bool corrupt : {false, true}) {
    CAPTURE(corrupt);
    Bench bench;
    bench.boot();
    auto web = assignment("0"), gone = assignment("1");
    bench.send(bench.set(1, {web, gone}));
    REQUIRE(bench.until(
        [&] { return bench.phase(web) == Phase::running && bench.phase(gone) == Phase::running; }));
    bench.crash();
    bench.disk.set_file(corrupt ? std::optional<std::string>(*bench.disk.file() + "x") : std::nullopt);
    bench.boot();
    bench.pass(120'000);
    CHECK(bench.machine.containers().size() == 2);
    CHECK(bench.machine.running(web.replica) == 1);
    bench.send(bench.set(2, {web}));
    CHECK(bench.until([&] { return bench.machine.containers().size() == 1; }));
    CHECK(bench.machine.running(web.replica) == 1);
    CHECK(bench.machine.starts() == 2);
  }
}

TEST_CASE("sets of another cluster and older ones stop nothing, until the operator accepts them") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(5, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  bench.send(bench.set(9, {}, "b"));
  bench.send(bench.set(4, {}));
  bench.pass(60'000);
  CHECK(bench.machine.running(web.replica) == 1);
  CHECK(bench.heard.on_disk == SetOnDisk{"a", 5});
  bench.crash();
  bench.boot(true);
  REQUIRE(bench.until([&] { return bench.machine.running(web.replica) == 1; }));
  bench.pass(1000);
  CHECK(bench.attached == SetOnDisk{});  // or no coordinator of another cluster would welcome it
  bench.send(bench.set(1, {}, "b"));
  CHECK(bench.until([&] { return bench.machine.containers().empty(); }));
  CHECK(bench.heard.on_disk == SetOnDisk{"b", 1});
}

TEST_CASE(
    "with a full disk sets are carried out, but nothing is said that a restarted agent would not know") {
  Bench bench;
  bench.boot();
  auto old = assignment("0"), fresh = assignment("1");
  bench.send(bench.set(1, {old}));
  REQUIRE(bench.until([&] { return bench.phase(old) == Phase::running; }));
  bench.disk.set_full(true);
  old.stop = StopCause::rollout;
  bench.send(bench.set(2, {old, fresh}));
  CHECK(bench.until(
      [&] { return bench.machine.running(old.replica) == 0 && bench.machine.running(fresh.replica) == 1; }));
  bench.pass(10'000);
  CHECK(bench.heard.on_disk.revision == 1);
  CHECK(bench.phase(old) == Phase::running);
  CHECK(bench.heard.last.count(fresh.replica) == 0);
  bench.disk.set_full(false);
  CHECK(bench.until(
      [&] { return bench.phase(old) == Phase::stopped && bench.phase(fresh) == Phase::running; }));
  CHECK(bench.heard.on_disk.revision == 2);
}

TEST_CASE("a runtime that restarts ends no replica") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  bench.machine.set_away(true);
  bench.pass(20'000);
  CHECK(bench.phase(web) == Phase::running);
  web.stop = StopCause::scale;
  bench.send(bench.set(2, {web}));
  bench.pass(5'000);
  bench.machine.set_away(false);
  CHECK(bench.until([&] { return bench.phase(web) == Phase::stopped; }));
  CHECK(bench.machine.containers().empty());
}

TEST_CASE(
    "a runtime that does not answer is told to the link, and that it is back, and to a new link again") {
  Bench bench;
  bench.boot();
  bench.pass(20'000);
  CHECK(bench.heard.machine == std::vector<MachineSeen>{{true, true}});
  bench.machine.set_away(true);
  const auto answers = [&] { return bench.heard.machine.back().runtime_answers; };
  REQUIRE(bench.until([&] { return !answers(); }));
  bench.crash();
  bench.heard.machine.clear();
  bench.boot();
  REQUIRE(bench.until([&] { return !bench.heard.machine.empty() && !answers(); }));
  bench.machine.set_away(false);
  CHECK(bench.until([&] { return answers(); }));
}

TEST_CASE(
    "a disk that cannot be written is told to the link once, and to a new link again, and that it can be") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  bench.disk.set_full(true);
  bench.pass(10'000);  // nothing is to be written
  CHECK(bench.heard.machine == std::vector<MachineSeen>{{true, true}});
  bench.send(bench.set(2, {web, assignment("1")}));
  bench.pass(10'000);  // several more attempts
  CHECK(bench.heard.machine == std::vector<MachineSeen>{{true, true}, {true, false}});
  bench.crash();
  bench.heard.machine.clear();
  bench.boot();
  bench.send(bench.set(2, {web, assignment("1")}));
  REQUIRE(bench.until([&] { return !bench.heard.machine.back().disk_writable; }));
  bench.disk.set_full(false);
  CHECK(bench.until([&] { return bench.heard.machine.back() == MachineSeen{true, true}; }));
  CHECK(bench.until([&] { return bench.heard.on_disk.revision == 2; }));
}

TEST_CASE("a restarting workload shows its reason and comes back after the pause") {
  Bench bench;
  bench.boot();
  auto crashing = assignment("0", {"exit=3", "after=50"}), missing = assignment("1");
  missing.pod.image = "example/missing:v1";
  bench.send(bench.set(1, {crashing, missing}));
  REQUIRE(bench.until([&] {
    return bench.heard.last[crashing.replica].attempt >= 3 &&
           bench.heard.last[missing.replica].attempt >= 3 && bench.phase(missing) == Phase::backoff;
  }));
  CHECK(bench.heard.last[missing.replica].reason.find(
            "image example/missing:v1 does not exist; it starts again after ") == 0);
  CHECK(bench.until([&] { return bench.phase(crashing) == Phase::backoff; }));
  CHECK(bench.heard.last[crashing.replica].reason.find("exited with code 3; it starts again after ") == 0);
  CHECK(bench.machine.most_at_once() == 1);
}

TEST_CASE("an exec's output comes in order under credit and ends with its exit code") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  ExecQuery query;
  query.replica = web.replica;
  query.command = {"cat"};
  query.has_input = true;
  const SessionId id{"s1"};
  caf::anon_send(bench.heard.supervisor,
                 Carried<SessionFrame>{SessionFrame{id, SessionOpen{NodeId{"node-1"}, query, 1000}}});
  auto received = [&] {
    std::size_t bytes = 0;
    for (const auto& frame : bench.heard.frames)
      if (const auto* data = std::get_if<SessionData>(&frame.body)) bytes += data->output.size();
    return bytes;
  };
  auto say = [&](auto body) {
    caf::anon_send(bench.heard.supervisor, Carried<SessionFrame>{SessionFrame{id, std::move(body)}});
  };
  say(SessionInput{0, std::string(60'000, 'x'), false});
  say(SessionInput{1, std::string(60'000, 'x'), false});
  bench.pass(2000);
  CHECK(received() == 1000);
  say(SessionCredit{200'000});
  bench.pass(2000);
  say(SessionInput{2, std::string(30'000, 'x'), true});
  REQUIRE(bench.until([&] {
    return !bench.heard.frames.empty() && std::holds_alternative<SessionEnd>(bench.heard.frames.back().body);
  }));
  CHECK(received() == 150'000);
  std::uint64_t expected = 0;
  for (const auto& frame : bench.heard.frames)
    if (const auto* data = std::get_if<SessionData>(&frame.body)) CHECK(data->sequence == expected++);
  std::uint64_t taken = 0;
  for (const auto& frame : bench.heard.frames)
    if (const auto* more = std::get_if<SessionTaken>(&frame.body)) taken += more->bytes;
  CHECK(taken == 150'000);
}

TEST_CASE("an exec while an agent that came back has not taken its containers over is UNAVAILABLE") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  const ContainerId container = bench.heard.last[web.replica].container;
  const auto exec = [&](const std::string& session, const ReplicaId& replica, const ContainerId& in) {
    ExecQuery query;
    query.replica = replica;
    query.container = in;
    query.command = {"true"};
    bench.heard.frames.clear();
    caf::anon_send(
        bench.heard.supervisor,
        Carried<SessionFrame>{SessionFrame{SessionId{session}, SessionOpen{NodeId{"node-1"}, query, 1000}}});
    REQUIRE(bench.until([&] {
      return !bench.heard.frames.empty() &&
             std::holds_alternative<SessionEnd>(bench.heard.frames.back().body);
    }));
    return std::get<SessionEnd>(bench.heard.frames.back().body).error.code;
  };
  bench.crash();
  bench.machine.set_away(true);
  bench.boot();
  CHECK(exec("s1", web.replica, {}) == Errc::unavailable);
  CHECK(exec("s2", {}, container) == Errc::unavailable);
  bench.machine.set_away(false);
  REQUIRE(bench.until([&] { return exec("s3", web.replica, {}) != Errc::unavailable; }));
  CHECK(exec("s4", {}, container) == Errc::none);
  CHECK(exec("s5", ReplicaId{"web-00000000ab-7"}, {}) == Errc::not_found);
  CHECK(exec("s6", {}, ContainerId{container.value + "0"}) == Errc::not_found);
  bench.machine.end(container, 1);
  web.stop = StopCause::scale;
  bench.send(bench.set(2, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::stopped; }));
  CHECK(exec("s7", web.replica, {}) == Errc::failed_precondition);
}

TEST_CASE("a frame that breaks the rules ends its session with INVALID_ARGUMENT, and no other") {
  struct Row {
    const char* what;
    std::vector<SessionFrame> frames;
  };
  const SessionId id{"s1"};
  const std::string chunk(kMaxSessionChunk, 'x');
  const std::vector<Row> rows = {
      {"input that is not the next", {{id, SessionInput{1, "x", false}}}},
      {"input again", {{id, SessionInput{0, "x", false}}, {id, SessionInput{0, "x", false}}}},
      {"input after its end", {{id, SessionInput{0, "x", true}}, {id, SessionInput{1, "y", false}}}},
      {"more input than was granted",
       {{id, SessionInput{0, chunk, false}},
        {id, SessionInput{1, chunk, false}},
        {id, SessionInput{2, "x", false}}}},
      {"what cannot be read", {{id, SessionUnknown{}}}},
      {"what only an agent says", {{id, SessionEnd{}}}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.boot();
    auto web = assignment("0");
    bench.send(bench.set(1, {web}));
    REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
    ExecQuery query;
    query.replica = web.replica;
    query.command = {"cat"};
    query.has_input = true;
    const auto say = [&](const SessionFrame& frame) {
      caf::anon_send(bench.heard.supervisor, Carried<SessionFrame>{frame});
    };
    say({id, SessionOpen{NodeId{"node-1"}, query, 0}});
    say({SessionId{"s2"}, SessionOpen{NodeId{"node-1"}, query, 1000}});
    bench.pass(1000);
    for (const auto& frame : row.frames) say(frame);
    REQUIRE(bench.until([&] {
      return !bench.heard.frames.empty() &&
             std::holds_alternative<SessionEnd>(bench.heard.frames.back().body);
    }));
    CHECK(bench.heard.frames.back().session == id);
    CHECK(std::get<SessionEnd>(bench.heard.frames.back().body).error.code == Errc::invalid_argument);
    say({SessionId{"s2"}, SessionInput{0, "still here", true}});
    CHECK(bench.until([&] {
      return bench.heard.frames.back() == SessionFrame{SessionId{"s2"}, SessionEnd{}};
    }));
  }
}

TEST_CASE("interactive commands are bounded, and one that ends makes room for another") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  ExecQuery query;
  query.replica = web.replica;
  query.command = {"cat"};
  query.has_input = true;
  query.counted = true;
  const auto say = [&](int number, auto body) {
    caf::anon_send(bench.heard.supervisor,
                   Carried<SessionFrame>{SessionFrame{SessionId{std::to_string(number)}, std::move(body)}});
  };
  const auto ended = [&](int number) -> const SessionEnd* {
    for (const auto& frame : bench.heard.frames)
      if (frame.session == SessionId{std::to_string(number)})
        if (const auto* end = std::get_if<SessionEnd>(&frame.body)) return end;
    return nullptr;
  };
  for (int i = 0; i < 11; ++i) say(i, SessionOpen{NodeId{"node-1"}, query, 1000});
  REQUIRE(bench.until([&] { return ended(10) != nullptr; }));
  CHECK(ended(10)->error.code == Errc::resource_exhausted);
  CHECK(ended(10)->error.message.find("10 interactive commands") != std::string::npos);
  bench.pass(1000);
  for (int i = 0; i < 10; ++i) CHECK(ended(i) == nullptr);
  query.counted = false;
  say(11, SessionOpen{NodeId{"node-1"}, query, 1000});
  say(3, SessionInput{0, {}, true});
  REQUIRE(bench.until([&] { return ended(3) != nullptr; }));
  query.counted = true;
  say(12, SessionOpen{NodeId{"node-1"}, query, 1000});
  bench.pass(1000);
  CHECK(ended(11) == nullptr);
  CHECK(ended(12) == nullptr);
}

namespace {

Assignment probed(Assignment assignment) {
  Probe probe;
  probe.period = 200;
  probe.check = HttpCheck{false, 80, "/ready", {}};
  assignment.pod.readiness = probe;
  probe.check = HttpCheck{false, 80, "/health", {}};
  probe.failure_threshold = 2;
  assignment.pod.liveness = probe;
  assignment.pod.restart.backoff = {100, 1000, 60'000};
  return assignment;
}

}  // namespace

TEST_CASE("a replica is ready when its probe passes, and a restarted agent leaves that undecided at first") {
  Bench bench;
  bench.boot();
  const auto web = probed(assignment("0", {"ready-after=3000"}));
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  CHECK_FALSE(bench.heard.last[web.replica].ready);
  CHECK(bench.until(
      [&] { return bench.heard.last[web.replica].reason.find("HTTP 503") != std::string::npos; }));
  REQUIRE(bench.until([&] { return bench.heard.last[web.replica].ready; }));
  CHECK(bench.heard.last[web.replica].reason.empty());
  bench.crash();
  bench.heard.last.clear();
  bench.boot();
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  CHECK(bench.heard.last[web.replica].undecided);
  REQUIRE(bench.until([&] { return bench.heard.last[web.replica].ready; }));
  CHECK_FALSE(bench.heard.last[web.replica].undecided);
  CHECK(bench.machine.starts() == 1);
}

TEST_CASE("a container that fails its liveness probe is started again, once at a time") {
  Bench bench;
  bench.boot();
  const auto web = probed(assignment("0", {"sick-after=2000", "term=300"}));
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.heard.last[web.replica].attempt >= 3; }));
  CHECK(bench.heard.last[web.replica].last_end.find("liveness probe failed: HTTP 503 from /health") == 0);
  CHECK(bench.machine.most_at_once() == 1);
  bench.send(bench.set(2, {}));
  CHECK(bench.until([&] { return bench.machine.containers().empty(); }));
  const auto asked = bench.probes.asked();
  bench.pass(10'000);
  CHECK(bench.probes.asked() == asked);
}

TEST_CASE("a flapping probe is no flood of reports, and one without change is none at all") {
  Bench bench;
  bench.boot();
  auto flapping = probed(assignment("0", {"flap=300"}));
  flapping.pod.readiness->failure_threshold = 1;
  const auto steady = probed(assignment("1"));
  bench.send(bench.set(1, {flapping, steady}));
  REQUIRE(bench.until([&] { return bench.heard.last[steady.replica].ready; }));
  bench.pass(4000);
  CHECK(bench.heard.reports <= 12);
  REQUIRE(bench.until([&] { return bench.heard.last[flapping.replica].ready; }));
  bench.pass(2000);
  const int before = bench.heard.reports;
  bench.pass(60'000);
  CHECK(bench.heard.reports == before);
  CHECK(bench.probes.asked() > 600);
}

TEST_CASE("logs are followed into the next attempt, and end with the replica") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  const ContainerId first = bench.heard.last[web.replica].container;
  bench.logs.write(first, "one");
  LogQuery query;
  query.replica = web.replica;
  query.follow = true;
  caf::anon_send(
      bench.heard.supervisor,
      Carried<SessionFrame>{SessionFrame{SessionId{"s1"}, SessionOpen{NodeId{"node-1"}, query, 100'000}}});
  auto lines = [&] {
    std::vector<std::string> out;
    for (const auto& frame : bench.heard.frames)
      if (const auto* data = std::get_if<SessionData>(&frame.body))
        for (const auto& line : data->lines) out.push_back(line.line);
    return out;
  };
  REQUIRE(bench.until([&] { return lines().size() == 1; }));
  bench.machine.end(first, 1);
  REQUIRE(bench.until(
      [&] { return bench.phase(web) == Phase::running && bench.heard.last[web.replica].attempt == 2; }));
  bench.logs.write(bench.heard.last[web.replica].container, "two");
  REQUIRE(bench.until([&] { return lines().size() == 2; }));
  CHECK(lines() == std::vector<std::string>{"one", "two"});
  web.stop = StopCause::scale;
  bench.send(bench.set(2, {web}));
  CHECK(bench.until([&] { return std::holds_alternative<SessionEnd>(bench.heard.frames.back().body); }));
}

TEST_CASE(
    "who follows a replica before it has a container waits for it, and one that nobody knows is not found") {
  Bench bench;
  bench.boot();
  auto web = assignment("0", {"slow-start=3000"});
  bench.send(bench.set(1, {web}));
  const auto follow = [&](const char* session, const ReplicaId& replica) {
    LogQuery query;
    query.replica = replica;
    query.follow = true;
    caf::anon_send(bench.heard.supervisor,
                   Carried<SessionFrame>{
                       SessionFrame{SessionId{session}, SessionOpen{NodeId{"node-1"}, query, 100'000}}});
  };
  const auto ended = [&](const char* session) {
    return std::any_of(bench.heard.frames.begin(), bench.heard.frames.end(), [&](const SessionFrame& frame) {
      return frame.session.value == session && std::holds_alternative<SessionEnd>(frame.body);
    });
  };
  follow("early", web.replica);
  follow("nobody", ReplicaId{"web-0000000000-99"});
  CHECK(bench.until([&] { return ended("nobody"); }));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  CHECK_FALSE(ended("early"));
  bench.logs.write(bench.heard.last[web.replica].container, "first words");
  CHECK(bench.until([&] {
    return std::any_of(bench.heard.frames.begin(), bench.heard.frames.end(), [](const SessionFrame& frame) {
      const auto* data = std::get_if<SessionData>(&frame.body);
      return data && !data->lines.empty() && data->lines[0].line == "first words";
    });
  }));
}

TEST_CASE("the previous attempt's logs are those of the container before the newest, and end") {
  Bench bench;
  bench.boot();
  auto web = assignment("0");
  bench.send(bench.set(1, {web}));
  REQUIRE(bench.until([&] { return bench.phase(web) == Phase::running; }));
  const ContainerId first = bench.heard.last[web.replica].container;
  bench.logs.write(first, "last words");
  bench.machine.end(first, 1);
  REQUIRE(bench.until(
      [&] { return bench.phase(web) == Phase::running && bench.heard.last[web.replica].attempt == 2; }));
  bench.logs.write(bench.heard.last[web.replica].container, "new life");
  LogQuery query;
  query.replica = web.replica;
  query.previous = true;
  caf::anon_send(
      bench.heard.supervisor,
      Carried<SessionFrame>{SessionFrame{SessionId{"s1"}, SessionOpen{NodeId{"node-1"}, query, 100'000}}});
  REQUIRE(bench.until([&] {
    return !bench.heard.frames.empty() && std::holds_alternative<SessionEnd>(bench.heard.frames.back().body);
  }));
  const auto* data = std::get_if<SessionData>(&bench.heard.frames.front().body);
  REQUIRE(data);
  REQUIRE(data->lines.size() == 1);
  CHECK(data->lines[0].line == "last words");
}

TEST_CASE(
    "whatever befalls agent and machine, it converges: one container per wanted replica, none else, no lost "
    "exit code") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    SimulatedOptions options;
    options.seed = seed;
    options.failure_ppm = 50'000;
    Bench bench{options};
    bench.boot();
    std::vector<Assignment> wanted = {assignment("0"),
                                      assignment("1", {"exit=1", "after=400"}),
                                      assignment("2", {"ignore-term"}),
                                      assignment("3", {"exit=5", "after=2000"}, RestartMode::never),
                                      assignment("4", {"slow-start=3000"}),
                                      assignment("5", {"broken"}),
                                      probed(assignment("6", {"ready-after=1500", "flap=400"})),
                                      probed(assignment("7", {"sick-after=3000"}))};
    Revision revision = 1;
    bench.send(bench.set(revision, wanted));
    for (int round = 0; round < 12; ++round) {
      for (int n = 0; n < static_cast<int>(bench.random() % 400); ++n) bench.step();
      switch (bench.random() % 5) {
        case 0:
          bench.crash();
          if (bench.random() % 4 == 0) bench.machine.reboot();
          bench.pass(static_cast<Millis>(bench.random() % 3000));
          bench.boot();
          break;
        case 1:
          bench.machine.set_away(bench.random() % 2 == 0);
          break;
        case 2: {
          auto& some = wanted[bench.random() % 3];
          if (some.stop == StopCause::none && round > 6) some.stop = StopCause::scale;
          break;
        }
        case 3:
          bench.disk.set_full(bench.random() % 3 == 0);
          break;
        default:
          bench.machine.lose(bench.heard.last[wanted[bench.random() % 3].replica].container);
      }
      bench.send(bench.set(++revision, wanted));
    }
    bench.machine.set_away(false);
    bench.machine.set_failure_ppm(0);
    bench.disk.set_full(false);
    bench.pass(200'000);
    bench.send(bench.set(++revision, wanted));
    bench.pass(400'000);
    for (const auto& a : wanted) {
      CAPTURE(a.replica.value);
      const auto& told = bench.heard.last[a.replica];
      CHECK(bench.machine.running(a.replica) <= 1);
      if (a.stop != StopCause::none) {
        CHECK(told.phase == Phase::stopped);
        CHECK(bench.machine.running(a.replica) == 0);
      } else if (a.pod.readiness && a.pod.args[0] == "ready-after=1500") {
        CHECK(told.phase == Phase::running);
        CHECK(told.ready);
      } else if (a.pod.args.empty() || a.pod.args[0] == "slow-start=3000" || a.pod.args[0] == "ignore-term") {
        CHECK(told.phase == Phase::running);
        CHECK(bench.machine.running(a.replica) == 1);
      } else if (a.pod.restart.mode == RestartMode::never) {
        CHECK(told.phase == Phase::failed);
      }
    }
    CHECK(bench.machine.most_at_once() <= 1);
    CHECK(bench.heard.went_back.empty());
    bench.send(bench.set(++revision, {}));
    CHECK(bench.until([&] { return bench.machine.containers().empty(); }));
  }
}

}  // namespace cloudless::runtime
