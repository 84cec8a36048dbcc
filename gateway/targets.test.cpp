#include "gateway/targets.hpp"

#include <doctest/doctest.h>

using namespace cloudless;
using namespace cloudless::gateway;

namespace {

const WorkloadUid kUid{"0123456789"};

std::shared_ptr<const Replica> replica(std::uint64_t ordinal, Phase phase, bool ready,
                                       const std::string& node = "n1") {
  Replica r;
  r.id = replica_id("web", kUid, ordinal);
  r.workload = kUid;
  r.ordinal = ordinal;
  r.phase = phase;
  r.ready = ready;
  r.node = NodeId{node};
  r.container = ContainerId{r.id.value + "-1"};
  return std::make_shared<const Replica>(r);
}

Snapshot cluster() {
  Snapshot s;
  Workload w;
  w.uid = kUid;
  w.ns = "default";
  w.name = "web";
  s.apply(put(std::make_shared<const Workload>(w)));
  s.apply(put(replica(0, Phase::pending, false, "")));
  s.apply(put(replica(1, Phase::stopped, false)));
  s.apply(put(replica(2, Phase::starting, false)));
  s.apply(put(replica(3, Phase::running, true, "n2")));
  s.apply(put(replica(4, Phase::failed, false)));
  return s;
}

Errc code(const Selection& s) {
  const auto targets = log_targets(cluster(), s);
  return targets ? Errc::none : targets.error().code;
}

}  // namespace

TEST_CASE("a workload's logs are those of its replicas that were started and not told to stop") {
  const auto targets = log_targets(cluster(), {"default", "web", {}, {}});
  REQUIRE(targets.has_value());
  REQUIRE(targets->size() == 3);
  CHECK((*targets)[0].replica.value == "web-0123456789-2");
  CHECK((*targets)[1].node.value == "n2");
  CHECK((*targets)[2].replica.value == "web-0123456789-4");
}

TEST_CASE("one replica or one container is found by its id alone") {
  auto targets = log_targets(cluster(), {"", "", ReplicaId{"web-0123456789-1"}, {}});
  REQUIRE(targets.has_value());
  CHECK(targets->at(0).node.value == "n1");
  targets = log_targets(cluster(), {"", "", {}, ContainerId{"web-0123456789-3-7"}});
  REQUIRE(targets.has_value());
  CHECK(targets->at(0).container.value == "web-0123456789-3-7");
  CHECK(targets->at(0).node.value == "n2");
}

TEST_CASE("more logs may come of a workload that is there and of a replica that has not ended") {
  const auto s = cluster();
  CHECK(more_logs_may_come(s, {"default", "web", {}, {}}));
  CHECK_FALSE(more_logs_may_come(s, {"default", "other", {}, {}}));
  CHECK(more_logs_may_come(s, {"", "", ReplicaId{"web-0123456789-0"}, {}}));
  CHECK_FALSE(more_logs_may_come(s, {"", "", ReplicaId{"web-0123456789-1"}, {}}));
  CHECK_FALSE(more_logs_may_come(s, {"", "", ReplicaId{"web-0123456789-9"}, {}}));
  CHECK_FALSE(more_logs_may_come(s, {"", "", {}, ContainerId{"web-0123456789-2-1"}}));
}

TEST_CASE("what is not there is not found") {
  CHECK(code({"default", "other", {}, {}}) == Errc::not_found);
  CHECK(code({"other", "web", {}, {}}) == Errc::not_found);
  CHECK(code({"", "", ReplicaId{"web-0123456789-9"}, {}}) == Errc::not_found);
  CHECK(code({"", "", ReplicaId{"nonsense"}, {}}) == Errc::not_found);
  CHECK(code({"", "", ReplicaId{"other-0123456789-3"}, {}}) == Errc::not_found);
  CHECK(code({"", "", {}, ContainerId{"x"}}) == Errc::not_found);
}

TEST_CASE("a command runs in the first ready replica, or in the named one if it runs") {
  auto target = exec_target(cluster(), {"default", "web", {}, {}});
  REQUIRE(target.has_value());
  CHECK(target->container.value == "web-0123456789-3-1");
  target = exec_target(cluster(), {"", "", ReplicaId{"web-0123456789-2"}, {}});
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error().code == Errc::failed_precondition);
  CHECK(target.error().message.find("STARTING") != std::string::npos);
  target = exec_target(cluster(), {"", "", {}, ContainerId{"web-0123456789-3-2"}});
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error().code == Errc::failed_precondition);
}
