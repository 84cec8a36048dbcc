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

TEST_CASE("nodes, events, log lines and results of commands are printed whole") {
  RandomValues random(11);
  auto node = random.node();
  node.state = NodeState::suspect;
  const auto wire = to_api(node, Resources{1, 2, 3, 4, 5}, 6, 7);
  CHECK(wire.id() == node.description.id.value);
  CHECK(wire.state() == api::Node::SUSPECT);
  CHECK(wire.labels().size() == node.labels.size());
  CHECK(wire.taints_size() == static_cast<int>(node.taints.size()));
  CHECK(wire.reserved().gpu_count() == 5);
  CHECK(wire.replicas() == 6);
  CHECK(wire.store_revision() == 7);

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
