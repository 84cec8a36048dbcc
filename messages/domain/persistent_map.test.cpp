#include "messages/domain/persistent_map.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace cloudless {
namespace {

using Map = PersistentMap<std::string, int>;
using Model = std::map<std::string, int>;

Model contents(const Map& map) {
  Model out;
  std::string last;
  map.for_each([&](const std::string& key, int value) {
    CHECK((out.empty() || last < key));
    last = key;
    out.emplace(key, value);
  });
  CHECK(out.size() == map.size());
  return out;
}

TEST_CASE("whatever is done to a copy, the others keep what they had") {
  struct Copy {
    Map map;
    Model model;
  };
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    std::vector<Copy> copies(1);
    for (int step = 0; step < 3000; ++step) {
      Copy& copy = copies[random() % copies.size()];
      const std::string key = std::to_string(random() % 300);
      switch (random() % 8) {
        case 0:
          if (copies.size() < 6)
            copies.push_back(Copy(copy));
          else
            copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(random() % copies.size()));
          break;
        case 1:
        case 2:
        case 3:
          CHECK(copy.map.erase(key) == (copy.model.erase(key) > 0));
          break;
        default:
          copy.map.set(key, step);
          copy.model[key] = step;
      }
    }
    for (const auto& copy : copies) {
      REQUIRE(contents(copy.map) == copy.model);
      for (const auto& [key, value] : copy.model) {
        REQUIRE(copy.map.find(key) != nullptr);
        REQUIRE(*copy.map.find(key) == value);
      }
      CHECK(copy.map.find("none") == nullptr);
      const auto from = copy.model.lower_bound("15");
      copy.map.visit_from("15", [&](const std::string& key, int) {
        CHECK((from != copy.model.end() && key == from->first));
        return false;
      });
    }
  }
}

TEST_CASE("the last of its copies is changed in place: what it held is let go at once") {
  PersistentMap<int, std::shared_ptr<int>> map;
  const auto first = std::make_shared<int>(1);
  for (int i = 0; i < 100; ++i) map.set(i, first);
  CHECK(first.use_count() == 101);
  const auto copy = map;
  map.erase(50);
  map.set(51, nullptr);
  CHECK(copy.find(50) != nullptr);
  CHECK(*copy.find(51) == first);
  auto last = copy;
  map = {};
  CHECK(*last.find(50) == first);
  for (int i = 0; i < 100; ++i) CHECK(last.erase(i));
  CHECK(last.empty());
}

TEST_CASE("maps of maps: what is changed in one is not changed in a copy") {
  using Inner = PersistentMap<int, int>;
  PersistentMap<int, Inner> map;
  for (int i = 0; i < 100; ++i) map.edit(i % 10).set(i, i);
  CHECK(map.size() == 10);
  auto copy = map;
  CHECK(copy.edit(3).erase(13));
  copy.edit(11).set(1, 1);
  CHECK(map.find(3)->size() == 10);
  CHECK(copy.find(3)->size() == 9);
  CHECK(*map.find(3)->find(13) == 13);
  CHECK(map.find(11) == nullptr);
  CHECK(copy.size() == 11);
}

TEST_CASE("a value that is deep in the map is found after keys came in order, backwards and at random") {
  std::vector<int> keys(5000);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<int>(i);
  std::mt19937 random(5);
  for (int order = 0; order < 3; ++order) {
    if (order == 1) std::reverse(keys.begin(), keys.end());
    if (order == 2) std::shuffle(keys.begin(), keys.end(), random);
    PersistentMap<int, int> map;
    for (const int key : keys) map.set(key, -key);
    for (const int key : keys) REQUIRE(*map.find(key) == -key);
    int expected = 0;
    map.for_each([&](int key, int) { CHECK(key == expected++); });
  }
}

struct KeyOfText {
  std::string operator()(const std::string& text) const { return text.substr(0, 3); }
};

TEST_CASE("keys that are read out of the values") {
  PersistentMap<std::string, std::string, KeyOfText> map;
  std::mt19937 random(1);
  std::map<std::string, std::string> model;
  for (int step = 0; step < 2000; ++step) {
    const std::string key = std::to_string(100 + random() % 200);
    const auto before = map;
    if (random() % 3 == 0) {
      CHECK(map.erase(key) == (model.erase(key) > 0));
    } else {
      map.set(key, key + " " + std::to_string(step));
      model[key] = key + " " + std::to_string(step);
    }
    CHECK(map.size() == model.size());
    CHECK(before.size() + 1 >= map.size());
    const auto found = model.find(key);
    CHECK((map.find(key) == nullptr) == (found == model.end()));
    if (found != model.end()) CHECK(*map.find(key) == found->second);
  }
  std::map<std::string, std::string> seen;
  map.for_each([&](const std::string& key, const std::string& value) { seen.emplace(key, value); });
  CHECK(seen == model);
}

}  // namespace
}  // namespace cloudless
