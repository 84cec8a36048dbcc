#include <doctest/doctest.h>

#include <future>
#include <optional>

#include "gateway/gateway_fixture.test.hpp"
#include "messages/codec/wire.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

const WorkloadUid kUsageUid{"0123456789"};

Change usage_node(const std::string& id) {
  Node node;
  node.description.id = NodeId{id};
  return put(std::make_shared<const Node>(node));
}

Change usage_replica(std::uint64_t ordinal, const std::string& node) {
  Replica r;
  r.workload = kUsageUid;
  r.ordinal = ordinal;
  r.id = replica_id("web", kUsageUid, ordinal);
  r.node = NodeId{node};
  r.phase = Phase::running;
  return put(std::make_shared<const Replica>(r));
}

/// The session that was opened with this node, once it is.
SessionId session_with(Fixture& f, const std::string& node) {
  std::optional<SessionId> found;
  const bool there = eventually([&] {
    for (const auto& frame : f.script.with([](Script& s) { return s.frames; })) {
      const auto* open = std::get_if<SessionOpen>(&frame.body);
      if (open != nullptr && open->node.value == node && std::holds_alternative<UsageQuery>(open->query))
        found = frame.session;
    }
    return found.has_value();
  });
  REQUIRE(there);
  return *found;
}

template <class Body>
void say(Fixture& f, const SessionId& session, Body body) {
  const auto sink = f.script.with([&](Script& s) { return s.sinks[session]; });
  caf::anon_send(sink, Carried<SessionFrame>(SessionFrame{session, std::move(body)}));
}

SessionData piece(std::uint64_t sequence, std::string bytes) {
  SessionData data;
  data.sequence = sequence;
  data.output = std::move(bytes);
  return data;
}

}  // namespace

TEST_CASE("gateway: what nodes say of usage is put together, and a node that says nothing is named") {
  Fixture f;
  f.commit({put_workload(workload("web", kUsageUid.value, 1)), usage_node("n1"), usage_node("n2"),
            usage_node("n3"), usage_replica(0, "n1"), usage_replica(1, "n2")});
  auto answered = std::async(std::launch::async, [&] {
    CallContext context;
    api::ListUsageReply reply;
    const auto status = f.stub->ListUsage(&context, {}, &reply);
    return std::pair(status, reply);
  });

  NodeUsage usage;
  usage.node = NodeId{"n1"};
  usage.sampled_at = 1000;
  ReplicaUsage replica;
  replica.now.container = ContainerId{"web-0123456789-0-1"};
  replica.now.replica = replica_id("web", kUsageUid, 0);
  replica.now.memory_bytes = 4096;
  replica.rate.cpu_millicores = 250;
  replica.window = 5000;
  usage.replicas.push_back(replica);
  const auto bytes = codec::encode(usage);
  const auto first = session_with(f, "n1");
  say(f, first, piece(0, bytes.substr(0, 10)));
  say(f, first, piece(1, bytes.substr(10)));
  say(f, first, SessionEnd{});
  say(f, session_with(f, "n2"), SessionEnd{{Errc::unavailable, "node n2 is not connected", {}}});

  const auto [status, reply] = answered.get();  // n3 keeps silent
  REQUIRE_MESSAGE(status.ok(), status.error_message());
  REQUIRE(reply.replicas_size() == 1);
  CHECK(reply.replicas(0).workload() == "web");
  CHECK(reply.replicas(0).usage().cpu_millicores() == 250);
  REQUIRE(reply.nodes_size() == 3);
  CHECK(reply.nodes(0).usage().memory_bytes() == 4096);
  CHECK(reply.nodes(1).error() == "node n2 is not connected");
  CHECK(reply.nodes(2).error() == "the node did not answer in time");
  CHECK(eventually([&] { return f.script.with([](Script& s) { return s.sinks_ended > 0; }); }));
}

TEST_CASE("gateway: usage of what does not exist is not found, and an answer of another node is not taken") {
  Fixture f;
  f.commit({put_workload(workload("web", kUsageUid.value, 1)), usage_node("n1"), usage_replica(0, "n1")});
  CallContext context;
  api::ListUsageRequest request;
  request.set_workload("other");
  api::ListUsageReply reply;
  CHECK(f.stub->ListUsage(&context, request, &reply).error_code() == grpc::StatusCode::NOT_FOUND);

  auto answered = std::async(std::launch::async, [&] {
    CallContext again;
    api::ListUsageReply got;
    f.stub->ListUsage(&again, {}, &got);
    return got;
  });
  NodeUsage forged;
  forged.node = NodeId{"n2"};
  const auto session = session_with(f, "n1");
  say(f, session, piece(0, codec::encode(forged)));
  say(f, session, SessionEnd{});
  const auto got = answered.get();
  REQUIRE(got.nodes_size() == 1);
  CHECK(got.nodes(0).error() == "the node's answer cannot be read");
}
