// What happened, for people: derived from commits by actors/events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

enum class Severity : std::uint8_t { info = 1, warning = 2 };

struct Event {
  Revision revision = 0;
  WallMillis time = 0;
  Severity severity = Severity::info;
  std::string kind;  ///< "ReplicaStarted"
  std::string ns;
  std::string workload;
  ReplicaId replica;
  NodeId node;
  std::string message;
  bool operator==(const Event&) const = default;
};

/// Which events; empty fields do not restrict.
struct EventQuery {
  std::string ns;
  std::string workload;
  NodeId node;
  Revision after_revision = 0;
  std::uint32_t limit = 100;  ///< the newest this many, 1-1000
  bool operator==(const EventQuery&) const = default;
};

/// Newest last.
struct EventList {
  std::vector<Event> events;
  bool operator==(const EventList&) const = default;
};

}  // namespace cloudless
