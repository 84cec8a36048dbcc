#include "gateway/mirror_feed.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::gateway {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 250ms;
constexpr auto kFollowTimeout = 5s;

// INTERNAL: sweep_atom is the tick.
using feed_actor = ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom)>;

struct FeedState {
  explicit FeedState(feed_actor::pointer) {}
  std::shared_ptr<Mirror> mirror;
  bool following = false;
};

void follow(feed_actor::stateful_pointer<FeedState> self, const source_actor& source, const Clock& clock) {
  self->request(source, kFollowTimeout, follow_atom_v, caf::actor_cast<follower_actor>(self->address()))
      .then(
          [self, &clock](const CommitsPublished& loaded) {
            self->state.following = true;
            self->state.mirror->publish(loaded, clock.steady());
          },
          [self, source, &clock](const caf::error& error) {
            spdlog::warn("gateway: cannot follow the store yet: {}", from_caf(error).message);
            follow(self, source, clock);
          });
}

feed_actor::behavior_type feed(feed_actor::stateful_pointer<FeedState> self, source_actor source,
                               std::shared_ptr<Mirror> mirror, const Clock& clock) {
  self->state.mirror = std::move(mirror);
  self->attach_functor([mirror = self->state.mirror](const caf::error&) { mirror->close(); });
  self->monitor(source);
  self->set_down_handler([self](const caf::down_msg& down) { self->quit(down.reason); });
  follow(self, source, clock);
  self->delayed_send(self, kTick, sweep_atom_v);
  return {
      [self, &clock](const CommitsPublished& batch) { self->state.mirror->publish(batch, clock.steady()); },
      [self, &clock](sweep_atom) {
        self->state.mirror->tick(clock.steady());
        self->delayed_send(self, kTick, sweep_atom_v);
      },
  };
}

}  // namespace

follower_actor spawn_mirror_feed(caf::actor_system& system, source_actor source,
                                 std::shared_ptr<Mirror> mirror, const Clock& clock) {
  auto spawned = system.spawn(feed, std::move(source), std::move(mirror), std::cref(clock));
  return spawned;
}

}  // namespace cloudless::gateway
