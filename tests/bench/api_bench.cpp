// Measures the public API of a running coordinator: one call at a time, and 64 in flight. Prints one JSON
// object. Baselines in the same run: a call that finds nothing (what gRPC itself costs) and a write with
// fdatasync (what durable costs).
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloudless/api/coordinator_service.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
namespace api = cloudless::api;

constexpr int kInFlight = 64;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

json summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[std::min(values.size() - 1, static_cast<std::size_t>(q * values.size()))];
  };
  return {{"p50_ms", at(0.50)}, {"p90_ms", at(0.90)}, {"p99_ms", at(0.99)}, {"calls", values.size()}};
}

void must(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

/// One at a time: call(i) runs the i-th.
json serial(int count, const std::function<void(int)>& call) {
  std::vector<double> times;
  times.reserve(count);
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    call(i);
    times.push_back(milliseconds_since(begin));
  }
  return summary(std::move(times));
}

template <class Request, class Reply>
struct Pending {
  grpc::ClientContext context;
  Request request;
  Reply reply;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>> reader;
};

/// kInFlight at any time, `count` in all; returns calls per second.
template <class Request, class Reply, class Prepare, class Start>
double concurrent(int count, Prepare prepare, Start start) {
  grpc::CompletionQueue queue;
  int begun = 0;
  const auto launch = [&] {
    auto* call = new Pending<Request, Reply>;
    prepare(call->request, begun++);
    call->reader = start(&call->context, call->request, &queue);
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call);
  };
  const auto begin = Clock::now();
  for (int i = 0; i < std::min(kInFlight, count); ++i) launch();
  for (int finished = 0; finished < count; ++finished) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    std::unique_ptr<Pending<Request, Reply>> call(static_cast<Pending<Request, Reply>*>(tag));
    must(call->status, "concurrent call");
    if (begun < count) launch();
  }
  return count / (milliseconds_since(begin) / 1000);
}

/// What a durable write of 4 KiB costs in this directory.
json fsync_floor(const std::string& directory) {
  const std::string path = directory + "/fsync-floor";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  const std::vector<char> block(4096, 'x');
  auto out = serial(200, [&](int) {
    if (write(fd, block.data(), block.size()) < 0 || fdatasync(fd) != 0) std::exit(1);
  });
  close(fd);
  unlink(path.c_str());
  return out;
}

class Bench {
 public:
  explicit Bench(const std::string& server) {
    stub_ = api::CoordinatorService::NewStub(grpc::CreateChannel(server, grpc::InsecureChannelCredentials()));
  }

  json run(int scale) {
    json out;
    prepare();
    out["floor_call"] = serial(2000 * scale, [&](int) { nothing(); });
    out["get"] = serial(2000 * scale, [&](int) { get("bench-0"); });
    out["list_100"] = serial(300 * scale, [&](int) { list(); });
    out["create"] = serial(300 * scale, [&](int i) { create("one-" + std::to_string(i)); });
    out["scale"] = serial(300 * scale, [&](int) { scale_to("one-0"); });
    out["update"] = serial(300 * scale, [&](int i) { update("one-0", i); });
    out["delete"] = serial(300 * scale, [&](int i) { remove("one-" + std::to_string(i)); });
    out["get_per_second"] = concurrent<api::GetWorkloadRequest, api::Workload>(
        40000 * scale, [](auto& request, int) { request.set_name("bench-0"); },
        [&](auto* context, auto& request, auto* queue) {
          return stub_->PrepareAsyncGetWorkload(context, request, queue);
        });
    out["create_per_second"] = concurrent<api::CreateWorkloadRequest, api::Workload>(
        10000 * scale, [](auto& request, int i) { fill(request, "many-" + std::to_string(i)); },
        [&](auto* context, auto& request, auto* queue) {
          return stub_->PrepareAsyncCreateWorkload(context, request, queue);
        });
    return out;
  }

 private:
  static void fill(api::CreateWorkloadRequest& request, const std::string& name) {
    request.set_name(name);
    request.mutable_spec()->set_image("cloudless.local/hello:v1");
    request.mutable_spec()->set_replicas(0);
    (*request.mutable_spec()->mutable_labels())["app"] = name.substr(0, name.find('-'));
  }
  void prepare() {
    for (int i = 0; i < 100; ++i) create("bench-" + std::to_string(i));
  }
  /// A call that reads nothing: a node that does not exist.
  void nothing() {
    api::GetNodeRequest request;
    api::Node reply;
    grpc::ClientContext context;
    request.set_node_id("none");
    if (stub_->GetNode(&context, request, &reply).error_code() != grpc::StatusCode::NOT_FOUND) std::exit(1);
  }
  void get(const std::string& name) {
    api::GetWorkloadRequest request;
    api::Workload reply;
    grpc::ClientContext context;
    request.set_name(name);
    must(stub_->GetWorkload(&context, request, &reply), "GetWorkload");
  }
  void list() {
    api::ListWorkloadsRequest request;
    api::ListWorkloadsReply reply;
    grpc::ClientContext context;
    request.set_label_selector("app=bench");
    request.set_page_size(100);
    must(stub_->ListWorkloads(&context, request, &reply), "ListWorkloads");
    if (reply.workloads_size() != 100)
      must({grpc::StatusCode::INTERNAL, "not 100 workloads"}, "ListWorkloads");
  }
  void create(const std::string& name) {
    api::CreateWorkloadRequest request;
    api::Workload reply;
    grpc::ClientContext context;
    fill(request, name);
    must(stub_->CreateWorkload(&context, request, &reply), "CreateWorkload");
  }
  void scale_to(const std::string& name) {
    api::ScaleWorkloadRequest request;
    api::Workload reply;
    grpc::ClientContext context;
    request.set_name(name);
    request.set_replicas(0);
    must(stub_->ScaleWorkload(&context, request, &reply), "ScaleWorkload");
  }
  void update(const std::string& name, int i) {
    api::UpdateWorkloadRequest request;
    api::Workload reply;
    grpc::ClientContext context;
    request.set_name(name);
    request.mutable_spec()->add_args("round-" + std::to_string(i));
    request.mutable_update_mask()->add_paths("args");
    must(stub_->UpdateWorkload(&context, request, &reply), "UpdateWorkload");
  }
  void remove(const std::string& name) {
    api::DeleteWorkloadRequest request;
    api::DeleteWorkloadReply reply;
    grpc::ClientContext context;
    request.set_name(name);
    must(stub_->DeleteWorkload(&context, request, &reply), "DeleteWorkload");
  }

  std::unique_ptr<api::CoordinatorService::Stub> stub_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: api_bench HOST:PORT DIRECTORY [SCALE]\n");
    return 2;
  }
  const int scale = argc > 3 ? std::max(1, std::atoi(argv[3])) : 1;
  json out = Bench(argv[1]).run(scale);
  out["floor_fsync"] = fsync_floor(argv[2]);
  std::printf("%s\n", out.dump().c_str());
}
