// When and under which number the owner decides something: written into the records that come of it.
#pragma once

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::workload_state {

struct Stamp {
  Revision number = 0;  ///< above every stamp before it; becomes the revision of what a user wrote
  WallMillis wall = 0;  ///< for people
  Millis moment = 0;    ///< store time (messages/domain/store_clock.hpp)
};

}  // namespace cloudless::workload_state
