// One replica on this node: carries out what lifecycle asks for through the runtime port, and tells the
// supervisor every change. Spawned by runtime_supervisor; ends when the replica is over. Answers of the
// runtime reach it from any thread by anon_send.
#pragma once

#include <memory>
#include <optional>

#include "actors/runtime/lifecycle.hpp"
#include "messages/caf_shim.hpp"

namespace cloudless::runtime {

/// From a runner: the replica's present state. Never leaves the process.
struct RunnerNews {
  ReplicaReport report;
  /// Make this durable, then answer with input::Recorded.
  std::optional<ReplicaProgress> record;
  bool hidden = false;  ///< not to be reported yet
  bool over = false;    ///< the last news
};
using RunnerNewsPtr = std::shared_ptr<const RunnerNews>;
using InputPtr = std::shared_ptr<const Input>;

}  // namespace cloudless::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::RunnerNewsPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::InputPtr)

namespace cloudless::runtime {

/// Where runners send their news: the supervisor.
using runner_news_actor = ActorOf<caf::result<void>(RunnerNewsPtr)>;

/// From the supervisor: Begin, BeginAgain or Adopt first, Stop and Recorded later.
using replica_runner_actor = ActorOf<caf::result<void>(InputPtr)>;

/// `runtime`, `probes` and `clock` outlive the actor.
replica_runner_actor spawn_replica_runner(caf::actor_system& system, runner_news_actor supervisor,
                                          RuntimePort& runtime, ProbePort& probes, const Clock& clock,
                                          Life life);

}  // namespace cloudless::runtime
