// The whole way of a placement: a create over gRPC, the owner, the store on disk, the rollout, the scheduler,
// the owner again, the commit that names the node; with every follower at work and nodes that are silent.
// placement_path_bench DIRECTORY NODES [LARGE]: prints one JSON object. LARGE: workloads of 10,000 replicas
// for the throughput, 0 for none. The baselines of the same run: one durable commit, and the same rows as
// bare batches.
// placement_path_bench --resident DIRECTORY NODES: starts anew with the store that is there, waits for the
// nodes and prints its resident bytes; a process of its own, so that nothing from before is in them.
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <vector>

#include "actors/store/engine_job.hpp"
#include "actors/store/sqlite_engine.hpp"
#include "cloudless/api/coordinator_service.grpc.pb.h"
#include "tests/bench/bench_ring.hpp"

namespace cloudless::bench {
namespace {

using nlohmann::json;

constexpr std::size_t kSmall = 200;    // workloads of 1 to 10 replicas, one after another
constexpr std::size_t kSteady = 1000;  // and at a steady rate
constexpr double kSteadyPerSecond = 100;
constexpr std::uint32_t kLargest = 10'000;  // replicas of one workload
constexpr std::size_t kWarm = 20;

double milliseconds(SteadyClock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

json summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(q * static_cast<double>(values.size())))];
  };
  return {{"p50_ms", at(0.50)}, {"p95_ms", at(0.95)}, {"p99_ms", at(0.99)}, {"samples", values.size()}};
}

/// Processor time of this process so far, user and system.
double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Bytes in memory, with what was freed and not given back.
double resident() {
  std::ifstream in("/proc/self/statm");
  std::size_t whole = 0, pages = 0;
  in >> whole >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

NodeDescription node(std::size_t number) {
  NodeDescription d;
  d.id = NodeId{"node-" + std::to_string(number)};
  d.machine_uid = "machine-" + std::to_string(number);
  d.region = "region-" + std::to_string(number % 3);
  d.zone = "zone-" + std::to_string(number % 9);
  d.labels = {{"disk", number % 2 == 0 ? "ssd" : "hdd"}, {"rack", "r" + std::to_string(number / 40)}};
  d.capacity = Resources{64'000, 256LL << 30, 1LL << 40, 10'000'000'000, 0, 0};
  d.allocatable = d.capacity;
  d.agent_address = "10.0.0.1:9092";
  d.agent_version = "0.1.0";
  d.architecture = "amd64";
  d.runtime_classes = {"runc"};
  d.policy = NodePolicy{};
  return d;
}

struct Created {
  WorkloadUid uid;
  SteadyClock::time_point asked, answered;
  std::uint32_t replicas = 0;
};

class Client {
 public:
  Client(const std::string& server, std::string names)
      : names_(std::move(names)),
        stub_(api::CoordinatorService::NewStub(
            grpc::CreateChannel(server, grpc::InsecureChannelCredentials()))) {}

  Created create(std::uint32_t replicas) {
    api::CreateWorkloadRequest request;
    request.set_name(names_ + std::to_string(number_++));
    request.set_idempotency_key(request.name());
    auto& spec = *request.mutable_spec();
    spec.set_image("registry.example/team/application:1.2.3");
    spec.set_replicas(replicas);
    (*spec.mutable_labels())["app"] = request.name();
    auto& wanted = *spec.mutable_resources()->mutable_requests();
    wanted.set_cpu_millicores(100);
    wanted.set_memory_bytes(128 << 20);
    api::Workload reply;
    grpc::ClientContext context;
    Created out{{}, SteadyClock::now(), {}, replicas};
    const auto status = stub_->CreateWorkload(&context, request, &reply);
    out.answered = SteadyClock::now();
    if (!status.ok()) {
      std::fprintf(stderr, "CreateWorkload: %s\n", status.error_message().c_str());
      std::exit(1);
    }
    out.uid = WorkloadUid{reply.uid()};
    return out;
  }

 private:
  std::string names_;
  std::unique_ptr<api::CoordinatorService::Stub> stub_;
  std::size_t number_ = 0;
};

/// One commit of one replica after the other, in a store beside: what durable costs at this moment.
class CommitFloor {
 public:
  explicit CommitFloor(const std::string& path) : engine_(store::open_sqlite_engine(path)) {}
  void commit() {
    Replica replica;
    replica.id = ReplicaId{"workload-0123456789-0"};
    replica.node = NodeId{"node-0"};
    const auto begin = SteadyClock::now();
    const auto encoded = store::encode(Commit{++revision_, {put(std::make_shared<const Replica>(replica))}});
    if (!(*engine_)->commit({encoded}, 0)) std::exit(1);
    times_.push_back(milliseconds(SteadyClock::now() - begin));
  }
  json out() const { return summary(times_); }

 private:
  Result<std::unique_ptr<store::Engine>> engine_;
  Revision revision_ = 0;
  std::vector<double> times_;
};

class Bench {
 public:
  Bench(BenchRing& ring, const std::string& names) : ring_(ring), client_(ring.server(), names) {}

  json one_after_another(CommitFloor& floor) {
    for (std::size_t i = 0; i < kWarm; ++i) settle(client_.create(size()));
    Latencies latencies;
    for (std::size_t i = 0; i < kSmall; ++i) {
      latencies.add(*this, client_.create(size()));
      floor.commit();
    }
    return latencies.out();
  }

  json steady() {
    std::vector<Created> created;
    const auto begin = SteadyClock::now();
    for (std::size_t i = 0; i < kSteady; ++i) {
      std::this_thread::sleep_until(
          begin + std::chrono::duration_cast<SteadyClock::duration>(
                      std::chrono::duration<double>(static_cast<double>(i) / kSteadyPerSecond)));
      created.push_back(client_.create(size()));
    }
    const auto took = SteadyClock::now() - begin;
    Latencies latencies;
    for (const auto& one : created) latencies.add(*this, one);
    json out = latencies.out();
    out["workloads_per_second"] = static_cast<double>(kSteady) / milliseconds(took) * 1000;
    return out;
  }

  /// Several large workloads at once: from the first answer until the last replica has its node.
  json large(std::size_t workloads) {
    std::vector<Created> created;
    const double used = processor_seconds();
    for (std::size_t i = 0; i < workloads; ++i) created.push_back(client_.create(kLargest));
    auto last = created.front().answered;
    for (const auto& one : created) last = std::max(last, settle(one).last);
    const double seconds = milliseconds(last - created.front().answered) / 1000;
    const auto replicas = static_cast<double>(workloads * kLargest);
    return {{"replicas", replicas},
            {"seconds", seconds},
            {"per_second", replicas / seconds},
            {"processor_us_per_placement", (processor_seconds() - used) / replicas * 1e6}};
  }

  std::size_t placed() const { return placed_; }

 private:
  /// From the request, from the answer until all have a node, and of the request itself.
  struct Latencies {
    std::vector<double> asked, answered, create;
    void add(Bench& bench, const Created& one) {
      const auto seen = bench.settle(one);
      asked.push_back(milliseconds(seen.last - one.asked));
      answered.push_back(std::max(0.0, milliseconds(seen.last - one.answered)));
      create.push_back(milliseconds(one.answered - one.asked));
    }
    json out() const {
      return {
          {"from_answer", summary(answered)}, {"from_request", summary(asked)}, {"create", summary(create)}};
    }
  };

  std::uint32_t size() { return 1 + static_cast<std::uint32_t>(random_() % 10); }

  Placements::Seen settle(const Created& one) {
    placed_ += one.replicas;
    return ring_.placements().await(one.uid, one.replicas);
  }

  BenchRing& ring_;
  Client client_;
  std::size_t placed_ = 0;
  std::mt19937_64 random_{7};
};

/// The rows of a placement, twice each (born, placed), encoded before: as fast as the engine takes them.
double row_floor(const std::string& path, const Snapshot& view, std::size_t most) {
  constexpr std::size_t kPerCommit = 99, kCommitsPerBatch = 20;
  std::vector<store::EncodedCommit> commits;
  Commit next;
  std::size_t taken = 0;
  for (int round = 0; round < 2; ++round) {
    taken = 0;
    view.replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& replica) {
      if (taken == most) return;
      ++taken;
      next.changes.push_back(put(replica));
      if (next.changes.size() < kPerCommit) return;
      next.revision = commits.size() + 1;
      commits.push_back(store::encode(next));
      next.changes.clear();
    });
  }
  auto engine = store::open_sqlite_engine(path);
  const auto begin = SteadyClock::now();
  for (std::size_t i = 0; i < commits.size(); i += kCommitsPerBatch) {
    const auto end =
        commits.begin() + static_cast<std::ptrdiff_t>(std::min(commits.size(), i + kCommitsPerBatch));
    if (!(*engine)->commit({commits.begin() + static_cast<std::ptrdiff_t>(i), end}, 0)) std::exit(1);
  }
  return static_cast<double>(taken) / milliseconds(SteadyClock::now() - begin) * 1000;
}

double resident_anew(const std::string& program, const std::string& directory, std::size_t nodes) {
  const auto command = program + " --resident " + directory + " " + std::to_string(nodes) + " 2>/dev/null";
  FILE* out = popen(command.c_str(), "r");
  double bytes = 0;
  if (out == nullptr || std::fscanf(out, "%lf", &bytes) != 1 || pclose(out) != 0) {
    std::fprintf(stderr, "placement_path_bench: %s failed\n", command.c_str());
    std::exit(1);
  }
  return bytes;
}

/// The large workloads first; then the coordinator starts anew with what is stored, and places small ones
/// beside them.
json run(const std::string& program, const std::string& directory, std::size_t nodes, std::size_t large) {
  json out{{"nodes", nodes}};
  json& memory = out["memory"];
  const FleetOptions fleet{nodes, node, 500};
  std::filesystem::create_directories(directory + "/empty");
  const double empty = resident_anew(program, directory + "/empty", 0);
  {
    BenchRing ring(directory, fleet);
    ring.await_fleet(nodes);
  }
  const double with_nodes = resident_anew(program, directory, nodes);
  memory["bytes_per_node"] = (with_nodes - empty) / static_cast<double>(nodes);
  {
    BenchRing ring(directory, fleet);
    ring.await_fleet(nodes);
    const double before = resident();
    if (large > 0) {
      Bench bench(ring, "large-");
      out["large"] = bench.large(large);
      memory["bytes_per_new_replica"] = (resident() - before) / static_cast<double>(bench.placed());
      out["floor"]["placements_per_second"] =
          row_floor(directory + "/row-floor.db", *ring.present(), large * kLargest);
    }
  }
  if (large > 0)
    memory["bytes_per_replica"] =
        (resident_anew(program, directory, nodes) - with_nodes) / static_cast<double>(large * kLargest);
  BenchRing ring(directory, fleet);
  ring.await_fleet(nodes);
  Bench bench(ring, "small-");
  CommitFloor floor(directory + "/commit-floor.db");
  out["one_after_another"] = bench.one_after_another(floor);
  out["floor"]["commit"] = floor.out();
  out["steady"] = bench.steady();
  out["leases"] = ring.fleet().leases.load();
  out["set_bytes"] = ring.fleet().set_bytes.load();
  return out;
}

int print_resident(const std::string& directory, std::size_t nodes) {
  BenchRing ring(directory, {nodes, node, 500});
  ring.await_fleet(nodes);
  std::printf("%.0f\n", resident());
  return 0;
}

}  // namespace
}  // namespace cloudless::bench

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::err);  // the standard output is for figures
  const std::vector<std::string> words(argv, argv + argc);
  const auto number = [&](std::size_t i, unsigned long fallback) {
    return words.size() > i ? std::strtoul(words[i].c_str(), nullptr, 10) : fallback;
  };
  if (words.size() == 4 && words[1] == "--resident")
    return cloudless::bench::print_resident(words[2], number(3, 0));
  if (words.size() < 3) {
    std::fprintf(stderr,
                 "usage: placement_path_bench DIRECTORY NODES [LARGE] | --resident DIRECTORY NODES\n");
    return 2;
  }
  std::string directory = (std::filesystem::path(words[1]) / "cloudless-bench-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    std::perror(directory.c_str());
    return 1;
  }
  const auto out = cloudless::bench::run(words[0], directory, std::max(1UL, number(2, 0)), number(3, 3));
  std::filesystem::remove_all(directory);
  std::printf("%s\n", out.dump().c_str());
}
