// A gateway for tests: real gRPC on a port of its own, fake owners, a fake hub, and a mirror that the test
// publishes into.
#pragma once

#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/server.hpp"
#include "messages/caf_error.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::gateway::test {

using namespace std::chrono_literals;

inline constexpr auto kPatience = 60s;

/// True as soon as the condition holds, false after kPatience.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

struct Config : caf::actor_system_config {
  Config() {
    register_messages(*this);
    register_gateway(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

/// What the fakes do, and what they were asked. Locked: actors and tests share it.
struct Script {
  std::mutex mutex;
  std::function<caf::result<Carried<CommandReply>>(const WorkloadCommand&)> on_command;
  std::vector<WorkloadCommand> commands;
  std::function<caf::result<Carried<NodeReply>>(const NodeCommand&)> on_node_command;
  std::vector<EndpointFollowing> followings;
  EventList events;
  EventQuery event_query;
  /// Frames that came to the hub, and where a session's answers go.
  std::vector<SessionFrame> frames;
  std::map<SessionId, session_sink_actor> sinks;
  bool refuse_sessions = false;
  int sinks_ended = 0;

  template <class F>
  auto with(F f) {
    std::lock_guard lock(mutex);
    return f(*this);
  }
};

class Fixture {
 public:
  explicit Fixture(History::Limits limits = {3'600'000, 1'000'000})
      : mirror(std::make_shared<Mirror>(limits)), system(config), method_metrics(metrics.registry()) {
    spawn_fakes();
    auto started =
        Server::start({system, mirror, owners, clock, method_metrics}, {"127.0.0.1:0", {}, {}, {}});
    REQUIRE(started.has_value());
    server = std::move(*started);
    channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server->port()),
                                        grpc::InsecureChannelCredentials(), own_subchannels());
    stub = api::CoordinatorService::NewStub(channel);
    ticker = std::thread([this] {
      while (!stopping) {
        mirror->tick(clock.steady());
        std::this_thread::sleep_for(10ms);
      }
    });
  }

  ~Fixture() {
    stopping = true;
    ticker.join();
    mirror->close();
    server.reset();
    for (const auto& fake : fakes) caf::anon_send_exit(fake, caf::exit_reason::user_shutdown);
  }

  /// One commit, seen by the gateway at once.
  Revision commit(std::vector<Change> changes) {
    std::lock_guard lock(publishing);
    auto next = mirror->present() ? *mirror->present() : Snapshot{};
    const auto predecessor = next.revision();
    Commit commit{predecessor + 1, std::move(changes)};
    next.apply(commit);
    mirror->publish(
        {predecessor, std::make_shared<const std::vector<Commit>>(std::vector<Commit>{std::move(commit)}),
         std::make_shared<const Snapshot>(std::move(next))},
        clock.steady());
    return predecessor + 1;
  }

  Config config;
  std::shared_ptr<Mirror> mirror;
  caf::actor_system system;
  telemetry::SystemClock clock;
  telemetry::Metrics metrics;
  MethodMetrics method_metrics;
  Script script;
  std::shared_ptr<OwnersInUse> owners;
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<api::CoordinatorService::Stub> stub;

 private:
  static grpc::ChannelArguments own_subchannels() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return arguments;
  }

  void spawn_fakes() {
    auto workloads =
        system.spawn([this](workload_state_actor::pointer) -> workload_state_actor::behavior_type {
          return {[this](const Carried<WorkloadCommand>& command) -> caf::result<Carried<CommandReply>> {
                    std::function<caf::result<Carried<CommandReply>>(const WorkloadCommand&)> answer;
                    script.with([&](Script& s) {
                      s.commands.push_back(*command);
                      answer = s.on_command;
                    });
                    return answer(*command);
                  },
                  [](const Carried<Proposal>&) -> caf::result<Carried<ProposalAnswer>> {
                    return Carried<ProposalAnswer>{};
                  },
                  [](const Carried<NodeReport>&) -> caf::result<Carried<ReportAck>> {
                    return Carried<ReportAck>{};
                  },
                  [this](const Carried<EndpointFollowing>& following) {
                    script.with([&](Script& s) { s.followings.push_back(*following); });
                  }};
        });
    auto nodes = system.spawn([this](node_membership_actor::pointer) -> node_membership_actor::behavior_type {
      return {[this](const Carried<NodeCommand>& command) {
                return script.with([&](Script& s) { return s.on_node_command; })(*command);
              },
              [](const Carried<LinkFrame>& frame) -> caf::result<Carried<LinkFrame>> { return frame; },
              [](lease_atom, const std::string&, std::uint64_t, std::uint32_t) {}};
    });
    auto events = system.spawn([this](events_actor::pointer) -> events_actor::behavior_type {
      return {[](const CommitsPublished&) {},
              [this](const Carried<EventQuery>& query) -> caf::result<Carried<EventList>> {
                return script.with([&](Script& s) {
                  s.event_query = *query;
                  return Carried<EventList>(s.events);
                });
              },
              [](const Carried<EventList>&) {}};
    });
    auto hub = system.spawn([this](link_hub_actor::pointer self) -> link_hub_actor::behavior_type {
      self->set_down_handler(
          [this](const caf::down_msg&) { script.with([](Script& s) { ++s.sinks_ended; }); });
      return {[](const CommitsPublished&) {}, [](const EdgeFramePtr&) {},
              [this, self](const Carried<SessionFrame>& frame,
                           const session_sink_actor& sink) -> caf::result<void> {
                const bool refused = script.with([&](Script& s) {
                  s.frames.push_back(*frame);
                  if (s.sinks.emplace(frame->session, sink).second) self->monitor(sink);
                  return s.refuse_sessions;
                });
                if (refused) return to_caf({Errc::unavailable, "node n1 has no link", {}});
                return caf::unit;
              },
              [](sweep_atom) {}};
    });
    owners = std::make_shared<OwnersInUse>(Owners{workloads, nodes, events, hub});
    fakes = {caf::actor_cast<caf::actor>(workloads), caf::actor_cast<caf::actor>(nodes),
             caf::actor_cast<caf::actor>(events), caf::actor_cast<caf::actor>(hub)};
  }

  std::mutex publishing;
  std::vector<caf::actor> fakes;
  std::atomic<bool> stopping{false};
  std::thread ticker;
};

inline Workload workload(const std::string& name, const std::string& uid, Revision revision,
                         Labels labels = {}) {
  Workload w;
  w.uid = WorkloadUid{uid};
  w.ns = "default";
  w.name = name;
  w.revision = revision;
  w.spec.pod.image = "image:1";
  w.spec.replicas = 0;
  w.spec.labels = std::move(labels);
  return w;
}
inline Change put_workload(Workload w) {
  return put(std::make_shared<const Workload>(std::move(w)));
}

/// Calls that end within kPatience.
struct CallContext : grpc::ClientContext {
  CallContext() { set_deadline(std::chrono::system_clock::now() + kPatience); }
};

}  // namespace cloudless::gateway::test
