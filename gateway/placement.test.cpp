#include <doctest/doctest.h>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

constexpr const char* kUid = "aaaaaaaaaa";

Change put_ready_node(const std::string& id, std::uint64_t ordinal, const std::string& zone) {
  Node n;
  n.description.id = NodeId{id};
  n.description.zone = zone;
  n.description.capacity = Resources{2000, 2LL << 30, 1LL << 30, 0, 0};
  n.description.allocatable = Resources{1000, 1LL << 30, 1LL << 30, 0, 0};
  n.state = NodeState::ready;
  n.ordinal = ordinal;
  return put(std::make_shared<const Node>(std::move(n)));
}

void two_nodes_and_a_workload(Fixture& f, std::int64_t cpu_millicores) {
  auto w = workload("web", kUid, 1);
  w.spec.pod.requests = {cpu_millicores, 64 << 20, 0, 0, 0};
  Version version;
  version.workload = w.uid;
  version.pod = w.spec.pod;
  Replica placed;
  placed.workload = w.uid;
  placed.id = replica_id("web", w.uid, 0);
  placed.phase = Phase::running;
  placed.node = NodeId{"n1"};
  Replica waiting = placed;
  waiting.ordinal = 1;
  waiting.id = replica_id("web", w.uid, 1);
  waiting.phase = Phase::pending;
  waiting.node = {};
  f.commit({put_ready_node("n1", 1, "a"), put_ready_node("n2", 2, "b"),
            put(std::make_shared<const Version>(version)), put(std::make_shared<const Workload>(w)),
            put(std::make_shared<const Replica>(placed)), put(std::make_shared<const Replica>(waiting))});
}

}  // namespace

TEST_CASE(
    "gateway: a waiting replica is explained with what rejects nodes, what is nearest and what would help") {
  Fixture f;
  two_nodes_and_a_workload(f, 1200);
  api::ExplainPlacementRequest request;
  request.set_name("web");
  api::PlacementExplanation reply;
  CallContext context;
  REQUIRE(f.stub->ExplainPlacement(&context, request, &reply).ok());
  CHECK(reply.replica_id() == replica_id("web", WorkloadUid{kUid}, 1).value);
  CHECK(reply.state() == api::Replica::PENDING);
  CHECK(reply.nodes() == 2);
  CHECK(reply.fitting_nodes() == 0);
  REQUIRE(reply.rejections_size() == 1);
  CHECK(reply.rejections(0).filter() == "cpu");
  CHECK(reply.rejections(0).nodes() == 2);
  REQUIRE(reply.nearest_size() > 0);
  CHECK(reply.nearest(0).node_id() == "n2");
  CHECK(reply.nearest(0).lacks(0).find("200 millicores") != std::string::npos);
  CHECK_FALSE(reply.remedy().empty());
  CHECK(reply.text().find("no node fits") == 0);
}

TEST_CASE("gateway: a placed replica is explained with its terms and the best other node's") {
  Fixture f;
  two_nodes_and_a_workload(f, 100);
  api::ExplainPlacementRequest request;
  request.set_replica_id(replica_id("web", WorkloadUid{kUid}, 0).value);
  api::PlacementExplanation reply;
  CallContext context;
  REQUIRE(f.stub->ExplainPlacement(&context, request, &reply).ok());
  CHECK(reply.place().node_id() == "n1");
  CHECK(reply.runner_up().node_id() == "n2");
  REQUIRE(reply.place().terms_size() == 6);
  std::int64_t sum = 0;
  for (const auto& term : reply.place().terms()) sum += term.points();
  CHECK(sum == reply.place().score());

  request.set_replica_id("web-aaaaaaaaaa-7");
  CallContext second;
  CHECK(f.stub->ExplainPlacement(&second, request, &reply).error_code() == grpc::StatusCode::NOT_FOUND);
  request.set_name("web");
  CallContext third;
  CHECK(f.stub->ExplainPlacement(&third, request, &reply).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("gateway: a dry run says where replicas would go, one after the other, and changes nothing") {
  Fixture f;
  two_nodes_and_a_workload(f, 100);
  api::ScheduleRequest request;
  request.mutable_spec()->set_image("image:1");
  request.mutable_spec()->set_replicas(4);
  request.mutable_spec()->mutable_resources()->mutable_requests()->set_cpu_millicores(600);
  api::ScheduleReply reply;
  CallContext context;
  CHECK(f.stub->Schedule(&context, request, &reply).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  request.set_dry_run(true);
  CallContext second;
  REQUIRE(f.stub->Schedule(&second, request, &reply).ok());
  REQUIRE(reply.decisions_size() == 2);
  CHECK(reply.decisions(0).place().node_id() != reply.decisions(1).place().node_id());
  CHECK(reply.unplaced() == 2);
  CHECK(reply.why_not().rejections(0).filter() == "cpu");
  request.mutable_spec()->set_replicas(101);
  CallContext third;
  CHECK(f.stub->Schedule(&third, request, &reply).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("gateway: fragments of a node are the system's and its replicas', and what is left is free") {
  Fixture f;
  two_nodes_and_a_workload(f, 300);
  api::GetFragmentsRequest request;
  request.set_node_id("n1");
  api::GetFragmentsReply reply;
  CallContext context;
  REQUIRE(f.stub->GetFragments(&context, request, &reply).ok());
  REQUIRE(reply.fragments_size() == 2);
  CHECK(reply.fragments(0).id() == "system");
  CHECK(reply.fragments(0).resources().cpu_millicores() == 1000);
  CHECK(reply.fragments(1).workload() == "web");
  CHECK(reply.fragments(1).resources().cpu_millicores() == 300);
  CHECK(reply.free().cpu_millicores() == 700);
  CHECK(reply.reservable().cpu_millicores() == 1000);
  request.set_node_id("no");
  CallContext second;
  CHECK(f.stub->GetFragments(&second, request, &reply).error_code() == grpc::StatusCode::NOT_FOUND);
}
