// How fast containers start through containerd's bare API, one call after the other: record, snapshot, task,
// a veth pair on a bridge, start. The floors that `./dev bench runtime` compares with:
//   lean    network and the default filter of system calls; no log, no files of the network, runc's own group
//   same    the OCI spec that our replicas have: also /etc/hosts, /etc/hostname and /etc/resolv.conf, written
//           and bind-mounted, the environment, the reservation, and a control group below GROUP/default
//   logged  same, and the shim starts LOGGER, as it does for our replicas
//   port    not a floor: through our runtime port, without control plane and agent
// None has labels, volumes, or a task that somebody waits for.
//   containerd_floor SOCKET NAMESPACE IMAGE COUNT [lean | same GROUP | logged GROUP LOGGER | port GROUP
//   LOGGER]
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/containerd_runtime.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/logger_keeper.hpp"
#include "actors/runtime/containerd/network.hpp"
#include "actors/runtime/containerd/network_files.hpp"
#include "actors/runtime/containerd/oci_spec.hpp"
#include "containerd/runc_options.pb.h"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using Steady = std::chrono::steady_clock;

double millis_since(Steady::time_point t) {
  return std::chrono::duration<double, std::milli>(Steady::now() - t).count();
}

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "containerd_floor: %s\n", error.message.c_str());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

std::string name_of(std::size_t i) {
  return "bench-" + std::to_string(getpid()) + "-" + std::to_string(i);
}

constexpr char kFolder[] = "/run/cloudless-bench";

enum class Way { lean, same, logged };

/// What a container is made with, and its address.
struct Bare {
  std::string id;
  std::string spec;
  Ipv4 address = 0;
  std::string output;    ///< where the task's output goes; empty: nowhere
  double attach_ms = 0;  ///< how long its network took, once it is started
};

/// What every container is made with.
struct Floor {
  Client& client;
  Network& network;
  NetworkFiles& files;
  const ResolvedImage& image;
  Way way = Way::lean;
};

void start_bare(const Floor& floor, Bare& bare) {
  auto& client = floor.client;
  const auto& id = bare.id;
  if (floor.way != Way::lean) must(floor.files.write(ContainerId{id}, id, to_string(bare.address)));
  containers_v1::CreateContainerRequest record;
  auto& c = *record.mutable_container();
  c.set_id(id);
  c.set_snapshotter("overlayfs");
  c.set_snapshot_key(id);
  c.mutable_runtime()->set_name("io.containerd.runc.v2");
  c.mutable_runtime()->mutable_options()->set_type_url("containerd.runc.v1.Options");
  c.mutable_spec()->set_type_url("types.containerd.io/opencontainers/runtime-spec/1/Spec");
  c.mutable_spec()->set_value(bare.spec);
  must(client.call(client.containers(), &containers_v1::Containers::Stub::Create, record,
                   client.scope("create")));
  snapshots_v1::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter("overlayfs");
  prepare.set_key(id);
  prepare.set_parent(floor.image.chain);
  const auto mounts = must(client.call(client.snapshots(), &snapshots_v1::Snapshots::Stub::Prepare, prepare,
                                       client.scope("prepare")));
  tasks_v1::CreateTaskRequest create;
  create.set_container_id(id);
  *create.mutable_rootfs() = mounts.mounts();
  create.set_stdout(bare.output);
  create.set_stderr(bare.output);
  const auto task =
      must(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Create, create, client.scope("task")));
  const auto begun = Steady::now();
  must(floor.network.attach(ContainerId{id}, task.pid(), bare.address));
  bare.attach_ms = millis_since(begun);
  tasks_v1::StartRequest start;
  start.set_container_id(id);
  must(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Start, start, client.scope("start")));
}

void remove_bare(Client& client, Network& network, const std::string& id) {
  tasks_v1::KillRequest kill;
  kill.set_container_id(id);
  kill.set_signal(SIGKILL);
  kill.set_all(true);
  must(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Kill, kill, client.scope("kill")));
  tasks_v1::WaitRequest wait;
  wait.set_container_id(id);
  must(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Wait, wait, client.scope("wait")));
  tasks_v1::DeleteTaskRequest task;
  task.set_container_id(id);
  must(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Delete, task, client.scope("delete task")));
  must(network.detach(ContainerId{id}));
  containers_v1::DeleteContainerRequest record;
  record.set_id(id);
  must(client.call(client.containers(), &containers_v1::Containers::Stub::Delete, record,
                   client.scope("delete")));
  snapshots_v1::RemoveSnapshotRequest snapshot;
  snapshot.set_snapshotter("overlayfs");
  snapshot.set_key(id);
  // containerd's garbage collector may have been faster.
  (void)client.call(client.snapshots(), &snapshots_v1::Snapshots::Stub::Remove, snapshot,
                    client.scope("remove snapshot"));
}

/// Runs `job(i)` for all i on `threads` threads; each one's milliseconds, sorted.
std::vector<double> timed(std::size_t count, std::size_t threads,
                          const std::function<void(std::size_t)>& job) {
  std::vector<double> took(count);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t)
    workers.emplace_back([&] {
      for (std::size_t i; (i = next++) < count;) {
        const auto begun = Steady::now();
        job(i);
        took[i] = millis_since(begun);
      }
    });
  for (auto& worker : workers) worker.join();
  std::sort(took.begin(), took.end());
  return took;
}

double median_attach_ms(const std::vector<Bare>& all) {
  std::vector<double> took;
  for (const auto& bare : all) took.push_back(bare.attach_ms);
  std::sort(took.begin(), took.end());
  return took[took.size() / 2];
}

void print(std::size_t count, double start_wall, const std::vector<double>& start, double end_wall,
           const std::vector<double>& end, std::optional<double> attach_ms = {}) {
  nlohmann::json out = {{"count", count},
                        {"per_second", static_cast<double>(count) * 1000 / start_wall},
                        {"start_p50_ms", start[start.size() / 2]},
                        {"remove_per_second", static_cast<double>(count) * 1000 / end_wall},
                        {"remove_p50_ms", end[end.size() / 2]}};
  if (attach_ms) out["attach_p50_ms"] = *attach_ms;
  std::puts(out.dump().c_str());
}

/// What our replicas are given beyond network and filter.
void resemble_replica(SpecInput& input, const NetworkFiles& files, const std::string& group,
                      const std::string& address) {
  const auto& id = input.container;
  auto& assignment = input.assignment;
  assignment.ns = "default";
  assignment.workload_name = "bench";
  assignment.version = 1;
  assignment.pod.requests = {1, 1 << 20, 0, 0, 0};
  input.node = NodeId{"node-1"};
  input.address = address;
  input.cgroup = group + "/default/" + id.value;
  input.mounts.clear();
  for (const char* name : {"hosts", "hostname", "resolv.conf"})
    input.mounts.push_back({std::string("/etc/") + name,
                            "bind",
                            files.folder_of(id) + "/" + name,
                            {"bind", "ro", "nosuid", "nodev", "noexec"}});
}

void bench_bare(const ContainerdOptions& options, const std::string& image_name, std::size_t count, Way way) {
  const auto parallel = std::min<std::size_t>(count, 16);
  Client client(options);
  Images images(client, options);
  const auto image = must(images.resolve(image_name, {}));
  SpecInput input;
  input.containerd_namespace = client.own_namespace();
  input.image = image->config;
  const auto facts = read_kernel_facts(input.assignment.pod, options.policy, options.socket);
  input.confinement = must(
      confine({input.assignment.pod, image->config.user, {}, options.policy, facts, machine_architecture()}));
  const auto subnet = must(parse_subnet(options.subnet));
  Network network(options.bridge, subnet, client.own_namespace());
  must(network.ensure_bridge());
  NetworkFiles files(std::string(kFolder) + "/network", {});
  LoggerKeeper loggers(options.logger, options.log_dir, options.state_dir + "/loggers", options.logs);
  if (way == Way::logged) must(loggers.usable());
  std::vector<Bare> all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto address = subnet.gateway() + 1 + static_cast<Ipv4>(i);
    input.container = ContainerId{name_of(i)};
    input.assignment.replica = ReplicaId{name_of(i)};
    if (way != Way::lean) resemble_replica(input, files, options.cgroup_parent, to_string(address));
    all.push_back({name_of(i), must(make_spec(input)), address,
                   way == Way::logged ? loggers.uri(input.container) : std::string{}});
  }
  const Floor floor{client, network, files, *image, way};
  auto begun = Steady::now();
  const auto start = timed(count, parallel, [&](std::size_t i) { start_bare(floor, all[i]); });
  const double start_wall = millis_since(begun);
  begun = Steady::now();
  const auto end = timed(count, parallel, [&](std::size_t i) { remove_bare(client, network, all[i].id); });
  const double end_wall = millis_since(begun);
  must(network.remove_bridge());
  std::error_code ignored;  // a logger may still be writing its last
  std::filesystem::remove_all(kFolder, ignored);
  print(count, start_wall, start, end_wall, end, median_attach_ms(all));
}

template <class T>
Result<T> blocking(const std::function<void(Done<T>)>& call) {
  std::promise<Result<T>> promise;
  call([&](Result<T> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

void bench_port(ContainerdOptions options, const std::string& image_name, std::size_t count) {
  const auto runtime = must(make_containerd_runtime(options));
  must(blocking<std::vector<ObservedContainer>>([&](auto done) { runtime->list(std::move(done)); }));
  auto begun = Steady::now();
  const auto start = timed(count, count, [&](std::size_t i) {
    ContainerRequest request;
    request.container = ContainerId{name_of(i)};
    request.assignment.replica = ReplicaId{name_of(i)};
    request.assignment.pod.image = image_name;
    must(blocking<StartedContainer>([&](auto done) { runtime->start(request, std::move(done)); }));
  });
  const double start_wall = millis_since(begun);
  begun = Steady::now();
  const auto end = timed(count, count, [&](std::size_t i) {
    must(blocking<Nothing>([&](auto done) { runtime->remove(ContainerId{name_of(i)}, std::move(done)); }));
  });
  print(count, start_wall, start, millis_since(begun), end);
}

int usage() {
  std::fprintf(
      stderr,
      "usage: containerd_floor SOCKET NAMESPACE IMAGE COUNT [lean | same GROUP | logged GROUP LOGGER | "
      "port GROUP LOGGER]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return usage();
  ContainerdOptions options;
  options.socket = argv[1];
  options.containerd_namespace = argv[2];
  const auto count = static_cast<std::size_t>(std::max(1, std::atoi(argv[4])));
  options.bridge = "clbench0";
  options.subnet = "10.251.0.0/16";
  options.node = NodeId{"bench"};
  options.state_dir = kFolder;
  options.log_dir = std::string(kFolder) + "/logs";
  if (argc > 6) options.cgroup_parent = argv[6];
  if (argc > 7) options.logger = argv[7];
  const std::string name = argc > 5 ? argv[5] : "lean";
  if (name == "lean")
    bench_bare(options, argv[3], count, Way::lean);
  else if (name == "same" && argc == 7)
    bench_bare(options, argv[3], count, Way::same);
  else if (name == "logged" && argc == 8)
    bench_bare(options, argv[3], count, Way::logged);
  else if (name == "port" && argc == 8)
    bench_port(options, argv[3], count);
  else
    return usage();
  return 0;
}
