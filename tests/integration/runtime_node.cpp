#include "tests/integration/runtime_node.hpp"

#include <net/if.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "actors/runtime/cgroups/cgroup_tree.hpp"
#include "actors/runtime/containerd/network.hpp"
#include "tests/integration/heard_stream.hpp"

namespace cloudless::test {

namespace fs = std::filesystem;
using runtime::ContainerExit;
using runtime::ContainerRequest;
using runtime::Nothing;
using runtime::ObservedContainer;
using runtime::StartedContainer;

namespace {
ContainerId id_of(const std::string& name) {
  return ContainerId{name + "-0"};
}
}  // namespace

ContainerdFixture& containerd() {
  static ContainerdFixture fixture;
  return fixture;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

RuntimeNode::RuntimeNode(const std::string& name, ContainerdFixture& fixture)
    : machine(fixture), options(fixture.options(name)) {
  image = machine.import_image(namespace_of(options));
  open();
}

void RuntimeNode::open() {
  port.reset();
  auto made = runtime::make_containerd_runtime(options);
  REQUIRE_OK(made);
  port = std::move(*made);
}

ContainerRequest RuntimeNode::request(const std::string& name, std::vector<std::string> command) const {
  ContainerRequest out;
  out.container = id_of(name);
  out.assignment.replica = ReplicaId{name};
  out.assignment.workload = WorkloadUid{"0123456789"};
  out.assignment.ns = "default";
  out.assignment.workload_name = "web";
  out.assignment.version = 3;
  out.assignment.pod.image = image;
  out.assignment.pod.command = std::move(command);
  return out;
}

std::future<Result<StartedContainer>> RuntimeNode::begin(const ContainerRequest& request) {
  return under_way<StartedContainer>([&](auto done) { port->start(request, std::move(done)); });
}

Result<StartedContainer> RuntimeNode::start(const ContainerRequest& request) {
  return outcome(begin(request));
}

Result<StartedContainer> RuntimeNode::start_shell(const std::string& name, const std::string& script) {
  return start(request(name, {"/bin/sh", "-c", script}));
}

std::future<Result<ContainerExit>> RuntimeNode::begin_wait(const std::string& name) {
  return under_way<ContainerExit>([&](auto done) { port->wait(id_of(name), std::move(done)); });
}

Result<ContainerExit> RuntimeNode::wait(const std::string& name) {
  return outcome(begin_wait(name));
}

Result<Nothing> RuntimeNode::signal(const std::string& name, int number) {
  return outcome(under_way<Nothing>([&](auto done) { port->signal(id_of(name), number, std::move(done)); }));
}

std::future<Result<Nothing>> RuntimeNode::begin_remove(const std::string& name) {
  return under_way<Nothing>([&](auto done) { port->remove(id_of(name), std::move(done)); });
}

Result<Nothing> RuntimeNode::remove(const std::string& name) {
  return outcome(begin_remove(name));
}

Result<std::vector<ObservedContainer>> RuntimeNode::list() {
  return outcome(under_way<std::vector<ObservedContainer>>([&](auto done) { port->list(std::move(done)); }));
}

Result<runtime::PreparedImage> RuntimeNode::prepare(const std::string& image_name, ImagePullPolicy policy,
                                                    const std::string& digest, const PullAccess& access,
                                                    const runtime::ImageNews& news) {
  return outcome(under_way<runtime::PreparedImage>([&](auto done) {
    port->prepare_image({image_name, policy, digest, access}, news, std::move(done));
  }));
}

Result<ExecResult> RuntimeNode::exec(const std::string& name, std::vector<std::string> command,
                                     std::string input, Millis timeout) {
  ExecQuery query;
  query.command = std::move(command);
  query.has_input = !input.empty();
  query.timeout = timeout;
  if (input.empty())
    return outcome(
        under_way<ExecResult>([&](auto done) { port->exec(id_of(name), query, std::move(done)); }));
  HeardStream stream(*port, {id_of(name), query, 64 << 20});
  stream.send(input);
  stream.stream->end_input();
  const auto end = stream.end();
  if (!end) return fail(end.error());
  return ExecResult{stream.out(), stream.err(), end->exit_code, end->timed_out, end->truncated};
}

std::string RuntimeNode::log_file(const std::string& name) const {
  return port->log_path(id_of(name));
}

std::string RuntimeNode::log_text(const std::string& name) const {
  std::ifstream in(log_file(name), std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::string RuntimeNode::printed(const std::string& name) const {
  std::istringstream log(log_text(name));
  std::string time, stream, flag, line, out;
  while (log >> time >> stream >> flag && std::getline(log, line)) out += line.substr(1) + "\n";
  return out;
}

pid_t RuntimeNode::logger_of(const std::string& name) const {
  pid_t pid = 0;
  std::ifstream(options.state_dir + "/loggers/" + id_of(name).value + "/pid") >> pid;
  return pid;
}

std::string RuntimeNode::ctr(std::vector<std::string> arguments) const {
  return machine.ctr(namespace_of(options), std::move(arguments)).output;
}

std::string RuntimeNode::cgroup_of(const std::string& name, const std::string& controller) const {
  return runtime::CgroupTree{}.folder(controller,
                                      runtime::container_group(options.cgroup_parent, "default", name));
}

std::string RuntimeNode::traces(const std::string& name) const {
  const auto id = id_of(name);
  std::string left;
  if (ctr({"tasks", "list", "-q"}).find(id.value) != std::string::npos) left += " task";
  if (ctr({"containers", "list", "-q"}).find(id.value) != std::string::npos) left += " container";
  if (ctr({"snapshots", "list"}).find(id.value) != std::string::npos) left += " snapshot";
  const runtime::Network network(options.bridge, *runtime::parse_subnet(options.subnet),
                                 namespace_of(options));
  if (if_nametoindex(network.link_name(id).c_str()) != 0) left += " link";
  if (fs::exists(options.state_dir + "/loggers/" + id.value)) left += " logger";
  if (fs::exists(options.state_dir + "/runc/" + namespace_of(options) + "/" + id.value)) left += " runc";
  if (fs::exists(cgroup_of(name, "memory"))) left += " cgroup";
  std::istringstream mounts(run({"cat", "/proc/self/mounts"}).output);
  for (std::string line; std::getline(mounts, line);)  // others' containers may have the same name
    if (line.find("/" + id.value + "/") != std::string::npos &&
        line.find(machine.folder()) != std::string::npos)
      left += " mount: " + line;
  return left;
}

}  // namespace cloudless::test
