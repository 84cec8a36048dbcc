#include <doctest/doctest.h>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

constexpr const char* kUid = "aaaaaaaaaa";

Change ready_node(const std::string& id, std::uint64_t ordinal, const std::string& zone) {
  Node n;
  n.description.id = NodeId{id};
  n.description.zone = zone;
  n.description.allocatable = n.description.capacity = Resources{1000, 1LL << 30, 1LL << 30, 0, 0};
  n.state = NodeState::ready;
  n.ordinal = ordinal;
  return put(std::make_shared<const Node>(std::move(n)));
}

/// web: two replicas of 300 millicores on n1, which serve; n2 and n3 are empty.
void web_on_one_node(Fixture& f) {
  auto w = workload("web", kUid, 2);
  w.spec.pod.requests = {300, 64 << 20, 0, 0, 0};
  w.spec.pod.placement.spread = Spread::none;
  w.spec.replicas = 2;
  w.next_ordinal = 2;
  Version version;
  version.workload = w.uid;
  version.pod = w.spec.pod;
  std::vector<Change> changes{ready_node("n1", 1, "east"), ready_node("n2", 2, "west"),
                              ready_node("n3", 3, "west"), put(std::make_shared<const Version>(version)),
                              put(std::make_shared<const Workload>(w))};
  for (std::uint64_t ordinal = 0; ordinal < 2; ++ordinal) {
    Replica r;
    r.workload = w.uid;
    r.ordinal = ordinal;
    r.id = replica_id("web", w.uid, ordinal);
    r.phase = Phase::running;
    r.ready = true;
    r.ready_at = 1;
    r.node = NodeId{"n1"};
    changes.push_back(put(std::make_shared<const Replica>(std::move(r))));
  }
  f.commit(std::move(changes));
}

api::PlanReply plan(Fixture& f, const api::PlanRequest& request) {
  api::PlanReply reply;
  CallContext context;
  const auto status = f.stub->Plan(&context, request, &reply);
  CHECK_MESSAGE(status.ok(), status.error_message());
  return reply;
}

grpc::Status refusal(Fixture& f, const api::PlanRequest& request) {
  api::PlanReply reply;
  CallContext context;
  return f.stub->Plan(&context, request, &reply);
}

}  // namespace

TEST_CASE("gateway: a plan says what would be created, updated and left as it is, and where it would go") {
  Fixture f;
  web_on_one_node(f);
  api::PlanRequest request;
  auto& db = *request.mutable_apply()->add_workloads();
  db.set_name("db");
  db.mutable_spec()->set_image("db:1");
  db.mutable_spec()->set_replicas(2);
  db.mutable_spec()->mutable_resources()->mutable_requests()->set_cpu_millicores(900);
  auto reply = plan(f, request);
  REQUIRE(reply.workloads_size() == 1);
  CHECK(reply.workloads(0).change() == api::PlannedWorkload::CREATED);
  CHECK(reply.workloads(0).placed() == 2);
  REQUIRE(reply.workloads(0).replicas_size() == 2);
  CHECK(reply.workloads(0).replicas(0).place().node_id() == "n2");
  CHECK(reply.workloads(0).replicas(0).place().terms_size() == 6);
  CHECK(reply.workloads(0).replicas(1).place().node_id() == "n3");

  request.mutable_apply()->mutable_workloads(0)->mutable_spec()->set_replicas(3);
  reply = plan(f, request);
  CHECK(reply.workloads(0).unplaced() == 1);
  CHECK(reply.workloads(0).why_not().text().find("lacks") != std::string::npos);

  // What is there, as it is.
  api::GetWorkloadRequest get;
  get.set_name("web");
  api::Workload web;
  CallContext context;
  REQUIRE(f.stub->GetWorkload(&context, get, &web).ok());
  request.mutable_apply()->clear_workloads();
  auto& same = *request.mutable_apply()->add_workloads();
  same.set_name("web");
  *same.mutable_spec() = web.spec();
  reply = plan(f, request);
  REQUIRE(reply.workloads_size() == 1);
  CHECK(reply.workloads(0).change() == api::PlannedWorkload::UNCHANGED);
  CHECK(reply.workloads(0).placed() == 0);

  // Without a number of replicas the present one stays.
  auto& changed = *request.mutable_apply()->mutable_workloads(0)->mutable_spec();
  changed.clear_replicas();
  changed.set_image("web:2");
  reply = plan(f, request);
  CHECK(reply.workloads(0).change() == api::PlannedWorkload::UPDATED);
  CHECK(reply.workloads(0).new_version());
  CHECK(reply.workloads(0).replicas_after() == 2);
  REQUIRE(reply.workloads(0).fields_size() == 1);
  CHECK(reply.workloads(0).fields(0).path() == "image");
  CHECK(reply.workloads(0).placed() == 2);
  CHECK(reply.workloads(0).replicas(0).from_node_id() == "n1");
}

TEST_CASE("gateway: a plan of a drain and of a loss says what moves, and what serves meanwhile") {
  Fixture f;
  web_on_one_node(f);
  api::PlanRequest request;
  request.mutable_drain()->set_node_id("n1");
  auto reply = plan(f, request);
  REQUIRE(reply.workloads_size() == 1);
  CHECK(reply.workloads(0).change() == api::PlannedWorkload::MOVED);
  CHECK(reply.workloads(0).placed() == 2);
  CHECK(reply.workloads(0).serving_now() == 2);
  CHECK(reply.workloads(0).serving_left() == 2);
  CHECK(reply.workloads(0).min_available() == 1);

  request.mutable_lose()->set_zone("east");
  reply = plan(f, request);
  REQUIRE(reply.node_ids_size() == 1);
  CHECK(reply.node_ids(0) == "n1");
  CHECK(reply.workloads(0).serving_left() == 0);
  CHECK(reply.workloads(0).replicas(0).from_node_id() == "n1");
  CHECK(reply.workloads(0).replicas(0).replica_id() == replica_id("web", WorkloadUid{kUid}, 0).value);

  request.mutable_lose()->set_zone("west");
  reply = plan(f, request);
  CHECK(reply.node_ids_size() == 2);
  CHECK(reply.workloads_size() == 0);
}

TEST_CASE("gateway: a plan of nothing, or of what does not exist, is refused in words") {
  Fixture f;
  web_on_one_node(f);
  api::PlanRequest request;
  CHECK(refusal(f, request).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_drain()->set_node_id("n9");
  CHECK(refusal(f, request).error_message() == "node n9 does not exist");
  request.mutable_lose();
  CHECK(refusal(f, request).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_lose()->set_zone("north");
  CHECK(refusal(f, request).error_message() == "no node is in zone north");
  request.mutable_lose()->set_zone("east");
  request.mutable_lose()->set_region("europe");
  CHECK(refusal(f, request).error_message() == "no node is in zone east of region europe");
  request.mutable_apply()->add_workloads();
  const auto status = refusal(f, request);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message().find("apply.workloads[0].name") != std::string::npos);
}

TEST_CASE("gateway: a rebalance asks the owner to move what would be better elsewhere, a dry run does not") {
  Fixture f;
  web_on_one_node(f);
  // Its node has become a place that it does not tolerate.
  auto node = *f.mirror->present()->node(NodeId{"n1"});
  node.taints.push_back({"dedicated", "db", TaintEffect::no_schedule});
  f.commit({put(std::make_shared<const Node>(std::move(node)))});
  f.script.with(
      [](Script& s) { s.on_command = [](const WorkloadCommand&) { return Carried(CommandReply{}); }; });
  api::RebalanceRequest request;
  request.set_dry_run(true);
  api::RebalanceReply reply;
  {
    CallContext context;
    REQUIRE(f.stub->Rebalance(&context, request, &reply).ok());
  }
  REQUIRE(reply.moves_size() == 2);
  CHECK(reply.considered() == 2);
  CHECK(reply.started() == 0);
  CHECK(reply.moves(0).from().node_id() == "n1");
  REQUIRE(reply.moves(0).from().lacks_size() == 1);
  CHECK(reply.moves(0).to().node_id() == "n2");
  CHECK(f.script.with([](Script& s) { return s.commands.empty(); }));

  request.set_dry_run(false);
  request.set_budget(1);
  {
    CallContext context;
    REQUIRE(f.stub->Rebalance(&context, request, &reply).ok());
  }
  CHECK(reply.started() == 1);
  f.script.with([](Script& s) {
    REQUIRE(s.commands.size() == 1);
    const auto& move = std::get<MoveReplicas>(s.commands[0].action);
    CHECK(move.name == "web");
    CHECK(move.replicas == std::vector<ReplicaId>{replica_id("web", WorkloadUid{kUid}, 0)});
    return 0;
  });
}
