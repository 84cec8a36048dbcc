// Which log files of ended containers go: logs outlive their containers, so that people can ask why one
// ended. Pure; the runtime lists the folder and deletes.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

struct LogFile {
  ContainerId container;
  WallMillis written_at = 0;  ///< the last time
};

/// How long logs of ended containers stay, at least for the newest attempts.
inline constexpr Millis kKeepLogsFor = 24 * 3'600'000;
/// Attempts of one replica whose logs stay.
inline constexpr std::size_t kAttemptsKept = 5;
/// Files of ended containers that stay altogether.
inline constexpr std::size_t kLogsKept = 1000;

/// Everything that is not in `keep` and is too old, or of too many. "<replica's part>-<attempt>" is how
/// containers are named.
std::vector<ContainerId> expired_logs(std::vector<LogFile> files, const std::set<ContainerId>& keep,
                                      WallMillis now);

}  // namespace cloudless::runtime
