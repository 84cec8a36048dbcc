// How long it takes from asking for a workload until all of its replicas run, seen by a client that follows
// it: what `./dev bench runtime` compares with containerd_floor, which is a program of the same kind. Prints
// milliseconds.
//   start_bench SERVER NAME IMAGE REPLICAS
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "cloudless/api/coordinator_service.grpc.pb.h"

namespace {

namespace api = cloudless::api;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{120};

[[noreturn]] void give_up(const char* what, const grpc::Status& status) {
  std::fprintf(stderr, "start_bench: %s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

api::CreateWorkloadRequest request_for(const char* name, const char* image, std::uint32_t replicas) {
  api::CreateWorkloadRequest request;
  request.set_name(name);
  auto& spec = *request.mutable_spec();
  spec.set_image(image);
  spec.set_replicas(replicas);
  spec.set_image_pull_policy(api::IMAGE_PULL_POLICY_NEVER);
  spec.mutable_resources()->mutable_requests()->set_cpu_millicores(1);
  spec.mutable_resources()->mutable_requests()->set_memory_bytes(1 << 20);
  return request;
}

std::uint32_t running(const api::Workload& workload) {
  const auto& all = workload.status().replicas();
  return static_cast<std::uint32_t>(std::count_if(
      all.begin(), all.end(), [](const auto& r) { return r.state() == api::Replica::RUNNING; }));
}

/// The connection is there before the clock starts, as containerd_floor's is.
void connect(api::CoordinatorService::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  api::ListNodesReply nodes;
  if (const auto status = stub.ListNodes(&context, {}, &nodes); !status.ok()) give_up("ListNodes", status);
}

void await_running(api::CoordinatorService::Stub& stub, const api::Workload& created,
                   std::uint32_t replicas) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  api::WatchWorkloadsRequest from;
  from.set_from_revision(created.store_revision());
  const auto changes = stub.WatchWorkloads(&context, from);
  // Followed, not asked for again and again: that would cost processor time that the containers need.
  for (api::WatchWorkloadsReply change; changes->Read(&change);)
    if (change.workload().uid() == created.uid() && running(change.workload()) == replicas)
      return context.TryCancel();
  give_up("WatchWorkloads", changes->Finish());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: start_bench SERVER NAME IMAGE REPLICAS\n");
    return 2;
  }
  const auto stub =
      api::CoordinatorService::NewStub(grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  const auto replicas = static_cast<std::uint32_t>(std::max(1, std::atoi(argv[4])));
  connect(*stub);
  const auto begun = Steady::now();
  grpc::ClientContext context;
  api::Workload created;
  if (const auto status = stub->CreateWorkload(&context, request_for(argv[2], argv[3], replicas), &created);
      !status.ok())
    give_up("CreateWorkload", status);
  await_running(*stub, created, replicas);
  std::printf("%.3f\n", std::chrono::duration<double, std::milli>(Steady::now() - begun).count());
}
