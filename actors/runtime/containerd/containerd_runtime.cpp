#include "actors/runtime/containerd/containerd_runtime.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/containers.hpp"
#include "actors/runtime/containerd/copy.hpp"
#include "actors/runtime/containerd/exec.hpp"
#include "actors/runtime/containerd/forward.hpp"
#include "actors/runtime/containerd/image_desk.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/log_folder.hpp"
#include "actors/runtime/containerd/logger_keeper.hpp"
#include "actors/runtime/containerd/volumes.hpp"
#include "actors/runtime/containerd/worker_pool.hpp"
#include "actors/runtime/log_retention.hpp"

namespace cloudless::runtime {
namespace {

// containerd itself works on few at a time; more threads would only wait there.
constexpr std::size_t kLifecycleThreads = 16;
constexpr std::size_t kExecThreads = 16;
constexpr std::size_t kCopyThreads = 64;  // what is allowed at a time is the session desk's business

WallMillis wall_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// One answer to Tasks.Wait, under way for as long as the container runs. Costs no thread.
struct PendingWait {
  grpc::ClientContext context;
  tasks_v1::WaitRequest request;
  tasks_v1::WaitResponse response;
  ContainerId container;
  Done<ContainerExit> done;
};

class ContainerdRuntime final : public RuntimePort {
 public:
  ContainerdRuntime(const ContainerdOptions& options, std::unique_ptr<ReplicaNetwork> network)
      : options_(options),
        client_(options),
        images_(client_, options),
        loggers_(options.logger, options.log_dir, options.state_dir + "/loggers", options.logs),
        volumes_(options.volume_dir, options.volume_limits),
        network_(std::move(network)),
        containers_(client_, images_, loggers_, volumes_, *network_, moves_, options),
        image_desk_(images_, containers_, options.images.max_pulls) {
    forget_execs(exec_parts());
  }

  ~ContainerdRuntime() override {
    // Commands first, while they can still be killed.
    relays_->stop();
    exec_jobs_.finish();
    client_.shut_down();
    image_desk_.finish();
    copy_jobs_.finish();
    lifecycle_jobs_.finish();
  }

  Result<bool> usable() const { return loggers_.usable(); }
  Result<Nothing> remove_everything() { return containers_.remove_everything(); }

  void prepare_image(ImageRequest request, ImageNews news, Done<PreparedImage> done) override {
    image_desk_.prepare(std::move(request), std::move(news), std::move(done));
  }

  void collect_images(std::vector<ImageRequest> keep) override { image_desk_.collect(std::move(keep)); }

  void expect(ContainerRequest request) override {
    volumes_.claim(request.assignment.replica, request.container);
    auto job = containers_.expect(std::move(request));
    lifecycle_jobs_.submit([job = std::move(job)] { (*job)(); });
  }

  void start(ContainerRequest request, Done<StartedContainer> done) override {
    volumes_.claim(request.assignment.replica, request.container);
    lifecycle_jobs_.submit(
        [this, request = std::move(request), done = std::move(done)] { done(containers_.start(request)); });
  }

  void wait(ContainerId container, Done<ContainerExit> done) override {
    auto* pending = new PendingWait;
    pending->request.set_container_id(container.value);
    pending->container = std::move(container);
    pending->done = std::move(done);
    client_.enlist(pending->context, client_.scope("wait for container", 0));
    client_.tasks().async()->Wait(
        &pending->context, &pending->request, &pending->response,
        [this, pending](const grpc::Status& status) {
          const std::unique_ptr<PendingWait> owned(pending);
          if (status.ok()) {
            const auto& at = pending->response.exited_at();
            pending->done(containers_.exit_of(pending->container,
                                              static_cast<std::int32_t>(pending->response.exit_status()),
                                              at.seconds() * 1000 + at.nanos() / 1000000));
          } else {
            pending->done(fail(Client::error_of(status, "wait for container")));
          }
          client_.discharge(pending->context);  // last: from here on the runtime may be gone
        });
  }

  void signal(ContainerId container, int signal, Done<Nothing> done) override {
    lifecycle_jobs_.submit([this, container = std::move(container), signal, done = std::move(done)] {
      done(containers_.signal(container, signal));
    });
  }

  void remove(ContainerId container, Done<Nothing> done) override {
    lifecycle_jobs_.submit([this, container = std::move(container), done = std::move(done)] {
      done(containers_.remove(container));
    });
  }

  void list(Done<std::vector<ObservedContainer>> done) override {
    lifecycle_jobs_.submit([this, done = std::move(done)] { done(containers_.list()); });
  }

  GiveUp exec(ContainerId container, ExecQuery query, Done<ExecResult> done) override {
    return run_exec(exec_parts(), container, std::move(query), std::move(done));
  }

  std::unique_ptr<RuntimeStream> open_stream(StreamRequest request,
                                             std::function<void(StreamNews)> tell) override {
    if (auto* exec = std::get_if<ExecQuery>(&request.query))
      return open_exec(exec_parts(), request.container, std::move(*exec), request.credit, std::move(tell));
    if (const auto* forward = std::get_if<ForwardQuery>(&request.query))
      return open_forward({client_, exec_jobs_, *relays_}, request.container, *forward, request.credit,
                          std::move(tell));
    return open_copy(client_, copy_jobs_, request.container, std::get<CopyQuery>(request.query),
                     request.credit, std::move(tell));
  }

  void update_limits(ContainerId container, ResourceLimits limits, Done<Nothing> done) override {
    lifecycle_jobs_.submit([this, container = std::move(container), limits, done = std::move(done)] {
      done(containers_.update_limits(container, limits));
    });
  }

  void ping(Done<Nothing> done) override {
    lifecycle_jobs_.submit([this, done = std::move(done)] { done(containers_.ping()); });
  }

  void usage(Done<std::vector<ContainerUsage>> done) override {
    lifecycle_jobs_.submit([this, done = std::move(done)] {
      containers_.sweep_groups();
      done(containers_.usage());
    });
  }

  std::string log_path(const ContainerId& container) const override { return loggers_.log_path(container); }

  void forget_logs(const std::vector<ContainerId>& keep) override {
    lifecycle_jobs_.submit([this, keep] {
      const auto here = containers_.list();
      if (!here) return;  // some other time: nothing is deleted on a guess
      std::set<ContainerId> stay(keep.begin(), keep.end());
      for (const auto& container : *here) stay.insert(container.container);
      const auto expired = expired_logs(logs_in(options_.log_dir), stay, options_.logs.attempts, wall_now());
      remove_logs(options_.log_dir, {expired.begin(), expired.end()});
    });
  }

  void forget_volumes(const std::vector<ReplicaId>& keep) override {
    const std::lock_guard lock(mutex_);
    // The latest word counts: sweeps that wait are one.
    const bool waiting = std::exchange(sweep_wanted_, VolumeSweep{volumes_.begin_sweep(), keep}).has_value();
    if (!waiting && !sweeping_) {
      sweeping_ = true;
      lifecycle_jobs_.submit([this] { sweep_volumes(); });
    }
  }

 private:
  ExecParts exec_parts() { return {client_, exec_jobs_, *relays_, moves_, options_.state_dir}; }

  struct VolumeSweep {
    std::uint64_t number = 0;
    std::vector<ReplicaId> keep;
  };

  void sweep_volumes() {
    while (true) {
      std::optional<VolumeSweep> sweep;
      {
        const std::lock_guard lock(mutex_);
        sweep = std::exchange(sweep_wanted_, std::nullopt);
        sweeping_ = sweep.has_value();
      }
      if (!sweep) return;
      if (volumes_.hold_anything()) sweep_volumes_but(*sweep);
    }
  }

  void sweep_volumes_but(const VolumeSweep& sweep) {
    const auto here = containers_.list();
    if (!here) return;  // some other time: nothing is deleted on a guess
    std::set<ReplicaId> replicas(sweep.keep.begin(), sweep.keep.end());
    std::set<ContainerId> containers;
    for (const auto& container : *here) {
      replicas.insert(container.replica);
      containers.insert(container.container);
    }
    if (auto swept = volumes_.sweep(sweep.number, replicas, containers); !swept)
      spdlog::warn("volumes that nobody uses stay for now: {}", swept.error().message);
  }

  const ContainerdOptions options_;
  Client client_;
  Images images_;
  LoggerKeeper loggers_;
  Volumes volumes_;
  std::unique_ptr<ReplicaNetwork> network_;
  QuickMoves moves_;
  Containers containers_;
  ImageDesk image_desk_;
  std::mutex mutex_;
  std::optional<VolumeSweep> sweep_wanted_;
  bool sweeping_ = false;
  WorkerPool exec_jobs_{kExecThreads};
  WorkerPool copy_jobs_{kCopyThreads};
  const std::shared_ptr<RelayLoop> relays_ = RelayLoop::start();
  WorkerPool lifecycle_jobs_{kLifecycleThreads};
};

Result<std::unique_ptr<ContainerdRuntime>> make(const ContainerdOptions& options) {
  auto network = ReplicaNetwork::make(options, namespace_of(options));
  if (!network) return fail(network.error());
  if (options.socket.empty() || options.socket.front() != '/')
    return fail(Errc::invalid_argument,
                "containerd's socket \"" + options.socket + "\" must be an absolute path");
  auto runtime = std::make_unique<ContainerdRuntime>(options, std::move(*network));
  if (auto usable = runtime->usable(); !usable) return fail(usable.error());
  return runtime;
}

}  // namespace

Result<std::unique_ptr<RuntimePort>> make_containerd_runtime(const ContainerdOptions& options) {
  auto runtime = make(options);
  if (!runtime) return fail(runtime.error());
  return std::unique_ptr<RuntimePort>(std::move(*runtime));
}

Result<Nothing> remove_everything(const ContainerdOptions& options) {
  auto runtime = make(options);
  return runtime ? (*runtime)->remove_everything() : Result<Nothing>(fail(runtime.error()));
}

}  // namespace cloudless::runtime
