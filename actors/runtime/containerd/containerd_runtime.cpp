#include "actors/runtime/containerd/containerd_runtime.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/containers.hpp"
#include "actors/runtime/containerd/exec.hpp"
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
constexpr std::size_t kImageThreads = 4;
constexpr std::size_t kExecThreads = 16;

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
  ContainerdRuntime(const ContainerdOptions& options, Subnet subnet)
      : options_(options),
        client_(options),
        images_(client_, options),
        loggers_(options.logger, options.log_dir, options.state_dir + "/loggers", options.logs),
        volumes_(options.volume_dir, options.volume_limits),
        containers_(client_, images_, loggers_, volumes_, options, subnet) {
    forget_execs(options.state_dir);
  }

  ~ContainerdRuntime() override {
    client_.shut_down();
    image_jobs_.finish();
    exec_jobs_.finish();
    lifecycle_jobs_.finish();
  }

  Result<bool> usable() const { return loggers_.usable(); }
  Result<Nothing> remove_everything() { return containers_.remove_everything(); }

  void prepare_image(std::string image, ImagePullPolicy policy, Done<Nothing> done) override {
    const auto key = std::pair(std::move(image), policy);
    {
      const std::lock_guard lock(mutex_);
      auto& waiting = preparing_[key];
      waiting.push_back(std::move(done));
      if (waiting.size() > 1) return;  // the one under way answers all
    }
    image_jobs_.submit([this, key] {
      auto result = containers_.ensure_ready();
      if (result) result = images_.prepare(key.first, key.second);
      std::vector<Done<Nothing>> waiting;
      {
        const std::lock_guard lock(mutex_);
        waiting = std::move(preparing_[key]);
        preparing_.erase(key);
      }
      for (const auto& answer : waiting) answer(result);
    });
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
    query.container = std::move(container);
    auto abandoned = std::make_shared<Abandonment>();
    exec_jobs_.submit([this, abandoned, query = std::move(query), done = std::move(done)] {
      done(run_exec(client_, options_.state_dir, query, *abandoned));
    });
    return [abandoned] { abandoned->declare(); };
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
  Containers containers_;
  std::mutex mutex_;
  std::optional<VolumeSweep> sweep_wanted_;
  bool sweeping_ = false;
  std::map<std::pair<std::string, ImagePullPolicy>, std::vector<Done<Nothing>>> preparing_;
  WorkerPool image_jobs_{kImageThreads};
  WorkerPool exec_jobs_{kExecThreads};
  WorkerPool lifecycle_jobs_{kLifecycleThreads};
};

Result<std::unique_ptr<ContainerdRuntime>> make(const ContainerdOptions& options) {
  const auto subnet = parse_subnet(options.subnet);
  if (!subnet) return fail(subnet.error());
  if (options.socket.empty() || options.socket.front() != '/')
    return fail(Errc::invalid_argument,
                "containerd's socket \"" + options.socket + "\" must be an absolute path");
  auto runtime = std::make_unique<ContainerdRuntime>(options, *subnet);
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
