#include "messages/domain/rare.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace cloudless {
namespace {

TEST_CASE("A rare field reads like what it stands for, and copies are its own") {
  Rare<std::string> text;
  CHECK(text.empty());
  CHECK(text == "");
  CHECK(text->size() == 0);
  text = "no place";
  CHECK(text == "no place");
  Rare<std::string> copy = text;
  CHECK(copy == text);
  copy.edit() += " yet";
  CHECK(text == "no place");
  CHECK(copy == std::string("no place yet"));
  text = std::move(copy);
  CHECK(text == "no place yet");
  text = {};
  CHECK(text.empty());

  Rare<std::vector<int>> numbers = std::vector<int>{1, 2};
  int sum = 0;
  for (const int number : numbers) sum += number;
  CHECK(sum == 3);
  numbers = std::vector<int>{};
  CHECK(numbers == Rare<std::vector<int>>{});
}

TEST_CASE("A rare field that is empty takes a pointer") {
  CHECK(sizeof(Rare<std::vector<std::string>>) == sizeof(void*));
}

}  // namespace
}  // namespace cloudless
