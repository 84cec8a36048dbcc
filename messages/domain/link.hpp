// Everything that crosses the link between a coordinator's node_link and an agent. Level-triggered: every
// frame may be lost, late or repeated; leases and reconnects repair it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "messages/domain/assignment.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/observation.hpp"
#include "messages/domain/session.hpp"

namespace cloudless {

/// Agent, first on every connection, and again until answered.
struct Hello {
  NodeDescription description;
  std::uint64_t boot_id = 0;   ///< random per agent process: a new one is a new incarnation
  std::string pinned_cluster;  ///< empty: none yet
  Revision set_revision = 0;   ///< of the assignment set on its disk
  bool operator==(const Hello&) const = default;
};
/// Coordinator, to Hello.
struct Welcome {
  std::string cluster_id;
  std::uint64_t boot_id = 0;  ///< as in Hello
  std::uint64_t incarnation = 0;
  Millis lease_interval = 500;    ///< how often to send Lease
  Millis lease_duration = 10000;  ///< without one for this long the node is OFFLINE
  bool operator==(const Welcome&) const = default;
};
/// Coordinator: this agent may not join; the reason is for people.
struct Refused {
  Error error;
  bool operator==(const Refused&) const = default;
};
/// Agent, every lease_interval.
struct Lease {
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  Revision set_revision = 0;  ///< of the set it has on disk: the coordinator sends what is missing
  std::uint32_t rtt_ms = 0;   ///< from a lease to its answer, as of late; 0: not known, or below one
  bool operator==(const Lease&) const = default;
};
/// Coordinator, to Lease: the agent knows that it is heard.
struct LeaseAck {
  std::uint64_t sequence = 0;
  bool operator==(const LeaseAck&) const = default;
};

/// Assignment sets travel as one frame of at most 256 KiB; larger ones as parts of an encoded set.
struct SetPart {
  Revision revision = 0;
  std::uint32_t index = 0;
  std::uint32_t count = 1;
  std::string bytes;  ///< a piece of the encoded AssignmentSet, at most 64 KiB
  bool operator==(const SetPart&) const = default;
};

using LinkFrame =
    std::variant<Hello, Welcome, Refused, Lease, LeaseAck, SetPart, NodeReport, ReportAck, SessionFrame>;

}  // namespace cloudless
