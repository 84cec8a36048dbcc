#include "actors/scheduler/engine/group.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

using namespace cloudless::scheduler::engine;

namespace {

constexpr std::uint32_t kTestBlocks = 40;

void check_words(const NodeSet& set, const std::set<Slot>& wanted) {
  std::vector<std::uint64_t> words(kTestBlocks, 0);
  for (const Slot slot : wanted) words[block_of(slot)] |= bit_of(slot);
  std::vector<std::uint64_t> kept(kTestBlocks, ~0ULL), removed(kTestBlocks, ~0ULL), added(kTestBlocks, 0);
  set.keep_in(kept);
  set.remove_from(removed);
  set.add_to(added);
  for (std::uint32_t b = 0; b < kTestBlocks; ++b) {
    REQUIRE(set.word(b) == words[b]);
    REQUIRE(kept[b] == words[b]);
    REQUIRE(removed[b] == ~words[b]);
    REQUIRE(added[b] == words[b]);
  }
}

}  // namespace

TEST_CASE("a node set is a set, few or many, and while slots move") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed ", seed);
    std::mt19937_64 random(seed);
    NodeSet set;
    std::set<Slot> wanted;
    const std::uint64_t often = 1 + random() % 9;  // of ten that are set
    for (int step = 0; step < 400; ++step) {
      const auto slot = static_cast<Slot>(random() % (kTestBlocks * kLanes));
      const bool on = random() % 10 < often, had = wanted.contains(slot);
      REQUIRE(set.set(slot, on, kTestBlocks) == (on != had));
      if (on) {
        wanted.insert(slot);
      } else {
        wanted.erase(slot);
      }
      REQUIRE(set.size() == wanted.size());
      REQUIRE(set.test(slot) == on);
    }
    check_words(set, wanted);
    std::vector<Slot> moved(kTestBlocks * kLanes);
    for (Slot slot = 0; slot < moved.size(); ++slot)
      moved[slot] = slot % 5 == 0 ? kNoSlot : static_cast<Slot>(moved.size()) - 1 - slot;
    std::set<Slot> after;
    for (const Slot slot : wanted)
      if (moved[slot] != kNoSlot) after.insert(moved[slot]);
    set.move(moved, kTestBlocks);
    check_words(set, after);
  }
}

TEST_CASE("a group counts its replicas per node, zone and region, and never below none") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed ", seed);
    std::mt19937_64 random(seed);
    Group group;
    std::map<Slot, std::uint32_t> nodes;
    std::map<ZoneIndex, std::uint32_t> zones;
    std::map<RegionIndex, std::uint32_t> regions;
    std::uint32_t total = 0;
    for (int step = 0; step < 2000; ++step) {
      const auto slot = static_cast<Slot>(random() % 30 * 61);
      const Place place{slot, slot % 4, slot % 2};
      if (random() % 5 < 3) {
        group.add(place, kTestBlocks);
        ++nodes[slot], ++zones[place.zone], ++regions[place.region], ++total;
      } else {
        group.remove(place, kTestBlocks);
        if (nodes[slot] > 0) --nodes[slot], --zones[place.zone], --regions[place.region], --total;
      }
      REQUIRE(group.on_node(slot) == nodes[slot]);
      REQUIRE(group.any_on(slot) == (nodes[slot] > 0));
      REQUIRE(group.in_zone(place.zone) == zones[place.zone]);
      REQUIRE(group.in_region(place.region) == regions[place.region]);
      REQUIRE(group.total() == total);
    }
  }
}
