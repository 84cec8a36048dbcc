#include "messages/codec/agent_state.hpp"

#include <doctest/doctest.h>

namespace cloudless::codec {
namespace {

AgentState some_state() {
  AgentState state;
  state.cluster_id = "cluster-a";
  state.set.cluster_id = "cluster-a";
  state.set.node = NodeId{"node-1"};
  state.set.revision = 7;
  Assignment assignment;
  assignment.replica = ReplicaId{"web-00000000ab-0"};
  assignment.workload = WorkloadUid{"00000000ab"};
  assignment.ns = "default";
  assignment.workload_name = "web";
  assignment.version = 1;
  assignment.pod.image = "example/web:v1";
  state.set.assignments.push_back(assignment);
  state.progress.push_back(
      {assignment.replica, 2, 2, 1, Phase::failed, 3, "exited with code 3", ContainerId{"c-2"}, 12345});
  state.progress.push_back({ReplicaId{"web-00000000ab-1"}, 1, 1, 1, {}, {}, "no image", {}, 0});
  return state;
}

}  // namespace

TEST_CASE("an agent's state survives its bytes") {
  const AgentState state = some_state();
  AgentState read;
  REQUIRE(decode(encode(state), read));
  CHECK(read == state);
  AgentState empty;
  REQUIRE(decode(encode(AgentState{}), empty));
  CHECK(empty == AgentState{});
}

TEST_CASE("bytes that are not an agent's state are refused") {
  AgentState read;
  CHECK_FALSE(decode("not a message", read));
  AgentState unnamed = some_state();
  unnamed.progress[0].replica = {};
  CHECK_FALSE(decode(encode(unnamed), read));
}

}  // namespace cloudless::codec
