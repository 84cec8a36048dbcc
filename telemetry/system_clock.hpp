// The machine's clocks, for production.
#pragma once

#include "messages/domain/time.hpp"

namespace cloudless::telemetry {

/// Thread-safe.
class SystemClock final : public Clock {
 public:
  Millis steady() const override;
  WallMillis wall() const override;
};

}  // namespace cloudless::telemetry
