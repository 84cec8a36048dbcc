// An owner on the test scheduler over a real store with a memory engine: virtual time, restarts over the same
// contents, requests that stay in flight until the test lets time pass.
#pragma once

#include <doctest/doctest.h>

#include <caf/scheduler/test_coordinator.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/store/memory_engine.hpp"
#include "actors/store/store_actor.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::owner {

class VirtualClock : public Clock {
 public:
  Millis steady() const override { return elapsed; }
  WallMillis wall() const override { return 1'700'000'000'000 + elapsed; }
  Millis elapsed = 0;
};

/// The answer of one request; empty until it came.
template <class T>
using Answer = std::shared_ptr<std::optional<Result<T>>>;

/// One life of a coordinator: ends with everything in it. `contents` outlive it.
template <class Owner>
class OwnerLife {
 public:
  using Spawn = std::function<Owner(caf::actor_system&, const store_actor&, const Clock&)>;

  OwnerLife(std::shared_ptr<store::MemoryContents> contents, VirtualClock& clock, const Spawn& spawn)
      : clock_(clock) {
    StoreOptions options;
    options.new_cluster_id = "0123456789abcdef0123456789abcdef";
    options.simulated_delay = [] { return store::EngineDelay{1, 1}; };
    auto spawned = spawn_store(system_, store::memory_engine(std::move(contents)), clock, std::move(options));
    REQUIRE(spawned.has_value());
    store = *spawned;
    owner = spawn(system_, store, clock);
  }
  ~OwnerLife() {
    caf::anon_send_exit(owner, caf::exit_reason::kill);
    caf::anon_send_exit(store, caf::exit_reason::kill);
    owner = nullptr;
    store = nullptr;
    scheduler_.run();
  }
  OwnerLife(const OwnerLife&) = delete;
  OwnerLife& operator=(const OwnerLife&) = delete;

  /// Delivers what can be delivered now; no time passes, so no commit becomes durable.
  void deliver() { scheduler_.run(); }
  /// Lets time pass, one millisecond at a time.
  void pass(Millis time) {
    deliver();
    for (Millis i = 0; i < time; ++i) {
      ++clock_.elapsed;
      scheduler_.advance_time(std::chrono::milliseconds(1));
      deliver();
    }
  }

  /// Sends a request to the owner and delivers it.
  template <class T, class... Args>
  Answer<T> ask(const Args&... args) {
    return ask_actor<T>(owner, args...);
  }
  template <class T, class Handle, class... Args>
  Answer<T> ask_actor(const Handle& handle, const Args&... args) {
    auto answer = send_to<T>(handle, args...);
    deliver();
    return answer;
  }
  /// Sends it only: deliver() delivers several requests, in order.
  template <class T, class... Args>
  Answer<T> send(const Args&... args) {
    return send_to<T>(owner, args...);
  }

  /// Another owner's commit.
  Answer<Revision> commit(const std::string& name, std::vector<Change> changes) {
    auto request =
        std::make_shared<const CommitRequest>(CommitRequest{name, ++epoch_, std::move(changes), {}});
    return ask_actor<Revision>(store, commit_atom::value, CommitRequestPtr(request));
  }
  /// The published state.
  SnapshotPtr published() {
    auto follower = system_.spawn([](follower_actor::pointer) -> follower_actor::behavior_type {
      return {[](const CommitsPublished&) {}};
    });
    const auto answer = ask_actor<CommitsPublished>(store, follow_atom::value, follower);
    caf::anon_send_exit(follower, caf::exit_reason::kill);
    deliver();
    REQUIRE(answer->has_value());
    return (**answer)->after;
  }

  store_actor store;
  Owner owner;

 private:
  class Config : public caf::actor_system_config {
   public:
    Config() {
      register_messages(*this);
      set("scheduler.policy", caf::atom("testing"));
    }
  };

  template <class T, class Handle, class... Args>
  Answer<T> send_to(const Handle& handle, const Args&... args) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    system_.spawn([handle, answer, args...](caf::event_based_actor* self) {
      self->request(handle, std::chrono::seconds(30), args...)
          .then([answer](const T& value) { *answer = value; },
                [answer](const caf::error& error) { *answer = fail(from_caf(error)); });
    });
    return answer;
  }

  VirtualClock& clock_;
  std::uint64_t epoch_ =
      0;  // of the commits by others: a new one each, so that none falls with an earlier one
  Config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_ =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
};

/// The code of an answer that came: none is success.
template <class T>
Errc code_of(const Answer<T>& answer) {
  REQUIRE(answer->has_value());
  return **answer ? Errc::none : (*answer)->error().code;
}

/// What came: success is required.
template <class T>
const T& value_of(const Answer<Carried<T>>& answer) {
  REQUIRE(code_of(answer) == Errc::none);
  return ****answer;
}

}  // namespace cloudless::owner
