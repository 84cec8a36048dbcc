// Time is an argument: cores receive a Now, shells ask a Clock. Integers of milliseconds everywhere.
#pragma once

#include <cstdint>

namespace cloudless {

/// Milliseconds. Durations, never negative unless said.
using Millis = std::int64_t;
/// Milliseconds since 1970, by some wall clock; for people.
using WallMillis = std::int64_t;

struct Now {
  Millis steady = 0;    ///< monotonic within a process; for leases and time-outs
  WallMillis wall = 0;  ///< for people
};

/// Where shells get the time from. The simulator has its own.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Millis steady() const = 0;
  virtual WallMillis wall() const = 0;
};

}  // namespace cloudless
