// The folder of a node's container logs as a whole: what is there, and removing what has expired.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "actors/runtime/log_retention.hpp"

namespace cloudless::runtime {

/// Every container that has a log there.
std::vector<LogFile> logs_in(const std::string& dir);
/// All files of these containers' logs.
void remove_logs(const std::string& dir, const std::set<ContainerId>& containers);

}  // namespace cloudless::runtime
