#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

TEST_CASE("a container's id is one that containerd takes, whatever the workload is called") {
  const std::string tail = "-0123456789-7";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"web", "web"},
      {"a-b", "a-b"},
      {"a--b---c", "a-b-c"},
      {std::string(63, 'a'), std::string(40, 'a')},
      {std::string(39, 'a') + "-rest", std::string(39, 'a')},
      {std::string(38, 'a') + "--rest", std::string(38, 'a')},
  };
  for (const auto& [name, shown] : rows) {
    CAPTURE(name);
    Assignment assignment;
    assignment.replica = ReplicaId{name + tail};
    CHECK(container_id(assignment, 2).value == shown + tail + "-2");
  }
}

}  // namespace cloudless::runtime
