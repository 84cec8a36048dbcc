#include "actors/node_link/keeper_actor.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <random>
#include <utility>

#include "actors/node_link/reconnect.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

/// What `find` found.
struct Found {
  Result<caf::strong_actor_ptr> actor;
};
using FoundPtr = std::shared_ptr<const Found>;

}  // namespace
}  // namespace cloudless::node_link

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::node_link::FoundPtr)

namespace cloudless::node_link {
namespace {

using Shell = keeper_actor::extend_with<ActorOf<
    // INTERNAL: the answer of find.
    caf::result<void>(FoundPtr),
    // INTERNAL: some time has passed since this was found.
    caf::result<void>(hello_atom, std::uint64_t)>>;

/// What was lost sooner than this was no success: the pauses go on growing.
constexpr std::chrono::seconds kLasting{5};

void end(const caf::strong_actor_ptr& actor) {
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

class KeeperState {
 public:
  explicit KeeperState(Shell::pointer self) : self_(self) {}
  ~KeeperState() {
    if (held_) end(held_);
  }
  KeeperState(const KeeperState&) = delete;
  KeeperState& operator=(const KeeperState&) = delete;

  Shell::behavior_type start(KeeperOptions options) {
    options_ = std::move(options);
    random_.seed(options_.seed);
    self_->set_down_handler([this](const caf::down_msg& down) {
      if (held_ && held_->address() == down.source) lost(from_caf(down.reason).message);
    });
    look();
    return {[this](sweep_atom) { look(); },
            [this](const FoundPtr& found) {
              if (found->actor)
                hold(*found->actor);
              else
                lost(found->actor.error().message);
            },
            [this](hello_atom, std::uint64_t count) {
              if (held_ && count == count_) failures_ = 0;
            }};
  }

 private:
  void look() {
    if (held_) return;
    options_.find([self = caf::actor_cast<caf::weak_actor_ptr>(Shell{self_})](
                      Result<caf::strong_actor_ptr> found) {
      if (const auto alive = self.lock())
        caf::anon_send(caf::actor_cast<Shell>(alive), std::make_shared<const Found>(Found{std::move(found)}));
      else if (found)
        end(*found);
    });
  }

  void hold(const caf::strong_actor_ptr& found) {
    spdlog::info("{}: found", options_.what);
    held_ = found;
    self_->monitor(found);
    self_->delayed_send(self_, kLasting, hello_atom::value, ++count_);
  }

  void lost(const std::string& why) {
    if (held_ || failures_ == 0) spdlog::warn("{}: {}; looking for it again", options_.what, why);
    held_ = nullptr;
    self_->delayed_send(self_, std::chrono::milliseconds{reconnect_delay(failures_++, random_())},
                        sweep_atom::value);
  }

  Shell::pointer self_;
  KeeperOptions options_;
  std::mt19937_64 random_;
  caf::strong_actor_ptr held_;
  std::uint64_t count_ = 0;     // how often it was found
  std::uint32_t failures_ = 0;  // in a row
};

}  // namespace

keeper_actor spawn_keeper(caf::actor_system& system, KeeperOptions options) {
  return system.spawn(
      [options = std::move(options)](Shell::stateful_pointer<KeeperState> self) -> Shell::behavior_type {
        return self->state.start(options);
      });
}

}  // namespace cloudless::node_link
