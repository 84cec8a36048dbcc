#include "telemetry/system_clock.hpp"

#include <chrono>

namespace cloudless::telemetry {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

Millis SystemClock::steady() const {
  return duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

WallMillis SystemClock::wall() const {
  return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace cloudless::telemetry
