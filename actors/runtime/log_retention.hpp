// Which logs of ended containers go: logs outlive their containers, so that people can ask why one
// ended. Pure; the runtime lists the folder and deletes.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

struct LogFile {
  ContainerId container;      ///< each once, however many files its log has
  WallMillis written_at = 0;  ///< the last time
};

/// How long logs of ended containers stay, at least for the newest attempts.
inline constexpr Millis kKeepLogsFor = Millis{24} * 3'600'000;
/// Containers of ended containers that stay altogether.
inline constexpr std::size_t kLogsKept = 1000;

/// Everything that is not in `keep` and is too old, or of too many. Of a replica that has a container in
/// `keep` the newest `attempts` stay however old they are. "<replica's part>-<attempt>" is how containers are
/// named.
std::vector<ContainerId> expired_logs(const std::vector<LogFile>& logs, const std::set<ContainerId>& keep,
                                      std::size_t attempts, WallMillis now);

}  // namespace cloudless::runtime
