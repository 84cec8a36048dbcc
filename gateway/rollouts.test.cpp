#include <doctest/doctest.h>

#include <future>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

constexpr const char* kUid = "aaaaaaaaaa";

Workload rolled(std::uint64_t version, std::uint64_t rollout, Revision revision) {
  auto w = workload("web", kUid, revision);
  w.version = version;
  w.rollout = rollout;
  return w;
}
Change put_version(std::uint64_t number, bool proven) {
  Version v;
  v.workload = WorkloadUid{kUid};
  v.number = number;
  v.pod.image = "image:" + std::to_string(number);
  v.proven = proven;
  return put(std::make_shared<const Version>(std::move(v)));
}
Change put_rollout(std::uint64_t number, std::uint64_t from, std::uint64_t to, RolloutState state,
                   RolloutCause cause = RolloutCause::updated) {
  Rollout r;
  r.workload = WorkloadUid{kUid};
  r.number = number;
  r.from_version = from;
  r.to_version = to;
  r.state = state;
  r.cause = cause;
  if (state == RolloutState::failed) r.reason = "image not found";
  return put(std::make_shared<const Rollout>(std::move(r)));
}

/// Two rollouts, the second of which goes on.
void two_rollouts(Fixture& f) {
  f.commit({put_workload(rolled(2, 2, 1)), put_version(1, true), put_version(2, false),
            put_rollout(1, 0, 1, RolloutState::completed, RolloutCause::created),
            put_rollout(2, 1, 2, RolloutState::active)});
}

}  // namespace

TEST_CASE("gateway: rollouts are read by number, newest by default, and listed newest first") {
  Fixture f;
  two_rollouts(f);
  const auto get = [&](std::uint64_t number, api::Rollout& reply) {
    api::GetRolloutRequest request;
    request.set_name("web");
    request.set_number(number);
    CallContext context;
    return f.stub->GetRollout(&context, request, &reply);
  };
  api::Rollout rollout;
  REQUIRE(get(0, rollout).ok());
  CHECK(rollout.number() == 2);
  CHECK(rollout.phase() == api::Rollout::STARTING);
  CHECK(rollout.store_revision() == 1);
  REQUIRE(get(1, rollout).ok());
  CHECK(rollout.phase() == api::Rollout::COMPLETED);
  const auto missing = get(3, rollout);
  CHECK(missing.error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(missing.error_message().find("the newest one is 2") != std::string::npos);

  api::ListRolloutsRequest request;
  request.set_name("web");
  api::ListRolloutsReply list;
  CallContext context;
  REQUIRE(f.stub->ListRollouts(&context, request, &list).ok());
  REQUIRE(list.rollouts_size() == 2);
  CHECK(list.rollouts(0).number() == 2);
  request.set_name("no");
  CallContext second;
  CHECK(f.stub->ListRollouts(&second, request, &list).error_code() == grpc::StatusCode::NOT_FOUND);
  request.set_name("");
  CallContext third;
  CHECK(f.stub->ListRollouts(&third, request, &list).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("gateway: versions are listed newest first, with what is current and how many run it") {
  Fixture f;
  two_rollouts(f);
  Replica replica;
  replica.workload = WorkloadUid{kUid};
  replica.id = replica_id("web", replica.workload, 0);
  f.commit({put(std::make_shared<const Replica>(replica))});
  api::ListVersionsRequest request;
  request.set_name("web");
  api::ListVersionsReply list;
  CallContext context;
  REQUIRE(f.stub->ListVersions(&context, request, &list).ok());
  REQUIRE(list.versions_size() == 2);
  CHECK(list.versions(0).number() == 2);
  CHECK(list.versions(0).current());
  CHECK_FALSE(list.versions(0).proven());
  CHECK(list.versions(1).proven());
  CHECK(list.versions(1).replicas() == 1);
  CHECK(list.versions(1).image() == "image:1");
}

TEST_CASE("gateway: control of a rollout goes to the owner and answers with the rollout as it is then") {
  Fixture f;
  two_rollouts(f);
  f.script.with([&](Script& s) {
    s.on_command = [&](const WorkloadCommand& command) -> caf::result<Carried<CommandReply>> {
      const auto& control = std::get<ControlRollout>(command.action);
      if (control.action == RolloutAction::pause)
        return to_caf({Errc::failed_precondition, "rollout 2 is paused already", {}});
      const auto w = rolled(1, 3, 2);
      const auto revision = f.commit({put_workload(w), put_rollout(2, 1, 2, RolloutState::superseded),
                                      put_rollout(3, 2, 1, RolloutState::active, RolloutCause::undone)});
      return Carried<CommandReply>(CommandReply{w, revision});
    };
  });
  api::UndoRolloutRequest undo;
  undo.set_name("web");
  undo.set_to_version(1);
  undo.set_expected_revision(1);
  undo.set_idempotency_key("k");
  api::Rollout reply;
  CallContext context;
  REQUIRE(f.stub->UndoRollout(&context, undo, &reply).ok());
  CHECK(reply.number() == 3);
  CHECK(reply.phase() == api::Rollout::ROLLING_BACK);
  CHECK(reply.store_revision() == 2);
  CHECK(reply.workload_revision() == 2);
  const auto command = f.script.with([](Script& s) { return s.commands.back(); });
  CHECK(std::get<ControlRollout>(command.action) ==
        ControlRollout{"default", "web", RolloutAction::undo, 1, 1});
  CHECK(command.context.idempotency_key == "k");

  api::PauseRolloutRequest pause;
  pause.set_name("web");
  CallContext second;
  const auto refused = f.stub->PauseRollout(&second, pause, &reply);
  CHECK(refused.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(refused.error_message() == "rollout 2 is paused already");
}

TEST_CASE("gateway: a node is drained by its owner, and shows what is left and why") {
  Fixture f;
  Node node;
  node.description.id = NodeId{"n1"};
  node.revision = node.schedulable_revision = 1;
  Replica replica;
  replica.workload = WorkloadUid{kUid};
  replica.id = replica_id("web", replica.workload, 0);
  replica.node = NodeId{"n1"};
  replica.phase = Phase::running;
  replica.ready = true;
  f.commit({put(std::make_shared<const Node>(node)), put_workload(rolled(1, 1, 1)),
            put(std::make_shared<const Replica>(replica))});
  f.script.with([&](Script& s) {
    s.on_node_command = [&](const NodeCommand& command) -> caf::result<Carried<NodeReply>> {
      CHECK(std::get<DrainNode>(command.action).node == NodeId{"n1"});
      node.draining = true;
      node.revision = node.schedulable_revision = 2;
      const auto revision = f.commit({put(std::make_shared<const Node>(node))});
      return Carried<NodeReply>(NodeReply{node, revision});
    };
  });
  api::DrainNodeRequest request;
  request.set_node_id("n1");
  api::Node reply;
  CallContext context;
  REQUIRE(f.stub->DrainNode(&context, request, &reply).ok());
  CHECK(reply.draining());
  CHECK(reply.drain().replicas_left() == 1);
  REQUIRE(reply.drain().left_size() == 1);
  CHECK(reply.drain().left(0).workload() == "web");
  CHECK_FALSE(reply.drain().left(0).waiting_for().empty());
}

TEST_CASE("gateway: a watch tells a rollout's way, the one that goes back after it, and ends") {
  Fixture f;
  two_rollouts(f);
  api::WatchRolloutRequest request;
  request.set_name("web");
  CallContext context;
  auto reader = f.stub->WatchRollout(&context, request);
  api::Rollout seen;
  REQUIRE(reader->Read(&seen));
  CHECK(seen.number() == 2);
  CHECK(seen.phase() == api::Rollout::STARTING);
  f.commit({put_workload(rolled(1, 3, 2)), put_rollout(2, 1, 2, RolloutState::failed),
            put_rollout(3, 2, 1, RolloutState::active, RolloutCause::failed)});
  REQUIRE(reader->Read(&seen));
  CHECK(seen.number() == 2);
  CHECK(seen.phase() == api::Rollout::FAILED);
  CHECK(seen.reason() == "image not found");
  REQUIRE(reader->Read(&seen));
  CHECK(seen.number() == 3);
  CHECK(seen.phase() == api::Rollout::ROLLING_BACK);
  f.commit({put_rollout(3, 2, 1, RolloutState::completed, RolloutCause::failed)});
  REQUIRE(reader->Read(&seen));
  CHECK(seen.phase() == api::Rollout::COMPLETED);
  CHECK_FALSE(reader->Read(&seen));
  CHECK(reader->Finish().ok());
}

TEST_CASE("gateway: a watch of one rollout by its number ends with it; one that keeps watching goes on") {
  Fixture f;
  two_rollouts(f);
  api::WatchRolloutRequest request;
  request.set_name("web");
  request.set_number(2);
  request.set_keep_watching(true);
  CallContext context;
  auto keeping = f.stub->WatchRollout(&context, request);
  request.set_keep_watching(false);
  CallContext second;
  auto one = f.stub->WatchRollout(&second, request);
  api::Rollout seen;
  REQUIRE(keeping->Read(&seen));
  REQUIRE(one->Read(&seen));
  f.commit({put_workload(rolled(3, 3, 2)), put_rollout(2, 1, 2, RolloutState::superseded),
            put_rollout(3, 2, 3, RolloutState::active)});
  REQUIRE(one->Read(&seen));
  CHECK(seen.phase() == api::Rollout::SUPERSEDED);
  CHECK_FALSE(one->Read(&seen));
  CHECK(one->Finish().ok());
  REQUIRE(keeping->Read(&seen));
  CHECK(seen.phase() == api::Rollout::SUPERSEDED);
  REQUIRE(keeping->Read(&seen));
  CHECK(seen.number() == 3);
  f.commit({put_rollout(3, 2, 3, RolloutState::completed)});
  REQUIRE(keeping->Read(&seen));
  CHECK(seen.phase() == api::Rollout::COMPLETED);
  f.commit({put_workload(rolled(4, 4, 3)), put_rollout(4, 3, 4, RolloutState::active)});
  REQUIRE(keeping->Read(&seen));
  CHECK(seen.number() == 4);
  context.TryCancel();
  while (keeping->Read(&seen)) continue;
  CHECK(keeping->Finish().error_code() == grpc::StatusCode::CANCELLED);
}

TEST_CASE("gateway: a watch of what does not exist ends with NOT_FOUND") {
  Fixture f;
  two_rollouts(f);
  api::WatchRolloutRequest request;
  for (const auto& [name, number] : {std::pair{"no", 0}, std::pair{"web", 9}}) {
    request.set_name(name);
    request.set_number(static_cast<std::uint64_t>(number));
    CallContext context;
    auto reader = f.stub->WatchRollout(&context, request);
    api::Rollout seen;
    CHECK_FALSE(reader->Read(&seen));
    CHECK(reader->Finish().error_code() == grpc::StatusCode::NOT_FOUND);
  }
}
