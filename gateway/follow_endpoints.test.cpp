#include <doctest/doctest.h>

#include <optional>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

constexpr const char* kUid = "aaaaaaaaaa";

Change put_replica(std::uint64_t ordinal, const std::function<void(Replica&)>& change = {}) {
  Replica r;
  r.workload = WorkloadUid{kUid};
  r.ordinal = ordinal;
  r.id = replica_id("web", r.workload, ordinal);
  r.phase = Phase::running;
  r.ready = true;
  r.node = NodeId{"n1"};
  r.address = "10.1.0." + std::to_string(ordinal);
  if (change) change(r);
  return put(std::make_shared<const Replica>(std::move(r)));
}
Change put_node() {
  Node n;
  n.description.id = NodeId{"n1"};
  n.revision = n.schedulable_revision = 1;
  return put(std::make_shared<const Node>(std::move(n)));
}

class Follower {
 public:
  explicit Follower(Fixture& f, const std::string& name = "web")
      : stream_(f.stub->FollowEndpoints(&context_)) {
    api::FollowEndpointsInput first;
    first.set_name(name);
    stream_->Write(first);
  }
  std::optional<api::FollowEndpointsOutput> next() {
    api::FollowEndpointsOutput out;
    if (!stream_->Read(&out)) return std::nullopt;
    return out;
  }
  void acknowledge(Revision revision) {
    api::FollowEndpointsInput input;
    input.set_acknowledged_revision(revision);
    stream_->Write(input);
  }
  void send(const api::FollowEndpointsInput& input) { stream_->Write(input); }
  grpc::Status leave() {
    stream_->WritesDone();
    while (next()) continue;
    return stream_->Finish();
  }
  grpc::Status finish() { return stream_->Finish(); }
  void cancel() { context_.TryCancel(); }

 private:
  CallContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<api::FollowEndpointsInput, api::FollowEndpointsOutput>> stream_;
};

std::vector<EndpointFollowing> told(Fixture& f) {
  return f.script.with([](Script& s) { return s.followings; });
}
bool somebody_told(Fixture& f, const std::function<bool(const EndpointFollowing&)>& what) {
  return eventually([&] {
    const auto all = told(f);
    return std::any_of(all.begin(), all.end(), what);
  });
}

}  // namespace

TEST_CASE("gateway: a follower gets the set on each change, and its acknowledgement reaches the owner") {
  Fixture f;
  f.commit({put_node(), put_workload(workload("web", kUid, 1)), put_replica(0)});
  Follower follower(f);
  const auto first = follower.next();
  REQUIRE(first);
  CHECK(first->revision() == 1);
  REQUIRE(first->endpoints_size() == 1);
  CHECK(first->endpoints(0).address() == "10.1.0.0");
  CHECK(first->endpoints(0).ready());
  CHECK(first->endpoints(0).serving());
  // Somebody is there who knows nothing yet.
  CHECK(
      somebody_told(f, [](const auto& t) { return t.seen == 0 && t.workload == "web" && t.lease == 5'000; }));
  follower.acknowledge(1);
  CHECK(somebody_told(f, [](const auto& t) { return t.seen >= 1; }));

  const auto withdrawn = f.commit({put_replica(0, [](Replica& r) {
    r.serving = false;
    r.withdrawn = StopCause::rollout;
  })});
  const auto second = follower.next();
  REQUIRE(second);
  CHECK(second->revision() >= withdrawn);
  REQUIRE(second->endpoints_size() == 1);
  CHECK_FALSE(second->endpoints(0).serving());
  for (const auto& t : told(f)) CHECK(t.seen < withdrawn);
  follower.acknowledge(second->revision());
  CHECK(somebody_told(f, [&](const auto& t) { return t.seen >= withdrawn; }));
  CHECK(follower.leave().ok());
  CHECK(somebody_told(f, [](const auto& t) { return t.lease == 0; }));
  const auto all = told(f);
  for (const auto& t : all) CHECK(t.follower == all.front().follower);
}

TEST_CASE("gateway: what does not concern a follower moves what it has seen, without a message to it") {
  Fixture f;
  f.commit({put_node(), put_workload(workload("web", kUid, 1)), put_replica(0)});
  Follower follower(f);
  const auto first = follower.next();
  REQUIRE(first);
  follower.acknowledge(first->revision());
  const auto other = f.commit({put_workload(workload("other", "bbbbbbbbbb", 2))});
  CHECK(somebody_told(f, [&](const auto& t) { return t.seen >= other; }));
  f.commit({put_replica(1)});
  const auto second = follower.next();
  REQUIRE(second);
  CHECK(second->endpoints_size() == 2);
}

TEST_CASE(
    "gateway: a follower is repeated to the owner while it is there, and taken back when it is cut off") {
  Fixture f;
  f.commit({put_node(), put_workload(workload("web", kUid, 1))});
  {
    Follower follower(f);
    REQUIRE(follower.next());
    CHECK(eventually([&] { return told(f).size() >= 3; }));
    follower.cancel();
    while (follower.next()) continue;
    CHECK(follower.finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  CHECK(somebody_told(f, [](const auto& t) { return t.lease == 0; }));
}

TEST_CASE("gateway: a follower goes on while its workload is deleted and made anew") {
  Fixture f;
  f.commit({put_node(), put_workload(workload("web", kUid, 1)), put_replica(0)});
  Follower follower(f);
  REQUIRE(follower.next());
  auto deleted = workload("web", kUid, 2);
  deleted.deleted = true;
  f.commit({put_workload(deleted), put_replica(0, [](Replica& r) { r.withdrawn = StopCause::deleted; })});
  const auto leaving = follower.next();
  REQUIRE(leaving);
  REQUIRE(leaving->endpoints_size() == 1);
  CHECK_FALSE(leaving->endpoints(0).serving());
  f.commit(
      {erase(replica_key(replica_id("web", WorkloadUid{kUid}, 0))), erase(workload_key(WorkloadUid{kUid}))});
  const auto gone = follower.next();
  REQUIRE(gone);
  CHECK(gone->endpoints_size() == 0);
  f.commit({put_workload(workload("web", "cccccccccc", 3)), put_replica(0, [](Replica& r) {
              r.workload = WorkloadUid{"cccccccccc"};
              r.id = replica_id("web", r.workload, 0);
            })});
  const auto anew = follower.next();
  REQUIRE(anew);
  REQUIRE(anew->endpoints_size() == 1);
  CHECK(anew->endpoints(0).serving());
}

TEST_CASE("gateway: messages of a follower out of order, and unknown workloads, end its stream") {
  Fixture f;
  f.commit({put_node(), put_workload(workload("web", kUid, 1))});
  const auto status_of = [&](const std::string& name, const std::function<void(Follower&)>& act) {
    Follower follower(f, name);
    act(follower);
    while (follower.next()) continue;
    return follower.finish();
  };
  CHECK(status_of("no", [](Follower&) {}).error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(status_of("", [](Follower&) {}).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  const auto ahead = status_of("web", [](Follower& follower) {
    follower.next();
    follower.acknowledge(1'000'000);
  });
  CHECK(ahead.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(ahead.error_message().find("\nacknowledged_revision: is 1000000, the newest set") !=
        std::string::npos);
  const auto twice = status_of("web", [](Follower& follower) {
    follower.next();
    api::FollowEndpointsInput again;
    again.set_name("other");
    follower.send(again);
  });
  CHECK(twice.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(twice.error_message().find("\nname: ") != std::string::npos);
}
