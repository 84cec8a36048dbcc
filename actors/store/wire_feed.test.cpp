// Both ends of the wire: a store's WireFeed and a follower's MirrorState, with what lies between them in the
// test's hand.
#include "actors/store/wire_feed.hpp"

#include <doctest/doctest.h>

#include <random>

#include "actors/store/mirror_state.hpp"

namespace cloudless::store {
namespace {

constexpr std::uint64_t kFrame = 64 << 10;

Change node(const std::string& id, Revision schedulable, std::size_t padding = 0) {
  Node out;
  out.description.id = NodeId{id};
  out.schedulable_revision = schedulable;
  out.labels["padding"] = std::string(padding, 'x');
  return put(std::make_shared<const Node>(std::move(out)));
}

/// What the store has: its published snapshot and its history.
struct Store {
  SnapshotPtr published = std::make_shared<const Snapshot>();
  History history{HistoryBounds{}, 0};

  void commit(std::vector<std::vector<Change>> commits) {
    Snapshot next = *published;
    std::vector<Commit> batch;
    for (auto& changes : commits) {
      batch.push_back({next.revision() + 1, std::move(changes)});
      next.apply(batch.back());
    }
    history.add(std::make_shared<const std::vector<Commit>>(std::move(batch)), 1, 0);
    published = std::make_shared<const Snapshot>(std::move(next));
  }
};

bool same(const SnapshotPtr& a, const SnapshotPtr& b) {
  if (!a || !b || a->revision() != b->revision() || a->nodes().size() != b->nodes().size()) return false;
  bool equal = true;
  a->nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& n) {
    const auto other = b->node(id);
    equal = equal && other && *other == *n;
  });
  return equal;
}

/// Brings everything over, granting what was taken.
std::vector<MirrorState::Step> deliver_all(WireFeed& feed, const Store& store, MirrorState& mirror) {
  std::vector<MirrorState::Step> out;
  for (;;) {
    const auto frames = feed.take(store.history, store.published);
    if (frames.empty()) return out;
    for (const auto& frame : frames) {
      REQUIRE(frame.size() <= kFrame);
      auto step = mirror.take(frame);
      REQUIRE(step.has_value());
      if (*step) out.push_back(std::move(**step));
      feed.grant(frame.size());
    }
  }
}

TEST_CASE("a follower with nothing loads the snapshot, then gets each commit") {
  Store store;
  for (Revision r = 1; r <= 300; ++r) store.commit({{node("n" + std::to_string(r % 150), r, 1000)}});
  WireFeed feed(0, 2 * kFrame);
  MirrorState mirror;
  const auto loaded = deliver_all(feed, store, mirror);
  REQUIRE(loaded.size() == 1);
  CHECK(loaded[0].predecessor == kReloaded);
  CHECK(loaded[0].commits->empty());
  CHECK(same(loaded[0].after, store.published));
  store.commit({{node("a", 1)}, {erase(node_key(NodeId{"n1"}))}});
  store.commit({{node("b", 1)}});
  const auto steps = deliver_all(feed, store, mirror);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].predecessor == 300);
  CHECK(steps[0].commits->size() == 3);
  CHECK(same(mirror.snapshot(), store.published));
}

TEST_CASE("a follower that was away gets the commits it missed, without a load") {
  Store store;
  store.commit({{node("a", 1)}});
  MirrorState mirror;
  WireFeed first(0, 2 * kFrame);
  deliver_all(first, store, mirror);
  for (Revision r = 2; r <= 100; ++r) store.commit({{node("a", r)}});
  WireFeed second(mirror.position(), 2 * kFrame);
  mirror.restart();
  std::size_t commits = 0;
  for (const auto& step : deliver_all(second, store, mirror)) {
    CHECK(step.predecessor != kReloaded);
    commits += step.commits->size();
  }
  CHECK(commits == 99);
  CHECK(same(mirror.snapshot(), store.published));
}

TEST_CASE("a follower whose position is not kept, or not reached, loads the snapshot") {
  for (const Revision position : {5u, 1000u}) {
    CAPTURE(position);
    Store store;
    store.history = History(HistoryBounds{3'600'000, 10, 1 << 20}, 0);
    for (Revision r = 1; r <= 100; ++r) store.commit({{node("a", r)}});
    WireFeed feed(position, 2 * kFrame);
    MirrorState mirror;
    const auto steps = deliver_all(feed, store, mirror);
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].predecessor == kReloaded);
    CHECK(same(mirror.snapshot(), store.published));
  }
}

TEST_CASE("no more bytes are sent than were granted, and what is granted later goes on where it stopped") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    Store store;
    store.history = History(HistoryBounds{3'600'000, 40, 1 << 20}, 0);
    WireFeed feed(0, 0);
    MirrorState mirror;
    std::uint64_t granted = 0;
    std::uint64_t taken = 0;
    for (int step = 0; step < 200; ++step) {
      for (auto commits = dice() % 4; commits > 0; --commits)
        store.commit({{node("n" + std::to_string(dice() % 80), dice() % 9 + 1, dice() % 4000)}});
      if (dice() % 3 == 0) {
        const auto more = dice() % (2 * kFrame);
        granted += more;
        feed.grant(more);
      }
      for (const auto& frame : feed.take(store.history, store.published)) {
        taken += frame.size();
        REQUIRE(mirror.take(frame).has_value());
      }
      REQUIRE(taken <= granted);
    }
    feed.grant(1 << 30);
    deliver_all(feed, store, mirror);
    CHECK(same(mirror.snapshot(), store.published));
  }
}

TEST_CASE("a follower notices any lost, doubled or foreign frame, and is whole again after asking anew") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    Store store;
    for (Revision r = 1; r <= 40; ++r) store.commit({{node("n" + std::to_string(r), r, 6000)}});
    WireFeed feed(0, 1 << 30);
    MirrorState mirror;
    auto frames = feed.take(store.history, store.published);
    for (int i = 0; i < 5; ++i) {
      store.commit({{node("x", 1, 70'000)}});
      for (auto& frame : feed.take(store.history, store.published)) frames.push_back(std::move(frame));
    }
    REQUIRE(frames.size() > 8);
    const auto at = static_cast<std::ptrdiff_t>(dice() % (frames.size() - 1));
    switch (seed % 3) {
      case 0:
        frames.erase(frames.begin() + at);
        break;
      case 1:
        frames.insert(frames.begin() + at, frames[static_cast<std::size_t>(at)]);
        break;
      default:
        frames[static_cast<std::size_t>(at)] = "garbage";
        break;
    }
    bool noticed = false;
    for (const auto& frame : frames)
      if (const auto step = mirror.take(frame); !step) {
        CHECK(step.error().code == Errc::data_loss);
        noticed = true;
        break;
      }
    CHECK(noticed);
    mirror.restart();
    WireFeed again(0, 1 << 30);
    deliver_all(again, store, mirror);
    CHECK(same(mirror.snapshot(), store.published));
  }
}

TEST_CASE("idempotency rows do not leave the coordinator") {
  Store store;
  store.commit({{node("a", 1)}});
  MirrorState mirror;
  WireFeed feed(0, 2 * kFrame);
  deliver_all(feed, store, mirror);
  store.commit({{node("b", 1), put(std::make_shared<const IdempotencyRow>(
                                   IdempotencyRow{"p", "m", "n", "k", "h", "r", 1}))}});
  const auto steps = deliver_all(feed, store, mirror);
  REQUIRE(steps.size() == 1);
  REQUIRE(steps[0].commits->size() == 1);
  CHECK(steps[0].commits->front().changes.size() == 1);
}

}  // namespace
}  // namespace cloudless::store
