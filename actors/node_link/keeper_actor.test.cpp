#include "actors/node_link/keeper_actor.hpp"

#include <doctest/doctest.h>

#include <caf/scheduler/test_coordinator.hpp>
#include <chrono>
#include <deque>

#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

using namespace std::chrono_literals;
using Done = std::function<void(Result<caf::strong_actor_ptr>)>;

/// On the test scheduler: the test answers each search.
struct KeeperTest {
  KeeperTest() {
    register_messages(config);
    config.set("scheduler.policy", caf::atom("testing"));
    system = std::make_unique<caf::actor_system>(config);
    KeeperOptions options;
    options.what = "a thing";
    options.find = [this](Done done) { searches.push_back(std::move(done)); };
    keeper = spawn_keeper(*system, std::move(options));
    run();
  }
  ~KeeperTest() {
    for (const auto& actor : made) caf::anon_send_exit(actor, caf::exit_reason::kill);
    if (keeper) caf::anon_send_exit(keeper, caf::exit_reason::kill);
    keeper = nullptr;
    run();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
  }
  void run() { scheduler().run(); }
  void pass(std::chrono::milliseconds time) {
    for (auto step = 0ms; step < time; step += 10ms) {
      scheduler().advance_time(10ms);
      run();
    }
  }
  caf::strong_actor_ptr make() {
    const auto actor =
        system->spawn([](caf::event_based_actor*) -> caf::behavior { return {[](sweep_atom) {}}; });
    made.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    actor->attach_functor([this] { ++ended; });
    return made.back();
  }
  void answer(Result<caf::strong_actor_ptr> with) {
    REQUIRE_FALSE(searches.empty());
    const auto done = std::move(searches.front());
    searches.pop_front();
    done(std::move(with));
    run();
  }
  void end(const caf::strong_actor_ptr& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    run();
  }

  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::deque<Done> searches;
  std::vector<caf::strong_actor_ptr> made;
  int ended = 0;
  keeper_actor keeper;
};

TEST_CASE_FIXTURE(KeeperTest, "a keeper looks at once, and again when what it holds is gone") {
  REQUIRE(searches.size() == 1);
  const auto first = make();
  answer(first);
  pass(20s);
  CHECK(searches.empty());
  end(first);
  CHECK(searches.empty());
  pass(100ms);
  CHECK(searches.size() == 1);
}

TEST_CASE_FIXTURE(KeeperTest, "a keeper looks with growing pauses, one search at a time") {
  int found_nothing = 0;
  for (int step = 0; step < 3000; ++step) {
    if (!searches.empty()) {
      CHECK(searches.size() == 1);
      answer(fail(Errc::unavailable, "nobody there"));
      ++found_nothing;
    }
    pass(10ms);
  }
  CHECK(found_nothing >= 10);
  CHECK(found_nothing <= 25);
}

TEST_CASE_FIXTURE(KeeperTest, "what is lost as soon as it is found does not shorten the pauses") {
  int found = 0;
  for (int step = 0; step < 3000; ++step) {
    if (!searches.empty()) {
      const auto actor = make();
      answer(actor);
      end(actor);
      ++found;
    }
    pass(10ms);
  }
  CHECK(found <= 25);
}

TEST_CASE_FIXTURE(KeeperTest, "a keeper that ends takes with it what it holds") {
  answer(make());
  end(caf::actor_cast<caf::strong_actor_ptr>(keeper));
  CHECK(ended == 1);
}

TEST_CASE_FIXTURE(KeeperTest, "what is found after the keeper's end is ended") {
  end(caf::actor_cast<caf::strong_actor_ptr>(keeper));
  keeper = nullptr;
  answer(make());
  CHECK(ended == 1);
}

}  // namespace
}  // namespace cloudless::node_link
