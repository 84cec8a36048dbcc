#include "actors/events/events_actor.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "actors/events/derive.hpp"
#include "actors/events/event_log.hpp"
#include "messages/caf_error.hpp"

namespace cloudless {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kKept = 10'000;

/// What the actor also sends to itself.
using inner_actor =
    ActorOf<caf::result<void>(CommitsPublished), caf::result<Carried<EventList>>(Carried<EventQuery>),
            caf::result<void>(Carried<EventList>), caf::result<void>(sweep_atom)>;

struct State {
  explicit State(inner_actor::pointer self) : self_(self) {}

  void init(source_actor source, const Clock* clock) {
    source_ = std::move(source);
    clock_ = clock;
    follow();
  }

  void follow() {
    self_->request(source_, 5s, follow_atom::value, follower_actor{inner_actor{self_}})
        .then([this](const CommitsPublished& present) { take(present); },
              [this](const caf::error& error) {
                spdlog::warn("events: cannot follow: {}", from_caf(error).message);
                self_->delayed_send(self_, 500ms, sweep_atom::value);
              });
  }

  void take(const CommitsPublished& batch) {
    if (view_ && batch.after->revision() <= view_->revision()) return;
    if (view_ && batch.predecessor == view_->revision()) {
      Snapshot before = *view_;
      for (const auto& commit : *batch.commits) {
        log_.add(events::derive(before, commit, clock_->wall()));
        before.apply(commit);
      }
    }
    view_ = batch.after;
  }

  inner_actor::behavior_type behavior() {
    return {
        // From the source.
        [this](const CommitsPublished& batch) { take(batch); },
        // From a gateway.
        [this](const Carried<EventQuery>& query) -> caf::result<Carried<EventList>> {
          return Carried<EventList>{log_.find(*query)};
        },
        // From the link hub.
        [this](const Carried<EventList>& told) {
          auto events = told->events;
          for (auto& event : events) event.revision = view_ ? view_->revision() : 0;
          log_.add(std::move(events));
        },
        // INTERNAL: following failed a moment ago.
        [this](sweep_atom) {
          if (!view_) follow();
        },
    };
  }

  inner_actor::pointer self_;
  source_actor source_;
  const Clock* clock_ = nullptr;
  SnapshotPtr view_;
  events::EventLog log_{kKept};
};

}  // namespace

events_actor spawn_events(caf::actor_system& system, source_actor source, const Clock& clock) {
  return system.spawn([source = std::move(source), clock = &clock](
                          inner_actor::stateful_pointer<State> self) -> inner_actor::behavior_type {
    self->state.init(source, clock);
    return self->state.behavior();
  });
}

}  // namespace cloudless
