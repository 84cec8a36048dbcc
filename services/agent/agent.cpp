#include "services/agent/agent.hpp"

#include <spdlog/spdlog.h>

#include <caf/io/all.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "actors/node_link/agent_link_actor.hpp"
#include "actors/node_link/transport/dialer.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "actors/node_link/transport/secret_file.hpp"
#include "actors/runtime/containerd/containerd_runtime.hpp"
#include "actors/runtime/file_agent_disk.hpp"
#include "actors/runtime/log_follower.hpp"
#include "actors/runtime/prober/prober.hpp"
#include "actors/runtime/runtime_supervisor_actor.hpp"
#include "services/agent/agent_service.hpp"
#include "services/agent/machine.hpp"
#include "services/agent/runtime_figures.hpp"
#include "services/agent/usage_figures.hpp"
#include "services/settings/unexpected_end.hpp"
#include "telemetry/http_server.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/routes.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::agent {
namespace {

struct Config : caf::actor_system_config {
  Config() {
    node_link::configure_network(*this);
    set("scheduler.max-threads", std::size_t{2});
  }
};

std::uint64_t random_number() {
  const std::string bytes = node_link::random_bytes(sizeof(std::uint64_t));
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

runtime::ContainerdOptions containerd_options(const AgentSettings& settings) {
  runtime::ContainerdOptions options;
  options.node = NodeId{settings.node_name};
  options.socket = settings.containerd_socket;
  options.containerd_namespace = settings.containerd_namespace;
  options.runtime_binary = settings.runtime_binary;
  options.state_dir = settings.runtime_dir;
  options.log_dir = settings.log_dir;
  options.logger = settings.logger;
  options.cgroup_parent = settings.cgroup_parent;
  options.bounds = container_bounds(settings);
  options.logs.most_bytes = static_cast<std::uint64_t>(settings.container_logs.max_size);
  options.logs.most_files = static_cast<std::uint32_t>(settings.container_logs.max_files);
  options.logs.rate = static_cast<std::uint64_t>(settings.container_logs.rate);
  options.logs.attempts = static_cast<std::uint32_t>(settings.container_logs.attempts);
  options.images = settings.images;
  options.bridge = settings.bridge;
  options.subnet = settings.subnet;
  options.policy = settings.policy;
  options.gpus = settings.gpus;
  options.volume_dir = settings.volume_dir;
  options.volume_limits =
      settings.volume_limits == "image" ? runtime::DiskLimitMeans::image : runtime::DiskLimitMeans::quota;
  options.network = settings.network;
  return options;
}

class Whole final : public Agent {
 public:
  Whole(const AgentSettings& settings, std::function<void(const Error&)> on_end)
      : settings_(settings), end_(std::move(on_end)) {}

  ~Whole() override {
    end_.expect();
    http_.reset();
    grpc_.reset();
    if (!system_) return;
    end(link_);
    end(supervisor_);
    dialer_.reset();
    system_.reset();
    // After the system: its actors worked with these until their end.
    logs_.reset();
    disk_.reset();
    probes_.reset();
    runtime_.reset();
  }

  Ports ports() const override { return ports_; }

  Result<void> start() {
    if (auto prepared = prepare(); !prepared) return prepared;
    if (auto started = start_actors(); !started) return started;
    return start_http();
  }

 private:
  /// Asks an actor to end, and waits until it has: what it works with goes next.
  template <class Handle>
  void end(Handle& handle) {
    if (!handle) return;
    caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    caf::scoped_actor self{*system_};
    self->wait_for(handle);
    handle = Handle{};
  }

  Result<void> prepare() {
    auto secret = node_link::load_secret(settings_.secret_file);
    if (!secret) return fail(secret.error());
    secret_ = std::move(*secret);
    auto disk = runtime::make_file_agent_disk(settings_.state_dir);
    if (!disk) return fail(disk.error());
    disk_ = std::move(*disk);
    auto uid = load_machine_uid(settings_.state_dir);
    if (!uid) return fail(uid.error());
    machine_uid_ = std::move(*uid);
    auto containerd = runtime::make_containerd_runtime(containerd_options(settings_));
    if (!containerd) return fail(containerd.error());
    runtime_ = std::move(*containerd);
    auto logs = runtime::make_log_follower(settings_.log_dir);
    if (!logs) return fail(logs.error());
    logs_ = std::move(*logs);
    auto probes =
        runtime::make_prober([this](ContainerId container, ExecQuery query, runtime::Done<ExecResult> done) {
          return runtime_->exec(std::move(container), std::move(query), std::move(done));
        });
    if (!probes) return fail(probes.error());
    probes_ = std::move(*probes);
    return {};
  }

  Result<void> start_actors() {
    system_ = std::make_unique<caf::actor_system>(config_);
    const NodeId node{settings_.node_name};
    supervisor_ =
        runtime::spawn_supervisor(*system_, {*runtime_, *disk_, *logs_, clock_, *probes_},
                                  {node, settings_.accept_cluster, runtime::SupervisorSettings{}.sweep,
                                   settings_.sessions, runtime::SupervisorSettings{}.usage_interval});
    end_.watch("the supervisor", supervisor_);
    auto server = AgentServer::start({*system_, supervisor_, *runtime_, node}, to_string(settings_.grpc));
    if (!server) return fail(server.error());
    grpc_ = std::move(*server);
    ports_.grpc = grpc_->port();
    settings::Address api = settings_.grpc;
    api.port = ports_.grpc;
    dialer_.emplace(*system_, node_link::DialOptions{settings_.coordinator.host,
                                                     settings_.coordinator.port,
                                                     {secret_, node_link::kLinkPurpose}});
    node_link::AgentIdentity identity{describe_node(settings_, machine_uid_, to_string(api)), random_number(),
                                      random_number()};
    link_ = node_link::spawn_agent_link(*system_, supervisor_, *dialer_, std::move(identity), clock_);
    end_.watch("the node link", link_);
    return {};
  }

  Result<void> start_http() {
    if (!settings_.http) return {};
    figures_ = runtime_figures(*runtime_);
    metrics_.add(figures_);
    usage_figures_ = usage_figures(*runtime_);
    metrics_.add(usage_figures_);
    auto routes = telemetry::health_routes([this]() -> Result<void> {
      const auto seen = ask_containers(*runtime_);
      if (!seen) return fail(seen.error());
      return {};
    });
    routes.merge(telemetry::metrics_routes(metrics_));
    auto http = telemetry::HttpServer::listen(settings_.http->host, settings_.http->port, std::move(routes));
    if (!http) return fail(http.error());
    http_ = std::move(*http);
    ports_.http = http_->port();
    return {};
  }

  const AgentSettings settings_;
  const settings::UnexpectedEnd end_;
  Ports ports_;
  std::string secret_;
  std::string machine_uid_;
  telemetry::SystemClock clock_;
  telemetry::Metrics metrics_;
  std::shared_ptr<prometheus::Collectable> figures_;
  std::shared_ptr<prometheus::Collectable> usage_figures_;
  std::unique_ptr<runtime::RuntimePort> runtime_;
  std::unique_ptr<runtime::AgentDisk> disk_;
  std::unique_ptr<runtime::LogStore> logs_;
  std::unique_ptr<runtime::ProbePort> probes_;
  Config config_;
  std::unique_ptr<caf::actor_system> system_;
  runtime_supervisor_actor supervisor_;
  agent_link_actor link_;
  std::optional<node_link::LinkDialer> dialer_;
  std::unique_ptr<AgentServer> grpc_;
  std::unique_ptr<telemetry::HttpServer> http_;
};

}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(const AgentSettings& settings,
                                            std::function<void(const Error&)> on_end) {
  auto whole = std::make_unique<Whole>(settings, std::move(on_end));
  if (auto started = whole->start(); !started) return fail(started.error());
  return whole;
}

}  // namespace cloudless::agent
