#include "actors/runtime/simulated/simulated_runtime.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <optional>

namespace cloudless::runtime {
namespace {

class StandingClock : public Clock {
 public:
  Millis steady() const override { return 1000; }
  WallMillis wall() const override { return 5000; }
};

/// A simulated machine on which everything that was put off happens at once.
class SimulatedMachine {
 public:
  Result<StartedContainer> start(const std::string& name, std::vector<Port> ports,
                                 bool host_network = false) {
    ContainerRequest request;
    request.container = ContainerId{name};
    request.assignment.replica = ReplicaId{name};
    request.assignment.pod.image = "example/web:v1";
    request.assignment.pod.ports = std::move(ports);
    request.assignment.pod.host_network = host_network;
    ImageRequest image;
    image.image = request.assignment.pod.image;
    runtime.prepare_image(image, {}, [](Result<PreparedImage>) {});
    settle();
    std::optional<Result<StartedContainer>> out;
    runtime.start(request, [&out](Result<StartedContainer> result) { out = std::move(result); });
    settle();
    REQUIRE(out.has_value());
    return *out;
  }
  void remove(const std::string& name) {
    runtime.remove(ContainerId{name}, [](Result<Nothing>) {});
    settle();
  }

 private:
  void settle() {
    while (!calls_.empty()) {
      auto call = std::move(calls_.front());
      calls_.pop_front();
      call();
    }
  }

  std::deque<std::function<void()>> calls_;
  StandingClock clock_;

 public:
  SimulatedRuntime runtime{
      {}, [this](Millis, std::function<void()> call) { calls_.push_back(std::move(call)); }, clock_};
};

}  // namespace

TEST_CASE(
    "a simulated machine publishes ports as a real one: one owner each, told in the list, free after the "
    "end") {
  SimulatedMachine machine;
  const std::vector<Port> fixed{{"web", 80, Protocol::tcp, 8080}, {"own", 81, Protocol::tcp, std::nullopt}};
  const auto first = machine.start("a", fixed);
  REQUIRE(first.has_value());
  CHECK(first->published_ports == std::vector<PublishedPort>{{"web", Protocol::tcp, 80, 8080}});
  const auto refused = machine.start("b", fixed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message.find("container a") != std::string::npos);
  REQUIRE(machine.runtime.containers().size() == 1);
  CHECK(machine.runtime.containers()[0].published_ports == first->published_ports);
  const auto chosen = machine.start("c", {{"x", 80, Protocol::tcp, 0}, {"y", 81, Protocol::tcp, 0}});
  REQUIRE(chosen.has_value());
  CHECK(chosen->published_ports[0].host_port != chosen->published_ports[1].host_port);
  CHECK_FALSE(machine.start("d", {{"w", 8080, Protocol::tcp, std::nullopt}}, true).has_value());
  machine.remove("a");
  CHECK(machine.start("d", {{"w", 8080, Protocol::tcp, std::nullopt}}, true).has_value());
}

}  // namespace cloudless::runtime
