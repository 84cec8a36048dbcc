// The agent's state file on a real disk: <state dir>/agent-state, written beside, synced, renamed, and the
// folder synced. One thread of its own does the waiting.
#pragma once

#include <memory>
#include <string>

#include "actors/runtime/agent_disk.hpp"

namespace cloudless::runtime {

/// Makes the folder (mode 0700) if it does not exist. FAILED_PRECONDITION if it cannot be made or written,
/// or if a newer version wrote the file that is there.
Result<std::unique_ptr<AgentDisk>> make_file_agent_disk(const std::string& state_dir);

/// Replaces a file so that a crash at any moment leaves the old one or the new one; mode 0600. UNAVAILABLE
/// with the reason.
Result<Nothing> replace_file(const std::string& path, const std::string& bytes);
/// NOT_FOUND if there is none; DATA_LOSS if it cannot be read.
Result<std::string> read_whole_file(const std::string& path);

}  // namespace cloudless::runtime
