#include "messages/codec/api_objects.hpp"

#include <doctest/doctest.h>

#include "messages/codec/random_values.test.hpp"
#include "messages/codec/utf8.hpp"

namespace cloudless::codec {

TEST_CASE("bytes that are not UTF-8 are replaced, everything else stays") {
  const struct {
    std::string in, out;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"ü漢😀", "ü漢😀"},
      {"a\xff"
       "b",
       "a\xef\xbf\xbd"
       "b"},
      {"\xc3", "\xef\xbf\xbd"},                                                  // cut short
      {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},                                  // overlong
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                  // surrogate
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // beyond U+10FFFF
  };
  for (const auto& c : cases) CHECK(valid_utf8(c.in) == c.out);
}

TEST_CASE("a workload is printed with its status and its replicas") {
  Workload workload;
  workload.uid = WorkloadUid{"0123456789"};
  workload.ns = "default";
  workload.name = "web";
  workload.revision = 3;
  workload.spec.pod.image = "nginx";
  workload.created_at = 1'700'000'000'123;
  Replica replica;
  replica.id = ReplicaId{"web-0123456789-4"};
  replica.ordinal = 4;
  replica.phase = Phase::backoff;
  replica.node = NodeId{"n1"};
  replica.container = ContainerId{"c1"};
  replica.exit_code = 0;
  replica.reason = "printed \xff";
  replica.stop = StopCause::scale;
  const WorkloadStatus status{
      WorkloadPhase::degraded, 2, 1, 1, 5, "one is missing", {std::make_shared<const Replica>(replica)}};
  const auto out = to_api(workload, status, 9);
  CHECK(out.name() == "web");
  CHECK(out.spec().image() == "nginx");
  CHECK(out.store_revision() == 9);
  CHECK(out.created_at().seconds() == 1'700'000'000);
  CHECK(out.created_at().nanos() == 123'000'000);
  CHECK_FALSE(out.has_updated_at());
  CHECK(out.status().phase() == api::WorkloadStatus::DEGRADED);
  CHECK(out.status().ready_replicas() == 1);
  REQUIRE(out.status().replicas_size() == 1);
  const auto& printed = out.status().replicas(0);
  CHECK(printed.state() == api::Replica::BACKOFF);
  CHECK(printed.node_id() == "n1");
  CHECK(printed.container_id() == "c1");
  CHECK(printed.has_exit_code());
  CHECK(printed.reason() == "printed \xef\xbf\xbd");
  CHECK(printed.stop_requested());
}

TEST_CASE("a replica serves if it is not on its way out and its version does") {
  Replica replica;
  replica.version = 2;
  CHECK(to_api(replica, 0).serving());
  CHECK(to_api(replica, 2).serving());
  CHECK_FALSE(to_api(replica, 1).serving());
  CHECK_FALSE(to_api(replica, 0).stop_requested());
  replica.withdrawn = StopCause::rollout;
  CHECK_FALSE(to_api(replica, 0).serving());
  CHECK(to_api(replica, 0).stop_requested());
}

TEST_CASE("rollouts, versions and drains are printed whole") {
  Workload workload;
  workload.ns = "default";
  workload.name = "web";
  workload.revision = 12;
  workload.version = 4;
  workload.serving_version = 3;
  workload.spec.rollout.strategy = RolloutStrategy::blue_green;
  Rollout rollout;
  rollout.number = 7;
  rollout.cause = RolloutCause::failed;
  rollout.from_version = 3;
  rollout.to_version = 4;
  rollout.by = "bob";
  rollout.reason = "it broke";
  rollout.created_at = 5'000;
  RolloutStatus status{RolloutPhase::rolling_back, 4, 3, 2, 1, 3, 2, "waiting", {"a note"}, 1'500, true};
  const auto wire = to_api(rollout, workload, status, 10'000, 99);
  CHECK(wire.namespace_() == "default");
  CHECK(wire.name() == "web");
  CHECK(wire.number() == 7);
  CHECK(wire.cause() == api::Rollout::ONE_BEFORE_FAILED);
  CHECK(wire.from_version() == 3);
  CHECK(wire.to_version() == 4);
  CHECK(wire.phase() == api::Rollout::ROLLING_BACK);
  CHECK(wire.strategy() == api::RolloutPolicy::BLUE_GREEN);
  CHECK(wire.wanted() == 4);
  CHECK(wire.updated() == 3);
  CHECK(wire.ready() == 2);
  CHECK(wire.available() == 1);
  CHECK(wire.unavailable() == 3);
  CHECK(wire.min_available() == 2);
  CHECK(wire.waiting_for() == "waiting");
  CHECK(wire.reason() == "it broke");
  REQUIRE(wire.notes_size() == 1);
  CHECK(wire.by() == "bob");
  CHECK(wire.created_at().seconds() == 5);
  CHECK_FALSE(wire.has_ended_at());
  CHECK(wire.deadline().seconds() == 11);
  CHECK(wire.deadline().nanos() == 500'000'000);
  CHECK(wire.awaits_promotion());
  CHECK(wire.workload_revision() == 12);
  CHECK(wire.store_revision() == 99);
  status.deadline_in.reset();
  CHECK_FALSE(to_api(rollout, workload, status, 10'000).has_deadline());

  Version version;
  version.number = 3;
  version.pod.image = "web:3";
  version.image_digest = "sha256:ab";
  version.proven = true;
  const auto printed = to_api(version, workload, 5);
  CHECK(printed.number() == 3);
  CHECK(printed.image() == "web:3");
  CHECK(printed.spec().image() == "web:3");
  CHECK_FALSE(printed.spec().has_replicas());
  CHECK(printed.image_digest() == "sha256:ab");
  CHECK(printed.proven());
  CHECK_FALSE(printed.current());
  CHECK(printed.serving());
  CHECK(printed.replicas() == 5);
  version.number = 4;
  CHECK(to_api(version, workload, 0).current());
  CHECK_FALSE(to_api(version, workload, 0).serving());

  Node node;
  node.draining = true;
  const auto draining =
      to_api(node, {}, 1, DrainStatus{1, {{ReplicaId{"web-1"}, "default", "web", "waiting for its turn"}}});
  CHECK(draining.draining());
  CHECK(draining.drain().replicas_left() == 1);
  REQUIRE(draining.drain().left_size() == 1);
  CHECK(draining.drain().left(0).replica_id() == "web-1");
  CHECK(draining.drain().left(0).workload() == "web");
  CHECK(draining.drain().left(0).waiting_for() == "waiting for its turn");
}

TEST_CASE("nodes, events, log lines and results of commands are printed whole") {
  RandomValues random(11);
  auto node = random.node();
  node.state = NodeState::suspect;
  const auto wire = to_api(node, Resources{1, 2, 3, 4, 5}, 6, std::nullopt, 7);
  CHECK(wire.id() == node.description.id.value);
  CHECK(wire.state() == api::Node::SUSPECT);
  CHECK(wire.labels().size() == node.labels.size());
  CHECK(wire.taints_size() == static_cast<int>(node.taints.size()));
  CHECK(wire.reserved().gpu_count() == 5);
  CHECK(wire.replicas() == 6);
  CHECK(wire.store_revision() == 7);
  CHECK_FALSE(to_api(Node{}, {}, 0, std::nullopt, 1).has_policy());
  node.description.runtime_classes = {"kata", "runc"};
  node.description.policy = NodePolicy{{{"/srv", false}, {"/srv/data", true}}, true, false, true, false};
  node.description.cpu_overcommit_percent = 250;
  node.description.memory_overcommit_percent = 120;
  node.link_rtt_ms = 40;
  node.recent_losses = 2;
  const auto told = to_api(node, {}, 0, std::nullopt, 1);
  CHECK(told.runtime_classes_size() == 2);
  CHECK(told.policy().host_paths(1).path() == "/srv/data");
  CHECK(told.policy().host_paths(1).writable());
  CHECK_FALSE(told.policy().host_paths(0).writable());
  CHECK(told.policy().host_network());
  CHECK_FALSE(told.policy().privileged());
  CHECK(told.policy().host_pid());
  CHECK_FALSE(told.policy().host_ipc());
  CHECK(told.cpu_overcommit_percent() == 250);
  CHECK(told.memory_overcommit_percent() == 120);
  CHECK(told.link_rtt_ms() == 40);
  CHECK(told.recent_losses() == 2);

  Event event{4, 1500, Severity::warning, "NodeLost", "", "", {}, NodeId{"n1"}, "gone"};
  const auto printed = to_api(event);
  CHECK(printed.severity() == api::Event::WARNING);
  CHECK(printed.time().seconds() == 1);
  CHECK(printed.node() == "n1");

  const auto line =
      to_api(LogLine{1'000'000'002, true, true, "x\xff", 3, ContainerId{"c"}, DropReason::rate_limit},
             ReplicaId{"r"});
  CHECK(line.time().nanos() == 2);
  CHECK(line.stream() == "stderr");
  CHECK(line.line() == "x\xff");
  CHECK(line.dropped_before() == 3);
  CHECK(line.drop_reason() == api::DROP_REASON_RATE_LIMIT);
  CHECK(line.replica_id() == "r");

  const auto result = to_api(ExecResult{"out", "err", 137, true, true});
  CHECK(result.stdout() == "out");
  CHECK(result.exit_code() == 137);
  CHECK(result.timed_out());
  CHECK(result.truncated());
}

}  // namespace cloudless::codec
