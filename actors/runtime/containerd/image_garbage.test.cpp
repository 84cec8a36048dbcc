#include "actors/runtime/containerd/image_garbage.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

using Origin = StoredImage::Origin;

constexpr WallMillis kNow = 1'700'000'000'000;

std::vector<std::string> digests(const std::vector<ImageToRemove>& images) {
  std::vector<std::string> out;
  for (const auto& image : images) out.push_back(image.digest);
  return out;
}

GarbageRules rules(std::set<std::string> digests_in_use = {}, std::set<std::string> names_in_use = {}) {
  return {kNow, 60'000, std::move(digests_in_use), std::move(names_in_use)};
}

using Digests = std::vector<std::string>;

TEST_CASE("unused images go, the one that was not used for longest first") {
  const std::vector<StoredImage> images{{"a:1", "A", Origin::pulled, kNow - 100'000},
                                        {"b:1", "B", Origin::pulled, kNow - 300'000},
                                        {"c:1", "C", Origin::taken_over, kNow - 200'000}};
  CHECK(digests(removable_images(images, rules())) == Digests{"B", "C", "A"});
  CHECK_FALSE(removable_images(images, rules())[1].pulled);
}

TEST_CASE("an image in use stays, by its digest or by a name that will be asked for") {
  const std::vector<StoredImage> images{{"a:1", "A", Origin::pulled, 0}, {"b:1", "B", Origin::pulled, 0}};
  CHECK(digests(removable_images(images, rules({"A"}))) == Digests{"B"});
  CHECK(digests(removable_images(images, rules({}, {"b:1"}))) == Digests{"A"});
}

TEST_CASE("all names of an image go together, or none, and its newest use counts") {
  const std::vector<StoredImage> images{{"a:1", "A", Origin::pulled, kNow - 500'000},
                                        {"a@A", "A", Origin::pulled, kNow - 1000},
                                        {"b:1", "B", Origin::pulled, kNow - 500'000},
                                        {"b@B", "B", Origin::taken_over, kNow - 400'000}};
  const auto going = removable_images(images, rules());
  REQUIRE(going.size() == 1);
  CHECK(going[0].names == Digests{"b:1", "b@B"});
  CHECK(going[0].pulled);
}

TEST_CASE("what somebody imported by hand is theirs") {
  CHECK(
      removable_images({{"a:1", "A", Origin::foreign, 0}, {"a@A", "A", Origin::pulled, 0}}, rules()).empty());
}

TEST_CASE("a clock that was set back keeps no image for ever") {
  CHECK(removable_images({{"a:1", "A", Origin::pulled, kNow + 1'000'000}}, rules()).size() == 1);
}

}  // namespace
}  // namespace cloudless::runtime
