// The agent's door to its disk: one file, replaced as a whole. file_agent_disk is the real one, simulated/
// the simulator's. Every call returns at once and answers later through its Done, from any thread, exactly
// once.
#pragma once

#include <string>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

class AgentDisk {
 public:
  virtual ~AgentDisk() = default;
  /// The file's bytes. NOT_FOUND if there is none; DATA_LOSS if it cannot be read.
  virtual void load(Done<std::string> done) = 0;
  /// Replaces the file: afterwards it is durable, and a crash at any moment leaves the old one or the new
  /// one. UNAVAILABLE with the reason (disk full) otherwise. The supervisor has one save in flight at a time.
  virtual void save(std::string bytes, Done<Nothing> done) = 0;
};

}  // namespace cloudless::runtime
