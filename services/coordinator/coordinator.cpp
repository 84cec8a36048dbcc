#include "services/coordinator/coordinator.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <caf/io/all.hpp>
#include <filesystem>
#include <random>
#include <utility>
#include <vector>

#include "actors/events/events_actor.hpp"
#include "actors/node_link/edge_actor.hpp"
#include "actors/node_link/keeper_actor.hpp"
#include "actors/node_link/link_hub_actor.hpp"
#include "actors/node_link/ring_door_actor.hpp"
#include "actors/node_link/transport/host_dialer.hpp"
#include "actors/node_link/transport/listener.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "actors/node_link/transport/secret_file.hpp"
#include "actors/node_membership/node_membership_actor.hpp"
#include "actors/rollout/rollout_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/secrets/secret_command.hpp"
#include "actors/secrets/secrets_actor.hpp"
#include "actors/store/memory_engine.hpp"
#include "actors/store/sqlite_engine.hpp"
#include "actors/store/store_actor.hpp"
#include "actors/workload_state/workload_state_actor.hpp"
#include "gateway/cluster_figures.hpp"
#include "gateway/mirror_feed.hpp"
#include "gateway/server.hpp"
#include "services/coordinator/measured_engine.hpp"
#include "services/coordinator/owners_ready.hpp"
#include "services/coordinator/port_figures.hpp"
#include "services/settings/unexpected_end.hpp"
#include "telemetry/http_server.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/routes.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::coordinator {
namespace {

namespace fs = std::filesystem;

/// For the owners to load what is stored.
constexpr Millis kReadyWithin = 60'000;

struct ControlConfig : caf::actor_system_config {
  explicit ControlConfig(std::size_t threads) {
    node_link::configure_network(*this);
    gateway::register_gateway(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", threads);
  }
};

Result<void> make_folder(const std::string& path, const char* setting) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path, error))
    return fail(Errc::failed_precondition,
                std::string(setting) + " " + path + " cannot be made: " + error.message());
  ::chmod(path.c_str(), 0700);
  return {};
}

Result<std::unique_ptr<store::Engine>> open_engine(const CoordinatorSettings& settings) {
  if (settings.store_engine == "memory") return store::memory_engine();
  if (auto made = make_folder(settings.data_dir, "data_dir"); !made) return fail(made.error());
  return store::open_sqlite_engine((fs::path(settings.data_dir) / "store.db").string());
}

/// Seals what the store keeps of secrets. A store that is forgotten with the process needs no key after it.
Result<std::string> sealing_key(const CoordinatorSettings& settings) {
  if (settings.store_engine == "memory") return node_link::random_bytes(32);
  return node_link::load_or_make_secret((fs::path(settings.data_dir) / "secrets.key").string());
}

std::string hex(const std::string& bytes) {
  std::string out;
  for (unsigned char c : bytes) {
    out += "0123456789abcdef"[c >> 4];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

class Whole final : public Coordinator {
 public:
  Whole(const CoordinatorSettings& settings, std::function<void(const Error&)> on_end)
      : settings_(settings), end_(std::move(on_end)) {}

  ~Whole() override {
    end_.expect();
    http_.reset();
    metrics_http_.reset();
    if (mirror_) mirror_->close();
    grpc_.reset();
    link_listener_.reset();
    ring_listener_.reset();
    // In the order of the flow: who is asked ends after who asks.
    for (auto it = ring_.rbegin(); it != ring_.rend(); ++it)
      caf::anon_send_exit(it->second, caf::exit_reason::user_shutdown);
    for (auto& actor : edge_actors_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    ring_.clear();
    edge_actors_.clear();
    edge_.reset();
    control_.reset();
  }

  Ports ports() const override { return ports_; }

  Result<void> start() {
    if (auto started = start_ring(); !started) return started;
    if (auto ready = await_owners(control_->system, parts_.workload_state, parts_.node_membership,
                                  parts_.secrets, kReadyWithin);
        !ready)
      return ready;
    if (auto opened = open_links(); !opened) return opened;
    if (auto started = start_gateway(); !started) return started;
    return start_http();
  }

 private:
  /// Remembers an actor of the ring; its end ends the process.
  template <class Handle>
  Handle in_ring(const char* name, Handle handle) {
    end_.watch(name, handle);
    ring_.emplace_back(name, caf::actor_cast<caf::actor>(handle));
    return handle;
  }

  Result<void> start_ring() {
    auto engine = open_engine(settings_);
    if (!engine) return fail(engine.error());
    const auto key = sealing_key(settings_);
    if (!key) return fail(key.error());
    control_ = std::make_unique<System>(2);
    edge_ = std::make_unique<System>(1);
    auto& system = control_->system;
    StoreOptions options;
    options.new_cluster_id = hex(node_link::random_bytes(16));
    options.on_fatal = end_;
    auto store = spawn_store(system, measured_engine(std::move(*engine), metrics_.registry()), clock_,
                             std::move(options));
    if (!store) return fail(store.error());
    parts_.store = in_ring("the store", *store);
    parts_.workload_state = in_ring(
        "workload_state",
        spawn_workload_state(system, parts_.store, clock_, settings::usual_scoring(settings_.scoring)));
    parts_.node_membership = in_ring(
        "node_membership", spawn_node_membership(system, parts_.store, clock_,
                                                 {settings_.lease_interval, settings_.lease_duration}));
    parts_.secrets =
        in_ring("secrets", spawn_secrets(system, parts_.store, clock_, {*key, node_link::random_bytes}));
    parts_.events = in_ring("events", spawn_events(system, parts_.store, clock_));
    in_ring("rollout", spawn_rollout(system, parts_.store, parts_.workload_state));
    if (settings_.scheduler.embedded)
      in_ring("the scheduler", spawn_scheduler(system, parts_.store, parts_.workload_state));
    const auto edge = node_link::spawn_edge(edge_->system);
    new_door_ = edge.new_door;
    // Without it no agent could link again: as good as dead.
    end_.watch("the edge bridge", edge.bridge);
    edge_actors_ = {caf::actor_cast<caf::actor>(edge.bridge), caf::actor_cast<caf::actor>(edge.door)};
    parts_.link_hub = in_ring(
        "the link hub",
        node_link::spawn_link_hub(
            system, parts_.store, parts_.workload_state, parts_.node_membership, edge.bridge, clock_,
            [key = *key](const Secret& secret) { return secrets::open(secret, key); }, parts_.events));
    return {};
  }

  Result<void> open_links() {
    const auto folder = fs::path(settings_.secret_file).parent_path();
    if (!folder.empty() && !fs::exists(folder)) {
      if (auto made = make_folder(folder.string(), "the folder of secret_file"); !made) return made;
    }
    const auto secret = node_link::load_or_make_secret(settings_.secret_file);
    if (!secret) return fail(secret.error());
    auto link = node_link::Listener::open(
        edge_->system, {settings_.link.host, settings_.link.port, {*secret, node_link::kLinkPurpose}},
        new_door_);
    if (!link) return fail(link.error());
    link_listener_ = std::move(*link);
    ports_.link = link_listener_->port();
    const auto ring_secret =
        node_link::load_or_make_secret(node_link::ring_secret_path(settings_.secret_file));
    if (!ring_secret) return fail(ring_secret.error());
    if (settings_.scheduler.host) place_scheduler(*settings_.scheduler.host, *ring_secret);
    if (!settings_.ring) return {};
    const auto door = in_ring("the ring's door", node_link::spawn_ring_door(control_->system, parts_));
    auto ring = node_link::Listener::open(
        control_->system,
        {settings_.ring->host, settings_.ring->port, {*ring_secret, node_link::kRingPurpose}}, door);
    if (!ring) return fail(ring.error());
    ring_listener_ = std::move(*ring);
    ports_.ring = ring_listener_->port();
    return {};
  }

  /// Keeps a scheduler of ours on a host elsewhere.
  void place_scheduler(const settings::Address& host, const std::string& secret) {
    const auto dialer = std::make_shared<node_link::HostDialer>(
        control_->system, node_link::DialOptions{host.host, host.port, {secret, node_link::kHostPurpose}},
        "the coordinator at " + to_string(settings_.grpc));
    node_link::KeeperOptions options;
    options.what = "the scheduler on " + to_string(host);
    options.seed = std::random_device{}();
    options.find = [dialer, ring = parts_](node_link::HostDialer::Done done) {
      dialer->place<scheduler_actor>("scheduler", std::move(done), ring.store, ring.workload_state);
    };
    in_ring("the keeper of the scheduler", node_link::spawn_keeper(control_->system, std::move(options)));
  }

  Result<void> start_gateway() {
    mirror_ = std::make_shared<gateway::Mirror>(gateway::History::Limits{
        settings_.watch_keep_for, static_cast<std::size_t>(settings_.watch_keep_changes)});
    in_ring("the gateway's mirror",
            gateway::spawn_mirror_feed(control_->system, parts_.store, mirror_, clock_));
    method_metrics_ = std::make_unique<gateway::MethodMetrics>(metrics_.registry());
    figures_ = gateway::cluster_figures(mirror_);
    metrics_.add(figures_);
    port_figures_ = port_figures({{"link", link_listener_.get()}, {"ring", ring_listener_.get()}});
    metrics_.add(port_figures_);
    const auto tls = settings::load("grpc", settings_.tls);
    if (!tls) return fail(tls.error());
    auto server = gateway::Server::start(
        {control_->system, mirror_,
         std::make_shared<const gateway::OwnersInUse>(gateway::Owners{
             parts_.workload_state, parts_.node_membership, parts_.events, parts_.link_hub, parts_.secrets}),
         clock_, *method_metrics_, settings::usual_scoring(settings_.scoring)},
        {to_string(settings_.grpc), tls->certificate, tls->key, tls->client_ca});
    if (!server) return fail(server.error());
    grpc_ = std::move(*server);
    ports_.grpc = grpc_->port();
    return {};
  }

  Result<void> start_http() {
    auto http = telemetry::HttpServer::listen(settings_.http.host, settings_.http.port,
                                              telemetry::health_routes([this] { return ready(); }));
    if (!http) return fail(http.error());
    http_ = std::move(*http);
    ports_.http = http_->port();
    if (!settings_.metrics) return {};
    auto metrics = telemetry::HttpServer::listen(settings_.metrics->host, settings_.metrics->port,
                                                 telemetry::metrics_routes(metrics_));
    if (!metrics) return fail(metrics.error());
    metrics_http_ = std::move(*metrics);
    ports_.metrics = metrics_http_->port();
    return {};
  }

  Result<void> ready() const {
    if (end_.is_over()) return fail({Errc::unavailable, "it is ending", {}});
    if (mirror_->present() == nullptr) return fail({Errc::unavailable, "the state is not loaded yet", {}});
    if (mirror_->closed()) return fail({Errc::unavailable, "the store has ended", {}});
    return {};
  }

  struct System {
    explicit System(std::size_t threads) : config(threads), system(config) {}
    ControlConfig config;
    caf::actor_system system;
  };

  const CoordinatorSettings settings_;
  const settings::UnexpectedEnd end_;
  const telemetry::SystemClock clock_;
  telemetry::Metrics metrics_;
  std::unique_ptr<gateway::MethodMetrics> method_metrics_;
  std::shared_ptr<prometheus::Collectable> figures_;
  std::shared_ptr<prometheus::Collectable> port_figures_;
  std::unique_ptr<System> control_;
  std::unique_ptr<System> edge_;
  node_link::Ring parts_;
  std::function<door_actor()> new_door_;
  std::vector<std::pair<const char*, caf::actor>> ring_;
  std::vector<caf::actor> edge_actors_;
  std::unique_ptr<node_link::Listener> link_listener_;
  std::unique_ptr<node_link::Listener> ring_listener_;
  std::shared_ptr<gateway::Mirror> mirror_;
  std::unique_ptr<gateway::Server> grpc_;
  std::unique_ptr<telemetry::HttpServer> http_;
  std::unique_ptr<telemetry::HttpServer> metrics_http_;
  Ports ports_;
};

}  // namespace

Result<std::unique_ptr<Coordinator>> Coordinator::start(const CoordinatorSettings& settings,
                                                        std::function<void(const Error&)> on_end) {
  auto whole = std::make_unique<Whole>(settings, std::move(on_end));
  if (auto started = whole->start(); !started) return fail(started.error());
  return whole;
}

}  // namespace cloudless::coordinator
