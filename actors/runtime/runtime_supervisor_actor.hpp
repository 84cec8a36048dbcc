// The agent's centre: keeps the assignment set (on disk before anything is reported of it), a runner per
// replica, and the reports until they are acknowledged. Talks to agent_link above it, to the runtime port and
// its runners below. Always holds: a container of ours is stopped only because a set of our own cluster says
// so (ARCHITECTURE.md, rule 10).
#pragma once

#include "actors/runtime/agent_disk.hpp"
#include "actors/runtime/log_store.hpp"
#include "actors/runtime/probe_port.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "actors/runtime/session_limits.hpp"
#include "messages/agent.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

/// What a supervisor works with; all of it outlives the actor.
struct SupervisorParts {
  RuntimePort& runtime;
  AgentDisk& disk;
  LogStore& logs;
  const Clock& clock;
  ProbePort& probes;
};

struct SupervisorSettings {
  NodeId node;
  /// The operator said --accept-cluster: the first full set is taken whatever cluster and revision it is of.
  bool accept_cluster = false;
  /// How often the machine's containers are compared with the runners.
  Millis sweep = 30000;
  SessionLimits sessions = {};
  /// How often it is looked what containers use.
  Millis usage_interval = 5000;
};

/// Ends (and lets containers run on) when it gets an exit message.
runtime_supervisor_actor spawn_supervisor(caf::actor_system& system, SupervisorParts parts,
                                          SupervisorSettings settings);

}  // namespace cloudless::runtime
