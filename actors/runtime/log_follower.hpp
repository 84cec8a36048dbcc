// The logs of real containers: reads the files that cloudless-logger writes, <log dir>/<container>.log, for
// any number of readings in one thread, woken by inotify and by grants. Never spins, never holds more than a
// piece of a file in memory (a tail up to 64 MiB).
#pragma once

#include <memory>
#include <string>

#include "actors/runtime/log_store.hpp"

namespace cloudless::runtime {

/// INTERNAL if the kernel refuses inotify or eventfd.
Result<std::unique_ptr<LogStore>> make_log_follower(std::string log_dir);

}  // namespace cloudless::runtime
