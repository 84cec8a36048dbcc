#include "actors/store/history.hpp"

#include <doctest/doctest.h>

namespace cloudless::store {
namespace {

std::shared_ptr<const std::vector<Commit>> batch(Revision first, std::size_t count) {
  std::vector<Commit> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({first + i, {}});
  return std::make_shared<const std::vector<Commit>>(std::move(out));
}

std::vector<Revision> revisions(const Result<std::vector<Commit>>& commits) {
  std::vector<Revision> out;
  REQUIRE(commits.has_value());
  for (const auto& commit : *commits) out.push_back(commit.revision);
  return out;
}

TEST_CASE("a history gives the commits after any revision that it keeps, at most so many") {
  History history{HistoryBounds{}, 10};
  history.add(batch(11, 2), 1, 0);
  history.add(batch(13, 1), 1, 0);
  history.add(batch(14, 3), 1, 0);
  CHECK(revisions(history.after(10, 100)) == std::vector<Revision>{11, 12, 13, 14, 15, 16});
  CHECK(revisions(history.after(11, 3)) == std::vector<Revision>{12, 13, 14});
  CHECK(revisions(history.after(14, 100)) == std::vector<Revision>{15, 16});
  CHECK(revisions(history.after(16, 100)).empty());
}

TEST_CASE("a position that is not kept, or not reached, is out of range and the oldest one is named") {
  History history{HistoryBounds{}, 10};
  history.add(batch(11, 2), 1, 0);
  for (const Revision position : {9u, 0u, 13u}) {
    CAPTURE(position);
    const auto answer = history.after(position, 100);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::out_of_range);
    CHECK(answer.error().message.find("oldest position is 10") != std::string::npos);
  }
}

TEST_CASE("a history drops its oldest batches at each of its bounds, never the newest") {
  struct Case {
    const char* name;
    HistoryBounds bounds;
    Revision oldest;
  };
  // Three batches of 10 commits and 100 bytes, at 0, 1000 and 2000 ms.
  for (const auto& [name, bounds, oldest] : std::vector<Case>{{"none", {5000, 100, 1000}, 0},
                                                              {"age", {1500, 100, 1000}, 10},
                                                              {"age of all", {10, 100, 1000}, 20},
                                                              {"commits", {5000, 25, 1000}, 10},
                                                              {"commits of all", {5000, 5, 1000}, 20},
                                                              {"bytes", {5000, 100, 250}, 10},
                                                              {"bytes of all", {5000, 100, 50}, 20}}) {
    CAPTURE(name);
    History history{bounds, 0};
    for (Revision i = 0; i < 3; ++i) history.add(batch(i * 10 + 1, 10), 100, static_cast<Millis>(i) * 1000);
    CHECK(history.oldest() == oldest);
    CHECK(revisions(history.after(oldest, 100)).size() == 30 - oldest);
    CHECK_FALSE(history.after(oldest - 1, 100).has_value());
  }
}

TEST_CASE("a history that restarts knows nothing from before") {
  History history{HistoryBounds{}, 0};
  history.add(batch(1, 5), 1, 0);
  history.restart(40);
  CHECK(history.oldest() == 40);
  CHECK_FALSE(history.after(5, 100).has_value());
  history.add(batch(41, 1), 1, 0);
  CHECK(revisions(history.after(40, 100)) == std::vector<Revision>{41});
}

}  // namespace
}  // namespace cloudless::store
