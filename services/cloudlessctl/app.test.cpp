#include "services/cloudlessctl/app.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "services/cloudlessctl/fake_server.test.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

using Variables = std::map<std::string, std::string>;

Result run_with(const Variables& variables, std::vector<std::string> arguments,
                const std::string& input = {}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{in, out, err, false};
  const auto environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  const int code = run(std::move(arguments), terminal, environment);
  return {code, out.str(), err.str()};
}

Result ctl(const FakeServer& server, std::vector<std::string> arguments, const std::string& input = {}) {
  return run_with({{"CLOUDLESS_SERVER", server.address()}}, std::move(arguments), input);
}

std::string manifest(const std::string& name, const std::string& spec = "{image: a, replicas: 2}") {
  return "apiVersion: cloudless.io/v1\nkind: Workload\nmetadata: {name: " + name + "}\nspec: " + spec + "\n";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() /
            ("cloudlessctl-test-" + std::to_string(random()) + std::to_string(random()));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("top shows workloads, replicas or nodes, exact in JSON, and names nodes that did not answer") {
  FakeServer server;
  auto& replica = *server.usage.add_replicas();
  replica.set_replica_id("web-00000000ab-0");
  replica.set_namespace_("default");
  replica.set_workload("web");
  auto& workload = *server.usage.add_workloads();
  workload.set_workload("web");
  workload.set_window_ms(5000);
  workload.mutable_usage()->set_cpu_millicores(1234);
  auto& silent = *server.usage.add_nodes();
  silent.set_node_id("n2");
  silent.set_error("node n2 is not connected");
  auto result = ctl(server, {"top"});
  CHECK(result.code == 0);
  CHECK(contains(result.out, "web"));
  CHECK(contains(result.out, "1.234"));
  CHECK(contains(result.err, "not in it: node n2: node n2 is not connected"));
  CHECK(server.last_usage.namespace_() == "default");
  CHECK(contains(ctl(server, {"top", "replicas", "web", "--node", "n1"}).out, "web-00000000ab-0"));
  CHECK(server.last_usage.workload() == "web");
  CHECK(server.last_usage.node_id() == "n1");
  CHECK(contains(ctl(server, {"top", "nodes"}).out, "n2"));
  CHECK(server.last_usage.namespace_().empty());
  CHECK(contains(ctl(server, {"top", "-o", "json"}).out, "\"cpu_millicores\": 1234"));
  CHECK(ctl(server, {"top", "-A"}).code == 0);
  CHECK(server.last_usage.namespace_().empty());
  CHECK(ctl(server, {"top", "pods"}).code == 2);
  server.usage.Clear();
  CHECK(contains(ctl(server, {"top"}).err, "nothing runs"));
}

TEST_CASE("a workload is created, applied, scaled, shown and deleted by its name") {
  FakeServer server;
  auto result = ctl(server, {"workload", "create", "-f", "-", "--wait"}, manifest("web"));
  CHECK(result.code == 0);
  CHECK(result.out == "workload default/web created\n");
  CHECK(result.err == "workload default/web: 2/2 ready, RUNNING\n");
  CHECK(ctl(server, {"workload", "create", "-f", "-"}, manifest("web")).code == 5);

  CHECK(ctl(server, {"workload", "apply", "-f", "-"}, manifest("web")).out ==
        "workload default/web unchanged\n");
  CHECK(ctl(server, {"workload", "apply", "-f", "-"}, manifest("web", "{image: b}")).out ==
        "workload default/web updated\n");
  CHECK(server.workloads["default/web"].spec().replicas() == 2);
  CHECK(ctl(server, {"workload", "apply", "-f", "-"}, manifest("new")).out ==
        "workload default/new created\n");
  CHECK(ctl(server, {"workload", "update", "-f", "-"}, manifest("none")).code == 4);

  result = ctl(server, {"workload", "scale", "web", "--replicas", "5", "--wait"});
  CHECK(result.code == 0);
  CHECK(result.out == "workload default/web scaled to 5\n");
  CHECK(contains(result.err, "5/5 ready"));

  result = ctl(server, {"workload", "get", "web"});
  CHECK(contains(result.out, "NAME"));
  CHECK(contains(result.out, "RUNNING"));
  CHECK(contains(result.out, "5/5"));
  const auto uid = server.workloads["default/web"].uid();
  CHECK(contains(ctl(server, {"workload", "get", uid}).out, "web"));
  CHECK(ctl(server, {"workload", "get", "0000009999"}).code == 4);

  CHECK(ctl(server, {"workload", "delete", uid, "new", "--wait"}).code == 0);
  CHECK(server.workloads.empty());
  result = ctl(server, {"workload", "delete", "web"});
  CHECK(result.code == 4);
  CHECK(result.err == "error: NOT_FOUND: workload default/web does not exist\n");
}

TEST_CASE("objects come out as JSON and YAML with the schema's names") {
  FakeServer server;
  CHECK(ctl(server, {"workload", "create", "-f", "-", "-o", "json"}, manifest("web")).code == 0);
  auto result = ctl(server, {"workload", "get", "web", "-o", "json"});
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["status"]["phase"] == "RUNNING");
  CHECK(json["status"]["ready_replicas"] == 2);
  CHECK(json["status"]["replicas"][1]["state"] == "RUNNING");
  CHECK(json["status"]["replicas"][1]["container_id"] == "");
  CHECK_FALSE(json["status"]["replicas"][1].contains("exit_code"));
  CHECK(json["spec"]["image"] == "a");
  CHECK_FALSE(json["spec"].contains("host_network"));
  result = ctl(server, {"workload", "get", "web", "-o", "yaml"});
  CHECK(contains(result.out, "name: web\n"));
  CHECK(contains(result.out, "  ready_replicas: 2\n"));
  CHECK(contains(result.out, "uid: \"0000000001\"\n"));
  const auto list = nlohmann::json::parse(ctl(server, {"-o", "json", "workload", "list"}).out);
  CHECK(list["workloads"].size() == 1);
}

TEST_CASE("a list gathers every page, of one namespace or of all") {
  FakeServer server;
  for (const char* name : {"a", "b", "c", "d", "e"})
    CHECK(ctl(server, {"workload", "create", "-n", "one", "-f", "-"}, manifest(name)).code == 0);
  CHECK(ctl(server, {"workload", "create", "-f", "-"}, manifest("other")).code == 0);
  auto list = nlohmann::json::parse(ctl(server, {"workload", "list", "-n", "one", "-o", "json"}).out);
  CHECK(list["workloads"].size() == 5);
  list = nlohmann::json::parse(ctl(server, {"workload", "list", "-A", "-o", "json"}).out);
  CHECK(list["workloads"].size() == 6);
  CHECK(contains(ctl(server, {"workload", "list", "-A"}).out, "NAMESPACE"));
  const auto none = ctl(server, {"workload", "list", "-n", "two", "-l", "a=b"});
  CHECK(none.code == 0);
  CHECK(none.out.empty());
  CHECK(none.err == "no workloads in namespace two\n");
  CHECK(server.last_list.label_selector() == "a=b");
}

TEST_CASE("wrong manifests are told by line before anything is sent, and the server's words by line too") {
  FakeServer server;
  auto result = ctl(server, {"workload", "create", "-f", "-"},
                    manifest("good") + "---\n" + manifest("bad", "{imag: a}"));
  CHECK(result.code == 3);
  CHECK(result.err == "<stdin>:9:8: spec.imag: unknown field, did you mean 'image'?\n");
  CHECK(server.workloads.empty());

  server.refusal = {
      grpc::StatusCode::INVALID_ARGUMENT,
      "CreateWorkload: 2 fields wrong\nspec.replicas: is 20000, expected 0 to 10000\nname: must be shorter"};
  TemporaryDirectory directory;
  const auto file = directory.write("web.yaml", manifest("web", "{image: a, replicas: 20000}"));
  result = ctl(server, {"workload", "create", "-f", file});
  CHECK(result.code == 3);
  CHECK(result.err == file + ":4:18: spec.replicas: is 20000, expected 0 to 10000\n" + file +
                          ":3:18: metadata.name: must be shorter\n" +
                          "error: INVALID_ARGUMENT: CreateWorkload: 2 fields wrong\n");
  result = ctl(server, {"workload", "create", "-f", directory.path() + "/absent.yaml"});
  CHECK(result.code == 1);
  CHECK(contains(result.err, "absent.yaml: cannot be read"));
}

TEST_CASE("the namespace of a manifest holds, and one on the command line must not contradict it") {
  FakeServer server;
  const std::string text =
      "apiVersion: cloudless.io/v1\nkind: Workload\nmetadata: {name: web, namespace: shop}\nspec: {image: "
      "a}\n";
  CHECK(ctl(server, {"workload", "create", "-f", "-"}, text).out == "workload shop/web created\n");
  CHECK(ctl(server, {"-n", "shop", "workload", "apply", "-f", "-"}, text).code == 0);
  const auto result = ctl(server, {"workload", "apply", "-f", "-", "-n", "other"}, text);
  CHECK(result.code == 3);
  CHECK(result.err == "<stdin>:3:34: metadata.namespace: is 'shop', but -n says 'other'\n");
}

TEST_CASE("--wait shows progress, and fails when the workload does or the time is over") {
  FakeServer server;
  server.settle = [&server](api::Workload& workload) {
    FakeServer::make_ready(workload);
    if (server.reads > 3) return;
    workload.mutable_status()->set_phase(api::WorkloadStatus::STARTING);
    workload.mutable_status()->set_ready_replicas(1);
  };
  auto result = ctl(server, {"workload", "create", "-f", "-", "--wait"}, manifest("web"));
  CHECK(result.code == 0);
  CHECK(result.err ==
        "workload default/web: 1/2 ready, STARTING\nworkload default/web: 2/2 ready, RUNNING\n");

  server.settle = [](api::Workload& workload) {
    workload.mutable_status()->set_phase(api::WorkloadStatus::FAILED);
    workload.mutable_status()->set_reason("image does not exist");
  };
  result = ctl(server, {"workload", "create", "-f", "-", "--wait"}, manifest("bad"));
  CHECK(result.code == 7);
  CHECK(contains(result.err, "FAILED: image does not exist"));

  server.settle = [](api::Workload& workload) {
    workload.mutable_status()->set_phase(api::WorkloadStatus::PENDING);
  };
  result = ctl(server, {"workload", "create", "-f", "-", "--wait", "--timeout", "0.2"}, manifest("slow"));
  CHECK(result.code == 7);
  CHECK(contains(result.err, "not reached within"));
}

TEST_CASE("replicas that are still stopping hold --wait back") {
  FakeServer server;
  int left = 3;
  server.settle = [&left](api::Workload& workload) {
    FakeServer::make_ready(workload);
    if (left-- > 0) workload.mutable_status()->add_replicas()->set_state(api::Replica::STOPPING);
  };
  CHECK(ctl(server, {"workload", "create", "-f", "-", "--wait"}, manifest("web")).code == 0);
  CHECK(left < 0);
}

TEST_CASE("a description shows replicas with their reasons, events and the spec") {
  FakeServer server;
  CHECK(ctl(server, {"workload", "create", "-f", "-"}, manifest("web")).code == 0);
  server.settle = [](api::Workload& workload) {
    FakeServer::make_ready(workload);
    auto& replica = *workload.mutable_status()->mutable_replicas(0);
    replica.set_state(api::Replica::BACKOFF);
    replica.set_ready(false);
    replica.set_exit_code(137);
    replica.set_reason("out of memory");
    replica.set_restarts(7);
    auto& published = *replica.add_published_ports();
    published.set_protocol(api::Port::UDP);
    published.set_container_port(53);
    published.set_host_port(30001);
  };
  auto& event = server.events.emplace_back();
  event.set_kind("ReplicaStarted");
  event.set_severity(api::Event::INFO);
  event.set_replica("web-0000000001-0");
  event.set_message("started on n1");
  const auto out = ctl(server, {"workload", "describe", "web"}).out;
  for (const char* part : {"default/web", "BACKOFF", "137", "out of memory", "READY", "RESTARTS", " 7 ",
                           "PORTS", "30001->53/udp", "ReplicaStarted", "started on n1", "  image: a\n"})
    CHECK_MESSAGE(contains(out, part), part);
  CHECK(server.last_events.workload() == "web");
  const auto table = ctl(server, {"workload", "get", "web"}).out;
  for (const char* part : {"RESTARTS", "PORTS", "30001->53/udp"}) CHECK_MESSAGE(contains(table, part), part);
}

TEST_CASE("a replica that runs again shows how its last attempt ended") {
  FakeServer server;
  CHECK(ctl(server, {"workload", "create", "-f", "-"}, manifest("web")).code == 0);
  server.settle = [](api::Workload& workload) {
    FakeServer::make_ready(workload);
    auto& replica = *workload.mutable_status()->mutable_replicas(0);
    replica.set_attempt(3);
    replica.set_last_end("liveness probe failed: HTTP 503 from /health");
  };
  CHECK(contains(ctl(server, {"workload", "describe", "web"}).out,
                 "attempt 2: liveness probe failed: HTTP 503 from /health"));
}

TEST_CASE("logs come with their replica, pieces are joined, and lost lines are counted") {
  FakeServer server;
  const auto add = [&](const std::string& replica, const std::string& text,
                       bool partial = false) -> api::LogLine& {
    auto& line = server.lines.emplace_back();
    line.set_replica_id(replica);
    line.set_container_id(replica + "-1");
    line.set_stream("stdout");
    line.set_line(text);
    line.set_partial(partial);
    line.mutable_time()->set_seconds(1'700'000'000);
    return line;
  };
  add("web-0000000001-0", "one ", true);
  add("web-0000000001-1", "other");
  add("web-0000000001-0", "line");
  add("web-0000000001-1", "").set_dropped_before(7);
  server.lines.back().set_drop_reason(api::DROP_REASON_DISK_FULL);
  add("web-0000000001-1", "late");
  auto result =
      ctl(server, {"workload", "logs", "web", "-f", "--tail", "5", "--since", "10m", "--stream", "stdout"});
  CHECK(result.code == 0);
  CHECK(result.out ==
        "[web-0000000001-1] other\n[web-0000000001-0] one line\n[web-0000000001-1] [7 lines are missing: the "
        "node's disk was full]\n[web-0000000001-1] late\n");
  CHECK(server.last_logs.workload() == "web");
  CHECK(server.last_logs.follow());
  CHECK(server.last_logs.tail_lines() == 5);
  CHECK(server.last_logs.stream() == "stdout");
  CHECK(server.last_logs.since().seconds() > 1'700'000'000);

  server.lines.resize(2);
  result = ctl(server,
               {"workload", "logs", "web-0000000001-0", "--timestamps", "--since", "2023-11-14T00:00:00Z"});
  CHECK(result.out == "2023-11-14T22:13:20Z other\n2023-11-14T22:13:20Z one \n");
  CHECK(server.last_logs.replica_id() == "web-0000000001-0");
  CHECK(server.last_logs.workload().empty());
  CHECK_FALSE(server.last_logs.previous());
  CHECK(ctl(server, {"workload", "logs", "--previous", "web-0000000001-0"}).code == 0);
  CHECK(server.last_logs.previous());
  CHECK(ctl(server, {"workload", "logs", "web-0000000001-0-2"}).code == 0);
  CHECK(server.last_logs.container_id() == "web-0000000001-0-2");
  CHECK(ctl(server, {"workload", "logs", "web", "--since", "yesterday"}).code == 2);
  server.refusal = {grpc::StatusCode::NOT_FOUND, "no such workload"};
  CHECK(ctl(server, {"workload", "logs", "web"}).code == 4);
}

TEST_CASE("exec passes the command, standard input, output and exit code through") {
  FakeServer server;
  server.exec_outputs.resize(3);
  server.exec_outputs[0].set_stdout("out");
  server.exec_outputs[1].set_stderr("err");
  server.exec_outputs[2].mutable_end()->set_exit_code(9);
  const std::string input(3'000'000, 'i');
  auto result = ctl(server, {"exec", "-i", "--timeout", "2", "web", "--", "sh", "-c", "ls -l"}, input);
  CHECK(result.code == 9);
  CHECK(result.out == "out");
  CHECK(result.err == "err");
  CHECK(server.last_exec.workload() == "web");
  CHECK(server.exec_input == input);
  CHECK(server.last_exec.timeout_ms() == 2000);
  CHECK(std::vector<std::string>(server.last_exec.command().begin(), server.last_exec.command().end()) ==
        std::vector<std::string>{"sh", "-c", "ls -l"});
  CHECK(ctl(server, {"workload", "exec", "web-0000000001-0", "--", "hostname"}, "ignored").code == 9);
  CHECK(server.last_exec.replica_id() == "web-0000000001-0");
  CHECK_FALSE(server.last_exec.stdin());
  CHECK_FALSE(server.last_exec.has_timeout_ms());

  result = ctl(server, {"exec", "-it", "web", "--", "sh"}, "exit");
  CHECK(result.code == 9);
  CHECK(contains(result.err, "standard input is not a terminal"));
  CHECK_FALSE(server.last_exec.tty());
  CHECK(server.exec_input == "exit");

  server.exec_outputs[2].mutable_end()->set_timed_out(true);
  CHECK(ctl(server, {"exec", "web", "--timeout", "1", "--", "sleep", "9"}).code == 124);
  server.refusal = {grpc::StatusCode::FAILED_PRECONDITION, "it does not run"};
  CHECK(ctl(server, {"exec", "web", "--", "ls"}).code == 125);
  CHECK(ctl(server, {"exec", "web"}).code == 2);
}

TEST_CASE("nodes are listed, shown, cordoned and uncordoned; events are listed") {
  FakeServer server;
  auto& node = server.nodes.emplace_back();
  node.set_id("n1");
  node.set_state(api::Node::READY);
  node.mutable_reserved()->set_cpu_millicores(1500);
  node.mutable_allocatable()->set_cpu_millicores(4000);
  node.mutable_allocatable()->set_memory_bytes(3ULL << 29);
  auto out = ctl(server, {"node", "list"}).out;
  for (const char* part : {"n1", "READY", "1.5 of 4", "0 of 1.5Gi"}) CHECK_MESSAGE(contains(out, part), part);
  CHECK(nlohmann::json::parse(ctl(server, {"node", "list", "-o", "json"}).out)["nodes"][0]["state"] ==
        "READY");
  node.set_cpu_overcommit_percent(150);
  node.set_memory_overcommit_percent(200);
  out = ctl(server, {"node", "list"}).out;
  for (const char* part : {"1.5 of 6", "0 of 3Gi"}) CHECK_MESSAGE(contains(out, part), part);
  CHECK(ctl(server, {"node", "cordon", "n1"}).out == "node n1 cordoned\n");
  CHECK(contains(ctl(server, {"node", "get", "n1"}).out, "READY,cordoned"));
  CHECK(contains(ctl(server, {"node", "describe", "n1"}).out, "State:         READY, cordoned"));
  CHECK(ctl(server, {"node", "describe", "n2"}).code == 4);
  CHECK(ctl(server, {"node", "uncordon", "n1"}).code == 0);
  CHECK_FALSE(server.nodes[0].cordoned());
  CHECK(ctl(server, {"node", "get", "n2"}).code == 4);

  auto& event = server.events.emplace_back();
  event.set_kind("NodeLost");
  event.set_severity(api::Event::WARNING);
  event.set_node("n1");
  event.set_message("gone\033[31m");
  out = ctl(server, {"events", "--node", "n1", "--limit", "5"}).out;
  CHECK(contains(out, "NodeLost"));
  CHECK_FALSE_MESSAGE(contains(out, "\033"), "control characters reach the terminal");
  CHECK(server.last_events.node_id() == "n1");
  CHECK(server.last_events.limit() == 5);
}

TEST_CASE("the server comes from the flag, else the environment, else the config file") {
  FakeServer server;
  server.nodes.emplace_back().set_id("n1");
  TemporaryDirectory home;
  const auto config =
      home.write(".config/cloudless/cli.yaml", "server: " + server.address() + "\noutput: json\n");
  CHECK(contains(run_with({{"HOME", home.path()}}, {"node", "list"}).out, "\"n1\""));
  CHECK(run_with({{"HOME", home.path()}, {"CLOUDLESS_SERVER", "127.0.0.1:1"}}, {"node", "list"}).code == 6);
  CHECK(run_with({{"HOME", home.path()}, {"CLOUDLESS_SERVER", "127.0.0.1:1"}},
                 {"--server", server.address(), "node", "list"})
            .code == 0);
  CHECK(run_with({{"CLOUDLESS_CONFIG", config}, {"CLOUDLESS_OUTPUT", "yaml"}}, {"node", "list"})
            .out.starts_with("nodes:"));

  home.write(".config/cloudless/cli.yaml", "server: a:1\nserv: b\n");
  auto result = run_with({{"HOME", home.path()}}, {"node", "list"});
  CHECK(result.code == 2);
  CHECK(contains(result.err, "cli.yaml:2:1: serv: unknown key"));
  CHECK(run_with({{"CLOUDLESS_CONFIG", "/nonexistent/cli.yaml"}}, {"node", "list"}).code == 2);
  CHECK(run_with({{"CLOUDLESS_OUTPUT", "xml"}}, {"node", "list"}).code == 2);
  Defaults expected;
  CHECK(load_defaults([](const char*) { return std::nullopt; }).value() == expected);
}

TEST_CASE(
    "certificates come from the flag, else the environment, else the config file beside which they are") {
  TemporaryDirectory home;
  home.write(".config/cloudless/cli.yaml",
             "server: far.example:1\nca: ca.pem\ncert: /own/cert.pem\nkey: keys/own.key\nserver_name: api\n");
  Variables variables{{"HOME", home.path()}};
  const auto defaults = [&] {
    return load_defaults([&](const char* name) -> std::optional<std::string> {
             const auto found = variables.find(name);
             return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
           })
        .value()
        .endpoint;
  };
  const auto folder = home.path() + "/.config/cloudless/";
  CHECK(defaults() ==
        EndpointOptions{"far.example:1", folder + "ca.pem", "/own/cert.pem", folder + "keys/own.key", "api"});
  variables.insert({{"CLOUDLESS_CA", "e.pem"},
                    {"CLOUDLESS_CERT", "c"},
                    {"CLOUDLESS_KEY", "k"},
                    {"CLOUDLESS_SERVER_NAME", "n"}});
  CHECK(defaults() == EndpointOptions{"far.example:1", "e.pem", "c", "k", "n"});
  const auto result = run_with(variables, {"node", "list", "--ca", "/nonexistent/flag.pem"});
  CHECK(result.code == 2);
  CHECK(result.err == "error: --ca: /nonexistent/flag.pem cannot be read: No such file or directory\n");
  CHECK(contains(run_with(variables, {"node", "list"}).err, "--ca: e.pem cannot be read"));
}

TEST_CASE("another machine is not talked to in plain text") {
  const auto result = run_with({{"CLOUDLESS_SERVER", "far.example:8080"}}, {"node", "list"});
  CHECK(result.code == 2);
  CHECK(contains(result.err, "error: --server far.example:8080 is another machine: give --ca"));
  CHECK(run_with({}, {"--server", "far.example:8080", "version"}).code == 0);
}

TEST_CASE("taints are set and taken away, and what the node has then is said") {
  FakeServer server;
  server.nodes.emplace_back().set_id("n1");
  auto said = ctl(server, {"node", "taint", "n1", "broken=disk:NO_EXECUTE", "busy:PREFER_NO_SCHEDULE"});
  CHECK(said.code == 0);
  CHECK(said.out == "node n1 has taints broken=disk:NO_EXECUTE busy:PREFER_NO_SCHEDULE\n");
  said = ctl(server, {"node", "taint", "n1", "broken-", "busy-"});
  CHECK(said.out == "node n1 has no taints\n");
  CHECK(ctl(server, {"node", "taint", "n2", "broken-"}).code == 4);
}

TEST_CASE("what is no change of a taint is refused with the form that it has") {
  FakeServer server;
  server.nodes.emplace_back().set_id("n1");
  for (const char* change : {"broken", "broken=disk", "broken=disk-", ":NO_EXECUTE", "broken:NoExecute", "-",
                             "broken:UNSPECIFIED"}) {
    CAPTURE(change);
    const auto said = ctl(server, {"node", "taint", "n1", change});
    CHECK(said.code == 2);
    CHECK(said.err.find("KEY[=VALUE]:NO_SCHEDULE") != std::string::npos);
  }
  CHECK(ctl(server, {"node", "taint", "n1"}).code == 2);
  CHECK(server.nodes[0].taints().empty());
}

TEST_CASE("a wrong command line is exit code 2, help and version are 0 and need no server") {
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"workload"},
                                                    {"workload", "get"},
                                                    {"workload", "frobnicate"},
                                                    {"workload", "list", "-o", "xml"},
                                                    {"workload", "create"},
                                                    {"workload", "scale", "web"},
                                                    {"workload", "scale", "web", "--replicas", "-1"},
                                                    {"node", "cordon"},
                                                    {"completion", "tcsh"}};
  for (const auto& arguments : wrong) CHECK(run_with({}, arguments).code == 2);
  const auto help = run_with({}, {"--help"});
  CHECK(help.code == 0);
  CHECK(contains(help.out, "Exit codes"));
  CHECK(contains(run_with({}, {"workload", "exec", "--help"}).out, "COMMAND"));
  CHECK(run_with({}, {"version"}).out.starts_with("cloudlessctl "));
  CHECK(run_with({}, {"--version"}).out == run_with({}, {"version"}).out);
  CHECK(run_with({}, {"version", "-o", "json"}).out == "{\n  \"version\": \"" CLOUDLESS_VERSION "\"\n}\n");
  CHECK(run_with({}, {"-o", "yaml", "version"}).out.starts_with("version: "));
}

TEST_CASE("a command that is not there is named, with the one that was meant") {
  CHECK(run_with({}, {"nodes", "list"}).err ==
        "error: cloudlessctl has no command 'nodes', did you mean 'node'?; cloudlessctl --help lists them\n");
  CHECK(
      run_with({}, {"workload", "frobnicate"}).err ==
      "error: cloudlessctl workload has no command 'frobnicate'; cloudlessctl workload --help lists them\n");
  CHECK(contains(run_with({}, {}).err, "Subcommands:"));
  CHECK(contains(run_with({}, {"workload"}).err, "describe"));
  CHECK(contains(run_with({}, {"workload", "get"}).err, "name is required"));
}

TEST_CASE("a server that is not there is exit code 6, with the way to name another") {
  const auto result = run_with({{"CLOUDLESS_SERVER", "127.0.0.1:1"}}, {"workload", "list"});
  CHECK(result.code == 6);
  CHECK(contains(result.err, "--server"));
}

TEST_CASE("completion scripts know every command and are valid for their shells") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const auto script = run_with({}, {"completion", shell});
    CHECK(script.code == 0);
    for (const char* word :
         {"workload", "describe", "uncordon", "--timestamps", "--server", "--ca", "--server-name"})
      CHECK_MESSAGE(contains(script.out, word), word);
  }
  TemporaryDirectory directory;
  const auto file = directory.write("completion.bash", run_with({}, {"completion", "bash"}).out);
  const auto completed = [&](const std::string& words, int position) {
    const auto command = "bash -c 'source " + file + "; COMP_WORDS=(" + words +
                         "); COMP_CWORD=" + std::to_string(position) +
                         "; _cloudlessctl; echo \"${COMPREPLY[@]}\"'";
    std::string out(4096, '\0');
    auto* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    out.resize(std::fread(out.data(), 1, out.size(), pipe));
    pclose(pipe);
    return out;
  };
  CHECK(completed("cloudlessctl wor", 1) == "workload\n");
  CHECK(completed("cloudlessctl workload de", 2) == "describe delete\n");
  CHECK(completed("cloudlessctl -n x workload logs --time", 5) == "--timestamps\n");
  CHECK(completed("cloudlessctl workload list -o j", 4) == "json\n");
  CHECK(completed("cloudlessctl --ca " + file, 2) == file + "\n");
}

TEST_CASE("ages and amounts are short") {
  CHECK(age(0, 5) == "-");
  CHECK(age(1000, 6000) == "5s");
  CHECK(age(1000, 1000 + 3'600'000) == "60m");
  CHECK(age(1000, 1000 + 2 * 3'600'000) == "2h");
  CHECK(age(1000, 1000 + 72LL * 3'600'000) == "3d");
  CHECK(bytes_text(1023) == "1023");
  CHECK(bytes_text(64 << 20) == "64Mi");
  CHECK(bytes_text(3ULL << 29) == "1.5Gi");
  CHECK(cores_text(0) == "0");
  CHECK(cores_text(2050) == "2.05");
}

}  // namespace cloudless::cli
