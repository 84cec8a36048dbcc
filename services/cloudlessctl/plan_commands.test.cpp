// plan and rebalance against a server that answers what it was told to.
#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>

#include <sstream>

#include "services/cloudlessctl/app.hpp"

namespace cloudless::cli {
namespace {

class PlanServer final : public api::CoordinatorService::Service {
 public:
  PlanServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~PlanServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Plan(grpc::ServerContext*, const api::PlanRequest* request, api::PlanReply* reply) override {
    asked = *request;
    *reply = plan;
    return status;
  }
  grpc::Status Rebalance(grpc::ServerContext*, const api::RebalanceRequest* request,
                         api::RebalanceReply* reply) override {
    asked_rebalance = *request;
    *reply = rebalance;
    return status;
  }

  struct Ran {
    int code = 0;
    std::string out, err;
  };
  Ran run(std::vector<std::string> arguments, const std::string& input = {}) {
    std::istringstream in(input);
    std::ostringstream out, err;
    Terminal terminal{in, out, err};
    arguments.insert(arguments.begin(), {"--server", address_});
    const int code = cli::run(std::move(arguments), terminal, [](const char*) { return std::nullopt; });
    return {code, out.str(), err.str()};
  }

  api::PlanReply plan;
  api::RebalanceReply rebalance;
  grpc::Status status = grpc::Status::OK;
  api::PlanRequest asked;
  api::RebalanceRequest asked_rebalance;

 private:
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

constexpr const char* kManifest = R"(apiVersion: cloudless.io/v1
kind: Workload
metadata: {name: web}
spec: {image: "web:2", replicas: 3}
)";

api::PlannedWorkload& add(api::PlanReply& plan, const std::string& name,
                          api::PlannedWorkload::Change change) {
  auto& workload = *plan.add_workloads();
  workload.set_namespace_("default");
  workload.set_name(name);
  workload.set_change(change);
  return workload;
}

void place(api::PlannedWorkload& workload, const std::string& node) {
  workload.add_replicas()->mutable_place()->set_node_id(node);
  workload.set_placed(workload.placed() + 1);
}

}  // namespace

TEST_CASE("plan -f says what would change and where it would go, and its exit code whether anything would") {
  PlanServer server;
  add(server.plan, "web", api::PlannedWorkload::UNCHANGED);
  auto ran = server.run({"plan", "-f", "-"}, kManifest);
  CHECK(ran.code == 0);
  CHECK(ran.out ==
        "default/web would stay as it is\n\n0 to create, 0 to update, 1 unchanged; 0 replicas would be "
        "placed\n");
  REQUIRE(server.asked.apply().workloads_size() == 1);
  CHECK(server.asked.apply().workloads(0).name() == "web");
  CHECK(server.asked.apply().workloads(0).spec().replicas() == 3);

  server.plan.Clear();
  auto& web = add(server.plan, "web", api::PlannedWorkload::UPDATED);
  web.set_new_version(true);
  auto& field = *web.add_fields();
  field.set_path("image");
  field.set_before("\"web:1\"");
  field.set_after("\"web:2\"");
  place(web, "n2");
  place(web, "n1");
  place(web, "n2");
  web.mutable_replicas(2)->add_evicts("old-0123456789-0");
  web.set_unplaced(1);
  web.mutable_why_not()->set_text("no node fits");
  ran = server.run({"plan", "-f", "-"}, kManifest);
  CHECK(ran.code == 1);
  CHECK(ran.out ==
        "default/web would be updated, every replica replaced\n"
        "  image: \"web:1\" -> \"web:2\"\n"
        "  3 replicas on n2 (2), n1\n"
        "  stops, of lower priority: old-0123456789-0\n"
        "  1 replica would wait: no node fits\n\n"
        "0 to create, 1 to update, 0 unchanged; 3 replicas would be placed, 1 would wait\n");
  ran = server.run({"plan", "-f", "-", "-o", "json"}, kManifest);
  CHECK(ran.code == 1);
  CHECK(ran.out.find("\"change\": \"UPDATED\"") != std::string::npos);
}

TEST_CASE("plan: whatever goes wrong is 255, and a bad field is named at its line of the manifest") {
  PlanServer server;
  auto ran = server.run({"plan", "-f", "-"}, "kind: Nonsense\n");
  CHECK(ran.code == 255);
  CHECK(ran.err.find("<stdin>:1") == 0);
  CHECK(server.run({"plan"}).code == 255);
  CHECK(server.run({"plan", "nonsense"}).code == 255);
  CHECK(server.run({"plan", "--help"}).code == 0);
  CHECK(server.run({"plan", "-f", "-", "drain", "n1"}, kManifest).code == 255);
  server.status = {grpc::StatusCode::NOT_FOUND, "node n9 does not exist"};
  ran = server.run({"plan", "drain", "n9"});
  CHECK(ran.code == 255);
  CHECK(ran.err.find("node n9 does not exist") != std::string::npos);
}

TEST_CASE("plan drain and plan lose say what serves on, what moves and what waits") {
  PlanServer server;
  auto ran = server.run({"plan", "drain", "n1"});
  CHECK(ran.code == 0);
  CHECK(ran.out == "draining n1 would move nothing\n");
  CHECK(server.asked.drain().node_id() == "n1");

  auto& web = add(server.plan, "web", api::PlannedWorkload::MOVED);
  web.set_serving_now(3);
  web.set_serving_left(1);
  web.set_min_available(2);
  place(web, "n3");
  web.set_unplaced(1);
  web.mutable_why_not()->set_text("no node fits: 1 of 1 node lacks cpu");
  ran = server.run({"plan", "lose", "--zone", "east", "--node", "n7"});
  CHECK(ran.code == 1);
  CHECK(server.asked.lose().zone() == "east");
  CHECK(server.asked.lose().node_ids(0) == "n7");
  CHECK(ran.out ==
        "losing n7 zone east would move 2 replicas of 1 workload; 1 of them would wait; 1 workload serves "
        "with fewer than promised until others run\n\n"
        "WORKLOAD    SERVING LEFT PROMISED MOVED TO WAITING\n"
        "default/web       3    1        2     2 n3       1\n\n"
        "default/web: 1 replica would wait: no node fits: 1 of 1 node lacks cpu\n");
}

TEST_CASE("rebalance says what moves and why; without --dry-run it is begun") {
  PlanServer server;
  server.rebalance.set_considered(4);
  auto ran = server.run({"rebalance", "--dry-run"});
  CHECK(ran.code == 0);
  CHECK(ran.out == "nothing to move: none of 4 replicas would be much better elsewhere\n");
  CHECK(server.asked_rebalance.dry_run());
  CHECK(server.asked_rebalance.budget() == 10);
  CHECK(server.asked_rebalance.namespace_().empty());

  auto& move = *server.rebalance.add_moves();
  move.set_namespace_("default");
  move.set_workload("web");
  move.set_replica_id("web-0123456789-0");
  move.mutable_from()->set_node_id("n1");
  move.mutable_from()->set_score(100);
  move.mutable_to()->set_node_id("n2");
  move.mutable_to()->set_score(50'100);
  server.rebalance.set_started(1);
  ran = server.run({"rebalance", "--budget", "3", "--min-gain", "50000", "-n", "default"});
  CHECK(ran.code == 0);
  CHECK(server.asked_rebalance.budget() == 3);
  CHECK(server.asked_rebalance.min_gain() == 50'000);
  CHECK(server.asked_rebalance.namespace_() == "default");
  CHECK(ran.out ==
        "REPLICA          WORKLOAD    FROM TO WHY\n"
        "web-0123456789-0 default/web n1   n2 score +50000\n\n"
        "1 replica being moved, each as its workload's availability allows\n");
  CHECK(server.run({"rebalance", "--budget", "101"}).code == 2);
}

}  // namespace cloudless::cli
