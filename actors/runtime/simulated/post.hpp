// "Call this after so many milliseconds", for simulated machines: on CAF's test scheduler the time is virtual
// and the order of calls is the scheduler's, so that a run replays.
#pragma once

#include <functional>

#include "messages/caf_shim.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

using Post = std::function<void(Millis delay, std::function<void()> call)>;

/// Posts to an actor of `system`, which makes the calls. Calls that are due after this object is gone are not
/// made.
class SystemPost {
 public:
  explicit SystemPost(caf::actor_system& system);
  ~SystemPost();
  SystemPost(const SystemPost&) = delete;
  SystemPost& operator=(const SystemPost&) = delete;
  Post post() const;

 private:
  caf::actor poster_;
};

}  // namespace cloudless::runtime
