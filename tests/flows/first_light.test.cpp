// The whole control plane in this process, over its real ports: gRPC in, SQLite below, play agents behind the
// real node link.
#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>
#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <sstream>
#include <thread>

#include "actors/node_link/transport/secret_file.hpp"
#include "cloudless/api/coordinator_service.grpc.pb.h"
#include "services/coordinator/coordinator.hpp"
#include "services/gateway/gateway_process.hpp"
#include "services/gateway/ring_connection.hpp"
#include "services/host/host_settings.hpp"
#include "tests/support/play_agent.hpp"

using namespace cloudless;
using namespace cloudless::test;
using namespace std::chrono_literals;

namespace {

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

struct Folder {
  std::string path;
  Folder() {
    path = (std::filesystem::temp_directory_path() / "cloudless-flow-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

using Stub = std::unique_ptr<api::CoordinatorService::Stub>;

Stub stub_at(std::uint16_t port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return api::CoordinatorService::NewStub(grpc::CreateCustomChannel(
      "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments));
}

struct Cluster {
  explicit Cluster(std::function<void(const Error&)> on_end = [](const Error& error) { FAIL(error.message); })
      : on_end(std::move(on_end)) {
    settings.data_dir = folder.path + "/data";
    settings.secret_file = folder.path + "/secret";
    settings.grpc.port = settings.http.port = settings.link.port = 0;
    settings.metrics->port = settings.ring->port = 0;
    settings.lease_interval = 100;
    settings.lease_duration = 2000;
    start();
  }
  void start() {
    auto started = coordinator::Coordinator::start(settings, on_end);
    if (!started) FAIL(started.error().message);
    coordinator = std::move(*started);
    // The same ports after a restart, so that agents and clients find it.
    const auto ports = coordinator->ports();
    settings.grpc.port = ports.grpc;
    settings.link.port = ports.link;
    settings.ring->port = ports.ring;
    stub = stub_at(ports.grpc);
  }
  std::unique_ptr<PlayAgent> agent(const std::string& node) {
    return std::make_unique<PlayAgent>(node, coordinator->ports().link,
                                       *node_link::load_secret(settings.secret_file));
  }
  grpc::Status create(const std::string& name, std::uint32_t replicas, api::Workload& reply) {
    api::CreateWorkloadRequest request;
    request.set_name(name);
    request.mutable_spec()->set_image("image:1");
    request.mutable_spec()->set_replicas(replicas);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    return stub->CreateWorkload(&context, request, &reply);
  }
  static grpc::Status get(const Stub& from, const std::string& name, api::Workload& reply) {
    api::GetWorkloadRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    return from->GetWorkload(&context, request, &reply);
  }
  bool sees_nodes(int count) {
    return eventually([&] {
      api::ListNodesReply nodes;
      grpc::ClientContext context;
      return stub->ListNodes(&context, {}, &nodes).ok() && nodes.nodes_size() == count;
    });
  }
  bool becomes(const std::string& name, api::WorkloadStatus::Phase phase, std::uint32_t ready) {
    return eventually([&] {
      api::Workload w;
      return get(stub, name, w).ok() && w.status().phase() == phase && w.status().ready_replicas() == ready;
    });
  }

  std::function<void(const Error&)> on_end;
  Folder folder;
  coordinator::CoordinatorSettings settings;
  std::unique_ptr<coordinator::Coordinator> coordinator;
  Stub stub;
};

}  // namespace

TEST_CASE("a created workload is stored, placed, started, scaled, updated and deleted") {
  Cluster cluster;
  auto n1 = cluster.agent("n1");
  auto n2 = cluster.agent("n2");
  REQUIRE(cluster.sees_nodes(2));
  api::Workload reply;
  REQUIRE(cluster.create("web", 4, reply).ok());
  const auto created = reply.revision();
  REQUIRE(cluster.becomes("web", api::WorkloadStatus::RUNNING, 4));
  REQUIRE(Cluster::get(cluster.stub, "web", reply).ok());
  std::map<std::string, int> per_node;
  for (const auto& replica : reply.status().replicas()) ++per_node[replica.node_id()];
  CHECK(per_node == std::map<std::string, int>{{"n1", 2}, {"n2", 2}});
  CHECK(reply.revision() == created);

  {
    api::ScaleWorkloadRequest request;
    request.set_name("web");
    request.set_replicas(6);
    grpc::ClientContext context;
    REQUIRE(cluster.stub->ScaleWorkload(&context, request, &reply).ok());
  }
  CHECK(cluster.becomes("web", api::WorkloadStatus::RUNNING, 6));
  {
    api::UpdateWorkloadRequest request;
    request.set_name("web");
    request.mutable_spec()->set_image("image:2");
    request.mutable_update_mask()->add_paths("image");
    grpc::ClientContext context;
    REQUIRE(cluster.stub->UpdateWorkload(&context, request, &reply).ok());
    CHECK(reply.status().version() == 2);
  }
  CHECK(eventually([&] {
    return Cluster::get(cluster.stub, "web", reply).ok() && reply.status().updated_replicas() == 6 &&
           reply.status().phase() == api::WorkloadStatus::RUNNING;
  }));
  {
    api::DeleteWorkloadRequest request;
    request.set_name("web");
    api::DeleteWorkloadReply deleted;
    grpc::ClientContext context;
    REQUIRE(cluster.stub->DeleteWorkload(&context, request, &deleted).ok());
  }
  CHECK(Cluster::get(cluster.stub, "web", reply).error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(eventually([&] {
    api::Node node;
    api::GetNodeRequest request;
    request.set_node_id("n1");
    grpc::ClientContext context;
    return cluster.stub->GetNode(&context, request, &node).ok() && node.replicas() == 0;
  }));
}

TEST_CASE("logs and exec reach the agent and come back") {
  Cluster cluster;
  auto agent = cluster.agent("n1");
  api::Workload reply;
  REQUIRE(cluster.create("web", 1, reply).ok());
  REQUIRE(cluster.becomes("web", api::WorkloadStatus::RUNNING, 1));
  {
    api::StreamLogsRequest request;
    request.set_workload("web");
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    auto reader = cluster.stub->StreamLogs(&context, request);
    api::StreamLogsReply lines;
    REQUIRE(reader->Read(&lines));
    CHECK(lines.lines(0).line() == "hello from n1");
    CHECK_FALSE(reader->Read(&lines));
    CHECK(reader->Finish().ok());
  }
  api::ExecCommandRequest request;
  request.set_workload("web");
  request.add_command("say");
  request.add_command("it");
  api::ExecCommandReply output;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 60s);
  REQUIRE(cluster.stub->ExecCommand(&context, request, &output).ok());
  CHECK(output.stdout() == "say\nit\n");
}

TEST_CASE("what was acknowledged is there after a restart, and the same key gets the same answer") {
  Cluster cluster;
  api::CreateWorkloadRequest request;
  request.set_name("kept");
  request.mutable_spec()->set_image("image:1");
  request.mutable_spec()->set_replicas(0);
  request.set_idempotency_key("once");
  api::Workload first;
  {
    grpc::ClientContext context;
    REQUIRE(cluster.stub->CreateWorkload(&context, request, &first).ok());
  }
  cluster.coordinator.reset();
  cluster.start();
  api::Workload again;
  {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    REQUIRE(cluster.stub->CreateWorkload(&context, request, &again).ok());
  }
  CHECK(again.uid() == first.uid());
  CHECK(again.revision() == first.revision());
}

TEST_CASE("a node that falls silent is replaced") {
  Cluster cluster;
  auto n1 = cluster.agent("n1");
  api::Workload reply;
  REQUIRE(cluster.create("web", 2, reply).ok());
  REQUIRE(cluster.becomes("web", api::WorkloadStatus::RUNNING, 2));
  auto n2 = cluster.agent("n2");
  n1.reset();
  CHECK(eventually([&] {
    if (!Cluster::get(cluster.stub, "web", reply).ok() || reply.status().ready_replicas() != 2) return false;
    for (const auto& replica : reply.status().replicas())
      if (replica.ready() && replica.node_id() != "n2") return false;
    return reply.status().phase() == api::WorkloadStatus::RUNNING;
  }));
}

TEST_CASE("metrics count what was done, and the probes say that it is well") {
  Cluster cluster;
  auto agent = cluster.agent("n1");
  api::Workload reply;
  REQUIRE(cluster.create("web", 1, reply).ok());
  REQUIRE(cluster.becomes("web", api::WorkloadStatus::RUNNING, 1));
  httplib::Client http("127.0.0.1", cluster.coordinator->ports().http);
  CHECK(http.Get("/health")->body == "ok\n");
  CHECK(http.Get("/ready")->status == 200);
  httplib::Client metrics("127.0.0.1", cluster.coordinator->ports().metrics);
  const auto text = metrics.Get("/metrics")->body;
  for (const char* line :
       {"cloudless_api_calls_total{code=\"OK\",method=\"CreateWorkload\"} 1\n",
        "cloudless_replicas{state=\"RUNNING\"} 1\n", "cloudless_nodes{state=\"READY\"} 1\n",
        "cloudless_workloads{phase=\"RUNNING\"} 1\n",
        "cloudless_port_connections_total{port=\"link\",result=\"accepted\"} 1\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(text.find("cloudless_store_commits_total ") != std::string::npos);
}

TEST_CASE("an actor of the ring that ends takes the coordinator with it") {
  std::atomic<bool> ended{false};
  std::string why;
  Cluster cluster([&](const Error& error) {
    why = error.message;
    ended = true;
  });
  struct Config : caf::actor_system_config {
    Config() { node_link::configure_network(*this); }
  };
  Config config;
  caf::actor_system system(config);
  {
    gateway::RingConnection ring(
        system,
        {"127.0.0.1",
         cluster.coordinator->ports().ring,
         {*node_link::load_secret(node_link::ring_secret_path(cluster.settings.secret_file)),
          node_link::kRingPurpose}},
        "a test");
    ring.find_store([](Result<store_actor>) {});
    REQUIRE(eventually([&] { return ring.connected(); }));
    caf::anon_send_exit(ring.owners()->now()->workloads, caf::exit_reason::kill);
    CHECK(eventually([&] { return ended.load(); }));
  }
  CHECK(why.find("workload_state ended unexpectedly") != std::string::npos);
}

TEST_CASE("the shipped configuration files show the defaults") {
  auto shown = [](settings::Settings& form, const std::string& file) {
    std::vector<const char*> argv{"test", "--config", file.c_str()};
    const auto loaded =
        form.load(file.empty() ? 1 : 3, argv.data(), [](const std::string&) { return std::nullopt; });
    if (!loaded) FAIL(loaded.error().message);
    std::string text;
    std::istringstream lines(form.print());
    for (std::string line; std::getline(lines, line);) text += line.substr(0, line.find("  #")) + "\n";
    return text;
  };
  const std::string config = CLOUDLESS_SOURCE_ROOT "/config/";
  auto check_file = [&](const std::string& file, auto with_file, auto without) {
    CAPTURE(file);
    settings::Settings f1({}), f2({});
    register_fields(f1, with_file);
    register_fields(f2, without);
    CHECK(shown(f1, config + file) == shown(f2, ""));
  };
  check_file("coordinator.yaml", coordinator::CoordinatorSettings{}, coordinator::CoordinatorSettings{});
  check_file("gateway.yaml", gateway::GatewaySettings{}, gateway::GatewaySettings{});
  check_file("host.yaml", host::HostSettings{}, host::HostSettings{});
}

TEST_CASE("where the scheduler runs is said in one setting") {
  struct Case {
    const char* text;
    bool right;
    bool embedded;
    bool host;
  };
  for (const auto& [text, right, embedded, host] :
       {Case{"embedded", true, true, false}, Case{"off", true, false, false},
        Case{"127.0.0.1:9096", true, false, true}, Case{"192.0.2.1:9096", true, false, true},
        Case{"no", false, true, false}, Case{"", false, true, false}, Case{":1", false, true, false}}) {
    CAPTURE(text);
    coordinator::CoordinatorSettings values;
    settings::Settings form({});
    register_fields(form, values);
    const char* argv[] = {"test", "--scheduler", text};
    const auto loaded = form.load(3, argv, [](const std::string&) { return std::nullopt; });
    CHECK((loaded.has_value() && coordinator::check(values).has_value()) == right);
    CHECK(values.scheduler.embedded == embedded);
    CHECK(values.scheduler.host.has_value() == host);
    values.ring.reset();
    if (right) CHECK(coordinator::check(values).has_value() == (embedded || host));
  }
}

TEST_CASE("addresses that other machines reach are refused where there is no TLS") {
  coordinator::CoordinatorSettings values;
  CHECK(coordinator::check(values).has_value());
  values.grpc = values.http = {"0.0.0.0", 1};
  values.metrics = {"192.0.2.1", 2};
  auto refused = coordinator::check(values);
  REQUIRE_FALSE(refused.has_value());
  for (const char* name : {"grpc.address 0.0.0.0:1", "http.address 0.0.0.0:1", "metrics.address 192.0.2.1:2"})
    CHECK(refused.error().message.find(name) != std::string::npos);
  values = {};
  values.link = values.grpc = {"0.0.0.0", 1};
  values.ring = values.link;
  values.tls = {"cert.pem", "key.pem", ""};
  CHECK(coordinator::check(values).has_value());
}

TEST_CASE("a gateway in another system serves the same API, and survives the coordinator's restart") {
  Cluster cluster;
  gateway::GatewaySettings settings;
  settings.coordinator.port = cluster.coordinator->ports().ring;
  settings.secret_file = node_link::ring_secret_path(cluster.settings.secret_file);
  settings.grpc.port = settings.http.port = 0;
  settings.metrics.reset();
  auto process = gateway::GatewayProcess::start(settings, [](const Error& error) { FAIL(error.message); });
  REQUIRE(process.has_value());
  const auto stub = stub_at((*process)->ports().grpc);
  api::Workload made;
  REQUIRE(cluster.create("one", 0, made).ok());
  api::Workload seen;
  {
    api::GetWorkloadRequest request;
    request.set_name("one");
    grpc::ClientContext context;
    context.AddMetadata("cloudless-min-revision", std::to_string(made.store_revision()));
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    REQUIRE(stub->GetWorkload(&context, request, &seen).ok());
    CHECK(seen.uid() == made.uid());
  }
  cluster.coordinator.reset();
  REQUIRE(Cluster::get(stub, "one", seen).ok());
  cluster.start();
  api::CreateWorkloadRequest request;
  request.set_name("two");
  request.mutable_spec()->set_image("image:1");
  request.mutable_spec()->set_replicas(0);
  CHECK(eventually([&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    const auto code = stub->CreateWorkload(&context, request, &seen).error_code();
    return code == grpc::StatusCode::OK || code == grpc::StatusCode::ALREADY_EXISTS;
  }));
  CHECK(Cluster::get(stub, "two", seen).ok());
}
