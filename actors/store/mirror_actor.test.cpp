#include "actors/store/mirror_actor.hpp"

#include <doctest/doctest.h>

#include "actors/store/store_test.test.hpp"

namespace cloudless {
namespace {

using namespace store_test;

/// Counts how often the mirror looked for its store.
class MirrorTest : public StoreTest {
 public:
  source_actor mirror(std::function<Result<store_actor>()> find) {
    MirrorOptions options;
    options.find_store = [this, find = std::move(find)](const auto& done) {
      ++searches;
      done(find());
    };
    auto spawned = spawn_mirror(system(), std::move(options));
    keep(spawned);
    return spawned;
  }
  source_actor mirror() {
    return mirror([this] { return Result<store_actor>(store); });
  }
  int searches = 0;
};

TEST_CASE("a follower of a mirror sees what a follower of the store sees") {
  MirrorTest test;
  const auto mirror = test.mirror();
  test.run();
  test.follow("m", mirror);
  for (const auto* name : {"a", "b", "c"}) test.commit(name, "owner", 1, {node(name)});
  test.run();
  CHECK(test.trace == Trace{"m loaded published 1: after 1", "a committed 2", "m published 1: 2 after 2",
                            "b committed 3", "c committed 4", "m published 2: 3 4 after 4"});
}

TEST_CASE("a follower that comes before the mirror has loaded is answered when it has") {
  MirrorTest test;
  bool there = false;
  const auto mirror = test.mirror([&]() -> Result<store_actor> {
    if (there) return test.store;
    return fail(Errc::unavailable, "nobody there");
  });
  test.run();
  test.follow("m", mirror);
  CHECK(test.trace.empty());
  CHECK(test.searches > 0);
  there = true;
  test.run(std::chrono::seconds(5));
  CHECK(test.trace == Trace{"m loaded published 1: after 1"});
}

TEST_CASE(
    "a mirror that lost its store keeps what it has, looks for it with growing pauses, and reloads from the "
    "next one") {
  MirrorTest test;
  bool there = true;
  store_actor next = test.store;
  const auto mirror = test.mirror([&]() -> Result<store_actor> {
    if (there) return next;
    return fail(Errc::unavailable, "nobody there");
  });
  test.run();
  test.follow("m", mirror);
  there = false;
  test.kill_store();
  const int before = test.searches;
  test.run(std::chrono::seconds(10));
  CHECK(test.searches - before >= 5);
  CHECK(test.searches - before <= 12);
  test.follow("late", mirror);
  CHECK(test.trace == Trace{"m loaded published 1: after 1", "late loaded published 1: after 1"});
  test.start_store();
  next = test.store;
  there = true;
  test.run(std::chrono::seconds(3));
  test.commit("a", "owner", 1, {node("x")});
  test.run();
  const auto reloaded = std::to_string(~Revision{0});
  CHECK(test.trace == Trace{"m loaded published 1: after 1", "late loaded published 1: after 1",
                            "m published " + reloaded + ": after 1",
                            "late published " + reloaded + ": after 1", "a committed 2",
                            "m published 1: 2 after 2", "late published 1: 2 after 2"});
}

TEST_CASE("a mirror of many records loads them all within its window") {
  MirrorTest test;
  for (int i = 0; i < 300; ++i) test.commit("", "owner", 1, {node("n" + std::to_string(i), 1, 3000)});
  test.run(std::chrono::seconds(5));
  const auto mirror = test.mirror();
  test.run();
  test.trace.clear();
  test.follow("m", mirror);
  CHECK(test.trace == Trace{"m loaded published 301: after 301"});
  for (int i = 0; i < 300; ++i) test.commit("", "owner", 1, {node("n" + std::to_string(i), 2, 3000)});
  test.run(std::chrono::seconds(5));
  CHECK(test.trace.back().find("after 601") != std::string::npos);
}

}  // namespace
}  // namespace cloudless
