// For tests of deciders outside of their coordinator: a ring with real owners over a memory store, which
// outlives it, behind a ring port as a coordinator has it; and a process of ours that can be killed.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "actors/node_link/ring_door_actor.hpp"
#include "actors/node_membership/node_membership_actor.hpp"
#include "actors/rollout/rollout_actor.hpp"
#include "actors/workload_state/workload_state_actor.hpp"
#include "tests/integration/network_fixture.test.hpp"

namespace cloudless::network_test {

/// A folder that goes with the test, with the cluster's secret in it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "cloudless-test.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A coordinator without scheduler: store, owners, rollout, the ring's door.
class RingProcess {
 public:
  RingProcess(std::shared_ptr<store::MemoryContents> contents, const std::string& secret,
              std::uint16_t port = 0, bool with_rollout = true)
      : system_(config_) {
    StoreOptions options;
    options.new_cluster_id = std::string(32, 'c');
    auto spawned =
        spawn_store(system_, store::memory_engine(std::move(contents)), clock_, std::move(options));
    REQUIRE(spawned.has_value());
    ring_.store = keep(*spawned);
    ring_.workload_state = keep(spawn_workload_state(system_, ring_.store, clock_));
    // Nobody sends leases here.
    ring_.node_membership =
        keep(spawn_node_membership(system_, ring_.store, clock_, MembershipPolicy{60'000, 3'600'000}));
    if (with_rollout) keep(spawn_rollout(system_, ring_.store, ring_.workload_state));
    keep(spawn_recorder(system_, ring_.store, received));
    const auto door = keep(node_link::spawn_ring_door(system_, ring_));
    auto listener = node_link::Listener::open(
        system_, {"127.0.0.1", port, {secret, node_link::kRingPurpose}, 2000, 64}, door);
    REQUIRE_MESSAGE(listener.has_value(), (listener ? "" : listener.error().message));
    listener_ = std::move(*listener);
  }
  ~RingProcess() {
    listener_.reset();
    for (auto it = actors_.rbegin(); it != actors_.rend(); ++it)
      caf::anon_send_exit(*it, caf::exit_reason::kill);
  }

  std::uint16_t port() const { return listener_->port(); }
  caf::actor_system& system() { return system_; }
  const node_link::Ring& ring() const { return ring_; }

  /// A node with room for `cpu_millicores`.
  void join(const std::string& node, std::int64_t cpu_millicores = 4000) {
    Hello hello;
    hello.description.id = NodeId{node};
    hello.description.machine_uid = "machine of " + node;
    hello.description.capacity.cpu_millicores = cpu_millicores;
    hello.description.capacity.memory_bytes = std::int64_t{8} << 30;
    hello.description.allocatable = hello.description.capacity;
    hello.boot_id = 1;
    ask<Carried<LinkFrame>>(ring_.node_membership, Carried<LinkFrame>{LinkFrame{hello}});
  }
  void create(const std::string& name, std::uint32_t replicas) {
    WorkloadSpec spec;
    spec.pod.image = "cloudless.local/hello:v1";
    spec.replicas = replicas;
    command("CreateWorkload", CreateWorkload{"default", name, spec});
  }
  void scale(const std::string& name, std::uint32_t replicas) {
    command("ScaleWorkload", ScaleWorkload{"default", name, replicas, 0});
  }
  /// Waits until the workload has this many replicas in the phase.
  void await(const std::string& name, Phase phase, std::size_t count) {
    CAPTURE(name);
    CAPTURE(to_string(phase));
    CAPTURE(count);
    received->await("replicas in the phase",
                    [&](const Snapshot& snapshot) { return in_phase(snapshot, name, phase) == count; });
  }
  static std::size_t in_phase(const Snapshot& snapshot, const std::string& name, Phase phase) {
    const auto workload = snapshot.workload("default", name);
    std::size_t out = 0;
    if (workload)
      for (const auto& replica : snapshot.replicas_of(workload->uid)) out += replica->phase == phase ? 1 : 0;
    return out;
  }

  std::shared_ptr<Received> received = std::make_shared<Received>();

 private:
  template <class Handle>
  Handle keep(Handle handle) {
    actors_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }
  template <class Action>
  void command(const std::string& method, Action action) {
    ask<Carried<CommandReply>>(
        ring_.workload_state,
        Carried<WorkloadCommand>{WorkloadCommand{{"test", method, "default", "", ""}, std::move(action)}});
  }
  /// Repeats while the owner is not ready yet.
  template <class Reply, class Handle, class Message>
  void ask(const Handle& owner, const Message& message) {
    caf::scoped_actor self{system_};
    Error last{Errc::unavailable, {}, {}};
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (last.code == Errc::unavailable && std::chrono::steady_clock::now() < deadline)
      self->request(owner, kDeadline, message)
          .receive(
              [&last](const Reply&) {
                last = {Errc::none, {}, {}};
              },
              [&last](const caf::error& error) { last = from_caf(error); });
    REQUIRE_MESSAGE(last.code == Errc::none, last.message);
  }

  NetworkConfig config_;
  SystemClock clock_;
  caf::actor_system system_;
  node_link::Ring ring_;
  std::vector<caf::strong_actor_ptr> actors_;
  std::unique_ptr<node_link::Listener> listener_;
};

/// One of our executables; killed at the end of the test.
class Child {
 public:
  Child(const std::string& executable, std::vector<std::string> words) {
    // Beside this one in the build folder.
    const auto build =
        std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path();
    words.insert(words.begin(), (build / executable).string());
    REQUIRE_MESSAGE(std::filesystem::exists(words[0]), words[0]);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid_, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0);
  }
  ~Child() { kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace cloudless::network_test
