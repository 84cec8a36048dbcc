#include "actors/runtime/assignment_file.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {

TEST_CASE("a file gives back what was framed") {
  for (const std::string& payload : {std::string{}, std::string{"x"}, std::string(1000, '\0')})
    CHECK(unframe_agent_file(frame_agent_file(payload)) == payload);
}

TEST_CASE("a file torn at any byte is not taken for a set") {
  const std::string whole = frame_agent_file("the assignment set of a node");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(unframe_agent_file(whole.substr(0, length)));
    std::string zeros = whole;
    zeros.replace(length, std::string::npos, whole.size() - length, '\0');
    CHECK_FALSE(unframe_agent_file(zeros));
  }
  CHECK_FALSE(unframe_agent_file(whole + "x"));
}

TEST_CASE("a flipped bit anywhere is noticed") {
  const std::string whole = frame_agent_file("payload");
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    CAPTURE(bit);
    std::string bad = whole;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    CHECK_FALSE(unframe_agent_file(bad));
  }
}

TEST_CASE("a newer version's file is named as such") {
  std::string newer = frame_agent_file("payload");
  newer[newer.find('\n') - 1] = '2';
  const auto read = unframe_agent_file(newer);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::unimplemented);
}

}  // namespace cloudless::runtime
