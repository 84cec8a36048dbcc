#include "actors/runtime/simulated/post.hpp"

#include <chrono>
#include <memory>
#include <utility>

namespace cloudless::runtime {
using CallPtr = std::shared_ptr<const std::function<void()>>;
}  // namespace cloudless::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::CallPtr)

namespace cloudless::runtime {

SystemPost::SystemPost(caf::actor_system& system)
    : poster_(system.spawn([](caf::event_based_actor*) -> caf::behavior {
        return {[](const CallPtr& call) { (*call)(); }};
      })) {}

SystemPost::~SystemPost() {
  caf::anon_send_exit(poster_, caf::exit_reason::user_shutdown);
}

Post SystemPost::post() const {
  return [poster = poster_](Millis delay, std::function<void()> call) {
    CallPtr message = std::make_shared<const std::function<void()>>(std::move(call));
    caf::delayed_anon_send(poster, std::chrono::milliseconds(delay), std::move(message));
  };
}

}  // namespace cloudless::runtime
