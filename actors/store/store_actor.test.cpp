#include "actors/store/store_actor.hpp"

#include <doctest/doctest.h>

#include "actors/store/engine_job.hpp"
#include "actors/store/store_test.test.hpp"

namespace cloudless {
namespace {

using namespace store_test;

TEST_CASE("an empty store gets its identity as its first commit, and keeps it") {
  const auto contents = std::make_shared<store::MemoryContents>();
  for (const auto* id : {"first", "second"}) {
    TestingConfig config;
    caf::actor_system system(config);
    FixedClock clock;
    StoreOptions options;
    options.new_cluster_id = id;
    options.simulated_delay = [] { return store::EngineDelay{}; };
    auto store = spawn_store(system, store::memory_engine(contents), clock, options);
    REQUIRE(store.has_value());
    CHECK(contents->revision == 1);
    const auto engine = store::memory_engine(contents);
    CHECK(store::load_snapshot(*engine)->cluster_id() == "first");
    caf::anon_send_exit(*store, caf::exit_reason::kill);
    dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run();
  }
}

TEST_CASE("a commit is durable first, then published, then answered") {
  StoreTest test;
  test.follow("f");
  test.commit("c", "owner", 1, {node("x")});
  CHECK(test.contents->revision == 1);
  CHECK(test.trace == Trace{"f loaded published 1: after 1"});
  test.run();
  CHECK(test.contents->revision == 2);
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "f published 1: 2 after 2", "c committed 2"});
}

TEST_CASE(
    "commits that arrive while the engine is busy become one batch, published once, answered in order") {
  StoreTest test;
  test.follow("f");
  for (const auto* name : {"a", "b", "c", "d"}) test.commit(name, "owner", 1, {node(name)});
  test.run();
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "f published 1: 2 after 2", "a committed 2",
                            "f published 2: 3 4 5 after 5", "b committed 3", "c committed 4",
                            "d committed 5"});
}

TEST_CASE("a follower that comes while a commit is in flight gets it exactly once") {
  StoreTest test;
  test.commit("a", "owner", 1, {node("x")});
  test.follow("f");
  test.run();
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "f published 1: 2 after 2", "a committed 2"});
}

TEST_CASE("following again loads anew and does not double what is sent") {
  StoreTest test;
  const auto follower = test.follow("f");
  test.follow_again("f", follower, source_actor{test.store});
  test.commit("a", "owner", 1, {node("x")});
  test.run();
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "f loaded published 1: after 1",
                            "f published 1: 2 after 2", "a committed 2"});
}

TEST_CASE("a follower that ends is forgotten and the others go on") {
  StoreTest test;
  const auto first = test.follow("f");
  test.follow("g");
  test.kill(first);
  test.commit("a", "owner", 1, {node("x")});
  test.run();
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "g loaded published 1: after 1",
                            "g published 1: 2 after 2", "a committed 2"});
}

TEST_CASE("a failed precondition is ABORTED at once and closes the owner's epoch") {
  StoreTest test;
  test.commit("a", "owner", 1, {node("x", 5)});
  test.commit("b", "owner", 1, {node("x", 6)}, {{node_key(NodeId{"x"}), 4}});
  test.commit("c", "owner", 1, {node("y")});
  test.commit("d", "other", 1, {node("z")});
  test.commit("e", "owner", 2, {node("y")}, {{node_key(NodeId{"x"}), 5}});
  test.run();
  CHECK(test.trace == Trace{"b refused ABORTED", "c refused UNAVAILABLE", "a committed 2", "d committed 3",
                            "e committed 4"});
}

TEST_CASE("an I/O error refuses everything in flight, is reported once, and ends all committing") {
  StoreTest test;
  test.follow("f");
  test.contents->next_commit_fails = {Errc::unavailable, "the disk is on fire", {}};
  test.commit("a", "owner", 1, {node("x")});
  test.commit("b", "other", 1, {node("y")});
  test.run();
  test.commit("c", "owner", 2, {node("z")});
  test.run();
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "a refused UNAVAILABLE", "b refused UNAVAILABLE",
                            "c refused UNAVAILABLE"});
  REQUIRE(test.fatal.size() == 1);
  CHECK(test.fatal.front().message == "the disk is on fire");
  CHECK(test.contents->revision == 1);
}

TEST_CASE(
    "a full disk refuses what is in flight; when there is space again the owners go on in a new epoch") {
  StoreTest test;
  test.follow("f");
  test.contents->next_commit_fails = {Errc::resource_exhausted, "full", {}};
  test.commit("a", "owner", 1, {node("x")});
  test.commit("b", "other", 1, {node("y")});
  test.run();
  test.commit("c", "owner", 1, {node("z")});
  test.commit("d", "owner", 2, {node("x")}, {{node_key(NodeId{"x"}), 0}, {node_key(NodeId{"y"}), 0}});
  test.run();
  CHECK(test.fatal.empty());
  CHECK(test.trace == Trace{"f loaded published 1: after 1", "a refused UNAVAILABLE", "b refused UNAVAILABLE",
                            "c refused UNAVAILABLE", "f published 1: 2 after 2", "d committed 2"});
}

TEST_CASE("idempotency rows are read in pages and see every commit that came before") {
  StoreTest test;
  test.commit("a", "owner", 1, {idempotency("k1", 5000), idempotency("k2", 5000)});
  test.commit("b", "owner", 1, {idempotency("k3", 5000)});
  const auto first = test.range(RecordKind::idempotency, "", 2);
  REQUIRE(first.size() == 2);
  CHECK(std::get<std::shared_ptr<const IdempotencyRow>>(first[1])->key == "k2");
  const auto rest = test.range(RecordKind::idempotency, key_of(first[1]).id, 2);
  REQUIRE(rest.size() == 1);
  CHECK(*std::get<std::shared_ptr<const IdempotencyRow>>(rest[0]) ==
        IdempotencyRow{"p", "m", "ns", "k3", "h", "r", 5000});
  CHECK(test.range(RecordKind::idempotency, key_of(rest[0]).id, 2).empty());
}

TEST_CASE("an expired idempotency row goes with a later commit") {
  StoreTest test;
  test.commit("a", "owner", 1, {idempotency("k1", 5000), idempotency("k2", 9000)});
  test.run();
  test.clock.now = 6000;
  test.commit("b", "owner", 1, {node("x")});
  test.run();
  CHECK(test.range(RecordKind::idempotency, "", 10).size() == 1);
}

TEST_CASE("a range of what the snapshot holds is refused") {
  StoreTest test;
  CHECK(test.range(RecordKind::node, "", 10).empty());
  CHECK(test.trace == Trace{"range refused INVALID_ARGUMENT"});
}

TEST_CASE("a record that cannot be read keeps the store from starting") {
  TestingConfig config;
  caf::actor_system system(config);
  const auto contents = std::make_shared<store::MemoryContents>();
  contents->revision = 3;
  contents->rows[node_key(NodeId{"x"})] = {"\xff\xff not a record", 0};
  const FixedClock clock;
  const auto store = spawn_store(system, store::memory_engine(contents), clock, {});
  REQUIRE_FALSE(store.has_value());
  CHECK(store.error().code == Errc::data_loss);
  CHECK(store.error().message.find("x") != std::string::npos);
}

}  // namespace
}  // namespace cloudless
