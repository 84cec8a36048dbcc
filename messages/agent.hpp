// Inside an agent: between its link to the coordinator (actors/node_link, agent_link) and what runs its
// replicas (actors/runtime, runtime_supervisor). The link knows nothing of replicas, the supervisor nothing
// of connections. Nothing here leaves the process. Level-triggered: a set, a report or an acknowledgement may
// be lost or repeated; the supervisor repeats reports until acknowledged.
#pragma once

#include "messages/carried.hpp"
#include "messages/node_link.hpp"
#include "messages/workload_state.hpp"

namespace cloudless {

/// What the agent has on its disk. The link names it in every Hello and Lease; the coordinator sends what is
/// missing.
struct SetOnDisk {
  std::string cluster_id;  ///< pinned; empty: none yet
  Revision revision = 0;   ///< 0: no set, or one that cannot be read
  bool operator==(const SetOnDisk&) const = default;
};

/// The coordinator welcomed this agent. Reports carry this incarnation from now on, and all states are
/// reported afresh.
struct LinkUp {
  std::string cluster_id;
  std::uint64_t incarnation = 0;
  bool operator==(const LinkUp&) const = default;
};

/// The link is gone: its sessions are dead. Containers go on running.
struct LinkDown {
  std::string reason;
  bool operator==(const LinkDown&) const = default;
};

/// What this machine can do at the moment. The link tells the coordinator, so that no replicas come while
/// something is amiss, and people see why nothing is said of those that came before.
struct MachineSeen {
  bool runtime_answers = true;
  bool disk_writable = true;  ///< the agent's own state is on the disk, or was when it was last written
  bool operator==(const MachineSeen&) const = default;
};

}  // namespace cloudless

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_agent, caf::first_custom_type_id + 100)
CAF_ADD_TYPE_ID(cloudless_agent, (cloudless::SetOnDisk))
CAF_ADD_TYPE_ID(cloudless_agent, (cloudless::LinkUp))
CAF_ADD_TYPE_ID(cloudless_agent, (cloudless::LinkDown))
CAF_ADD_TYPE_ID(cloudless_agent, (cloudless::Carried<cloudless::AssignmentSet>))
CAF_ADD_TYPE_ID(cloudless_agent, (cloudless::MachineSeen))
CAF_END_TYPE_ID_BLOCK(cloudless_agent)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::SetOnDisk)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::LinkUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::LinkDown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::MachineSeen)

namespace cloudless {

using agent_link_actor = ActorOf<
    // From the supervisor, whenever what is on its disk changed (after it is durable).
    caf::result<void>(SetOnDisk),
    // From the supervisor, when it changed, and after attach_atom.
    caf::result<void>(MachineSeen),
    // From the supervisor: states to report, at most 100 replicas. Dropped while there is no link.
    caf::result<void>(Carried<NodeReport>),
    // From the supervisor: SessionData or SessionEnd, a payload of at most 64 KiB. Dropped while there is no
    // link.
    caf::result<void>(Carried<SessionFrame>)>;

using runtime_supervisor_actor = ActorOf<
    // From the link, once at its start (and again if it is started anew): the link to talk to from now on.
    // Answered when the disk has been read. The link dials only after that.
    caf::result<SetOnDisk>(attach_atom, agent_link_actor),
    // From the link.
    caf::result<void>(LinkUp), caf::result<void>(LinkDown),
    // From the link: what this node should run, whole or changes. One of another cluster, an older one, or
    // changes to another base are not taken (the next Lease tells the coordinator so); the same revision
    // again is harmless.
    caf::result<void>(Carried<AssignmentSet>),
    // From the link: these reports need not be repeated.
    caf::result<void>(Carried<ReportAck>),
    // From the link: SessionOpen, SessionCredit or SessionCancel.
    caf::result<void>(Carried<SessionFrame>),
    // From the agent's own gRPC API: the same with a client of this machine; its frames go to the sink, and
    // the session is cancelled when the sink ends.
    caf::result<void>(Carried<SessionFrame>, session_sink_actor)>;

}  // namespace cloudless
