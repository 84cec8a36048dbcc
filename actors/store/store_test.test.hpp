// For tests: a store on the test scheduler, an owner that commits to it, and followers that write down what
// they see.
#pragma once

#include <doctest/doctest.h>

#include <caf/scheduler/test_coordinator.hpp>

#include "actors/store/memory_engine.hpp"
#include "actors/store/store_actor.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::store_test {

class FixedClock : public Clock {
 public:
  Millis steady() const override { return 0; }
  WallMillis wall() const override { return now; }
  WallMillis now = 1000;
};

class TestingConfig : public caf::actor_system_config {
 public:
  TestingConfig() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("testing"));
  }
};

/// What happened, in the order in which it was received.
using Trace = std::vector<std::string>;

inline std::string describe(const CommitsPublished& published) {
  std::string out = "published " + std::to_string(published.predecessor) + ":";
  for (const auto& commit : *published.commits) out += " " + std::to_string(commit.revision);
  return out + " after " + std::to_string(published.after->revision());
}

inline follower_actor::behavior_type tracing_follower(follower_actor::pointer, Trace* trace,
                                                      std::string name) {
  return {[=](const CommitsPublished& published) { trace->push_back(name + " " + describe(published)); }};
}

/// A store on the test scheduler, and an owner that commits to it.
class StoreTest {
 public:
  StoreTest()
      : system_(config_), scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {
    start_store();
  }

  ~StoreTest() {
    for (auto& actor : kept_) caf::anon_send_exit(actor, caf::exit_reason::kill);
    kept_.clear();
    kill_store();
  }

  /// A store over what the last one left.
  void start_store() {
    StoreOptions options;
    options.new_cluster_id = "0123456789abcdef0123456789abcdef";
    options.simulated_delay = [] { return store::EngineDelay{1, 1}; };
    options.on_fatal = [this](const Error& error) { fatal.push_back(error); };
    auto spawned = spawn_store(system_, store::memory_engine(contents), clock, std::move(options));
    REQUIRE(spawned.has_value());
    store = *spawned;
    run();
  }
  void kill_store() {
    caf::anon_send_exit(std::exchange(store, nullptr), caf::exit_reason::kill);
    scheduler_.run();
  }

  caf::actor_system& system() { return system_; }
  /// Ends the actor with the test.
  template <class Handle>
  void keep(const Handle& handle) {
    kept_.push_back(caf::actor_cast<caf::actor>(handle));
  }

  /// Lets time pass, by default enough for the engine to do what it was asked.
  void run(std::chrono::milliseconds time = std::chrono::milliseconds(100)) {
    scheduler_.run();
    for (; time.count() > 0; --time) {
      scheduler_.advance_time(std::chrono::milliseconds(1));
      scheduler_.run();
    }
  }

  /// Asks for a commit; its answer will be traced under the name.
  void commit(const std::string& name, const std::string& owner, std::uint64_t epoch,
              std::vector<Change> changes, std::vector<Precondition> preconditions = {}) {
    auto request = std::make_shared<const CommitRequest>(
        CommitRequest{owner, epoch, std::move(changes), std::move(preconditions)});
    system_.spawn([store = store, request, name, trace = &trace](caf::event_based_actor* self) {
      self->request(store, std::chrono::seconds(30), commit_atom::value, request)
          .then([=](Revision revision) { trace->push_back(name + " committed " + std::to_string(revision)); },
                [=](const caf::error& e) {
                  trace->push_back(name + " refused " + to_string(from_caf(e).code));
                });
    });
    scheduler_.run();
  }

  follower_actor follow(const std::string& name) { return follow(name, source_actor{store}); }
  follower_actor follow(const std::string& name, const source_actor& source) {
    auto follower = system_.spawn(tracing_follower, &trace, name);
    keep(follower);
    follow_again(name, follower, source);
    return follower;
  }
  void follow_again(const std::string& name, const follower_actor& follower, const source_actor& source) {
    system_.spawn([=, trace = &trace](caf::event_based_actor* self) {
      self->request(source, std::chrono::seconds(30), follow_atom::value, follower)
          .then([=](const CommitsPublished& loaded) {
            trace->push_back(name + " loaded " + describe(loaded));
          });
    });
    scheduler_.run();
  }
  void kill(const follower_actor& follower) {
    caf::anon_send_exit(follower, caf::exit_reason::kill);
    scheduler_.run();
  }

  std::vector<Record> range(RecordKind kind, const std::string& after, std::uint32_t limit) {
    std::vector<Record> out;
    system_.spawn([&, this](caf::event_based_actor* self) {
      self->request(store, std::chrono::seconds(30), range_atom::value, static_cast<std::uint8_t>(kind),
                    after, limit)
          .then([&out](const RecordsPtr& records) { out = *records; },
                [this](const caf::error& e) {
                  trace.push_back(std::string("range refused ") + to_string(from_caf(e).code));
                });
    });
    run();
    return out;
  }

  std::shared_ptr<store::MemoryContents> contents = std::make_shared<store::MemoryContents>();
  FixedClock clock;
  Trace trace;
  std::vector<Error> fatal;
  store_actor store;

 private:
  TestingConfig config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  std::vector<caf::actor> kept_;
};

inline Change node(const std::string& id, Revision schedulable = 1, std::size_t padding = 0) {
  Node out;
  out.description.id = NodeId{id};
  out.schedulable_revision = schedulable;
  out.labels["padding"] = std::string(padding, 'x');
  return put(std::make_shared<const Node>(std::move(out)));
}

inline Change idempotency(const std::string& key, WallMillis expires_at) {
  return put(
      std::make_shared<const IdempotencyRow>(IdempotencyRow{"p", "m", "ns", key, "h", "r", expires_at}));
}

}  // namespace cloudless::store_test
