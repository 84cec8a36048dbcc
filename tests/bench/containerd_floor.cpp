// How fast containers start through containerd's bare API: record, snapshot, task, a veth pair on a bridge
// and start, with the default filter of system calls, and nothing else (no log, no labels, no volumes). The
// floor that `./dev bench runtime` compares with. With "port" the same through our runtime port.
//   containerd_floor SOCKET NAMESPACE IMAGE COUNT [PARALLEL]
//   containerd_floor SOCKET NAMESPACE IMAGE COUNT port LOGGER
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/containerd_runtime.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/network.hpp"
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

/// What a container is made with, and its address.
struct Bare {
  std::string id;
  std::string spec;
  Ipv4 address = 0;
};

void start_bare(Client& client, Network& network, const ResolvedImage& image, const Bare& bare) {
  const auto& id = bare.id;
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
  prepare.set_parent(image.chain);
  const auto mounts = must(client.call(client.snapshots(), &snapshots_v1::Snapshots::Stub::Prepare, prepare,
                                       client.scope("prepare")));
  tasks_v1::CreateTaskRequest create;
  create.set_container_id(id);
  *create.mutable_rootfs() = mounts.mounts();
  const auto task =
      must(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Create, create, client.scope("task")));
  must(network.attach(ContainerId{id}, task.pid(), bare.address));
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

void print(std::size_t count, double start_wall, const std::vector<double>& start, double end_wall,
           const std::vector<double>& end) {
  const nlohmann::json out = {{"count", count},
                              {"per_second", static_cast<double>(count) * 1000 / start_wall},
                              {"start_p50_ms", start[start.size() / 2]},
                              {"remove_per_second", static_cast<double>(count) * 1000 / end_wall},
                              {"remove_p50_ms", end[end.size() / 2]}};
  std::puts(out.dump().c_str());
}

void bench_bare(const ContainerdOptions& options, const std::string& image_name, std::size_t count,
                std::size_t parallel) {
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
  std::vector<Bare> all;
  for (std::size_t i = 0; i < count; ++i) {
    input.container = ContainerId{name_of(i)};
    input.assignment.replica = ReplicaId{name_of(i)};
    all.push_back({name_of(i), must(make_spec(input)), subnet.gateway() + 1 + static_cast<Ipv4>(i)});
  }
  auto begun = Steady::now();
  const auto start =
      timed(count, parallel, [&](std::size_t i) { start_bare(client, network, *image, all[i]); });
  const double start_wall = millis_since(begun);
  begun = Steady::now();
  const auto end = timed(count, parallel, [&](std::size_t i) { remove_bare(client, network, all[i].id); });
  const double end_wall = millis_since(begun);
  must(network.remove_bridge());
  print(count, start_wall, start, end_wall, end);
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

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: containerd_floor SOCKET NAMESPACE IMAGE COUNT [PARALLEL | port LOGGER]\n");
    return 2;
  }
  ContainerdOptions options;
  options.socket = argv[1];
  options.containerd_namespace = argv[2];
  const auto count = static_cast<std::size_t>(std::max(1, std::atoi(argv[4])));
  options.bridge = "clbench0";
  options.subnet = "10.251.0.0/16";
  if (argc > 6 && std::string(argv[5]) == "port") {
    options.node = NodeId{"bench"};
    options.logger = argv[6];
    options.state_dir = "/run/cloudless-bench";
    options.log_dir = "/run/cloudless-bench/logs";
    bench_port(options, argv[3], count);
  } else {
    bench_bare(options, argv[3], count,
               argc > 5 ? static_cast<std::size_t>(std::max(1, std::atoi(argv[5])))
                        : std::min<std::size_t>(count, 16));
  }
  return 0;
}
