#include "actors/store/simulated_disk.hpp"

#include <doctest/doctest.h>

#include "actors/store/engine_fixture.test.hpp"

namespace cloudless::store {
namespace {

EncodedCommit commit_of(Revision revision, std::size_t size) {
  EncodedCommit out{revision, {}};
  for (int i = 0; i < 3; ++i)
    out.changes.push_back(
        {{RecordKind::replica, "r" + std::to_string((revision * 7 + static_cast<Revision>(i)) % 40)},
         std::string(size, static_cast<char>('a' + revision % 26))});
  return out;
}

/// What the store must hold after so many commits of commit_of.
std::vector<StoredRecord> expected_after(Revision last, const std::vector<std::size_t>& sizes) {
  const auto contents = std::make_shared<MemoryContents>();
  const auto model = memory_engine(contents);
  for (Revision r = 1; r <= last; ++r) REQUIRE(model->commit({commit_of(r, sizes[r])}, 0));
  return model->load()->records;
}

struct PowerRun {
  std::uint64_t lost = 0;        // acknowledged commits that are not there
  std::uint64_t unreadable = 0;  // stores that cannot be opened or read
  std::uint64_t acknowledged = 0;
};

/// Commits, fails the power in the middle of something, opens again, and so on; stops at the first loss.
PowerRun run_with_power_failures(std::uint64_t seed, bool wait_for_disk) {
  std::mt19937_64 dice(seed);
  SimulatedDisk disk(seed);
  PowerRun out;
  std::vector<std::size_t> sizes{0};  // of each commit, by revision
  Revision acknowledged = 0;
  for (int incarnation = 0; incarnation < 6; ++incarnation) {
    {
      auto engine = open_sqlite_engine("store.db", {disk.vfs(), wait_for_disk});
      if (!engine) return ++out.unreadable, out;
      const auto state = (*engine)->load();
      if (!state) return ++out.unreadable, out;
      if (state->revision < acknowledged) return out.lost += acknowledged - state->revision, out;
      REQUIRE(state->revision <= acknowledged + 1);  // at most the one that was in flight
      sizes.resize(state->revision + 1);
      if (state->records != expected_after(state->revision, sizes)) return ++out.unreadable, out;
      acknowledged = state->revision;
      disk.faults.operations_left = dice() % 400;
      for (;;) {
        sizes.resize(acknowledged + 1);
        sizes.push_back(dice() % 3000);
        if (!(*engine)->commit({commit_of(acknowledged + 1, sizes.back())}, 0)) break;
        ++acknowledged;
        ++out.acknowledged;
      }
      sizes.push_back(0);
      disk.crash();
    }
  }
  return out;
}

TEST_CASE("an acknowledged commit survives a loss of power at any operation") {
  std::uint64_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    const auto run = run_with_power_failures(seed, true);
    CHECK(run.lost == 0);
    CHECK(run.unreadable == 0);
    acknowledged += run.acknowledged;
  }
  CHECK(acknowledged > 10'000);
}

TEST_CASE("the simulated disk can lose data: without waiting for it, acknowledged commits are lost") {
  std::uint64_t losses = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const auto run = run_with_power_failures(seed, false);
    losses += run.lost + run.unreadable;
  }
  CHECK(losses > 0);
}

TEST_CASE("the same seed loses the same") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const auto first = run_with_power_failures(seed, false);
    const auto second = run_with_power_failures(seed, false);
    CHECK(first.acknowledged == second.acknowledged);
    CHECK(first.lost == second.lost);
    CHECK(first.unreadable == second.unreadable);
  }
}

TEST_CASE("an engine from before a crash can do nothing any more") {
  SimulatedDisk disk(1);
  auto before = open_sqlite_engine("store.db", {disk.vfs(), true});
  REQUIRE(before.has_value());
  REQUIRE((*before)->commit({commit_of(1, 10)}, 0));
  disk.crash();
  CHECK((*before)->commit({commit_of(2, 10)}, 0).error().code == Errc::unavailable);
  auto after = open_sqlite_engine("store.db", {disk.vfs(), true});
  REQUIRE(after.has_value());
  REQUIRE((*after)->commit({commit_of(2, 20)}, 0));
  before->reset();
  REQUIRE((*after)->commit({commit_of(3, 20)}, 0));
  after->reset();
  CHECK((*open_sqlite_engine("store.db", {disk.vfs(), true}))->load()->revision == 3);
}

TEST_CASE("on a full disk a commit is refused as a whole, and the next one that fits is stored") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    SimulatedDisk disk(seed);
    auto engine = open_sqlite_engine("store.db", {disk.vfs(), true});
    REQUIRE(engine.has_value());
    std::vector<std::size_t> sizes{0, 100};
    REQUIRE((*engine)->commit({commit_of(1, 100)}, 0));
    Revision last = 1;
    for (int attempt = 0; attempt < 60; ++attempt) {
      disk.faults.capacity = dice() % 2 == 0 ? SIZE_MAX : disk.used_bytes() + dice() % 20'000;
      sizes.resize(last + 1);
      sizes.push_back(dice() % 9000);
      const auto done = (*engine)->commit({commit_of(last + 1, sizes.back())}, 0);
      if (done) {
        ++last;
      } else {
        CHECK(done.error().code == Errc::resource_exhausted);
        CHECK(done.error().message.find("free some space") != std::string::npos);
      }
    }
    disk.crash();
    engine->reset();
    auto again = open_sqlite_engine("store.db", {disk.vfs(), true});
    REQUIRE(again.has_value());
    const auto state = (*again)->load();
    REQUIRE(state.has_value());
    CHECK(state->revision == last);
    CHECK(state->records == expected_after(last, sizes));
  }
}

}  // namespace
}  // namespace cloudless::store
