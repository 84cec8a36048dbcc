#include "services/gateway/gateway_process.hpp"

#include <caf/io/all.hpp>
#include <utility>

#include "actors/node_link/transport/network_config.hpp"
#include "actors/node_link/transport/secret_file.hpp"
#include "actors/store/mirror_actor.hpp"
#include "gateway/cluster_figures.hpp"
#include "gateway/mirror_feed.hpp"
#include "gateway/server.hpp"
#include "services/gateway/ring_connection.hpp"
#include "services/settings/unexpected_end.hpp"
#include "telemetry/http_server.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/routes.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::gateway {
namespace {

struct Config : caf::actor_system_config {
  Config() {
    node_link::configure_network(*this);
    register_gateway(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

class Whole final : public GatewayProcess {
 public:
  Whole(const GatewaySettings& settings, std::function<void(const Error&)> on_end)
      : settings_(settings), end_(std::move(on_end)), system_(config_) {}

  ~Whole() override {
    end_.expect();
    http_.reset();
    metrics_http_.reset();
    if (mirror_) mirror_->close();
    grpc_.reset();
    caf::anon_send_exit(feed_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(source_, caf::exit_reason::user_shutdown);
    feed_ = nullptr;
    source_ = nullptr;
    connection_.reset();
  }

  Ports ports() const override { return ports_; }

  Result<void> start() {
    const auto secret = node_link::load_secret(settings_.secret_file);
    if (!secret) return fail(secret.error());
    connection_ = std::make_unique<RingConnection>(
        system_,
        node_link::DialOptions{
            settings_.coordinator.host, settings_.coordinator.port, {*secret, node_link::kRingPurpose}},
        "gateway at " + to_string(settings_.grpc));
    MirrorOptions options;
    options.find_store = [connection = connection_.get()](std::function<void(Result<store_actor>)> done) {
      connection->find_store(std::move(done));
    };
    source_ = spawn_mirror(system_, std::move(options));
    mirror_ = std::make_shared<Mirror>(
        History::Limits{settings_.watch_keep_for, static_cast<std::size_t>(settings_.watch_keep_changes)});
    feed_ = spawn_mirror_feed(system_, source_, mirror_, clock_);
    end_.watch("the mirror", feed_);
    if (auto served = serve_api(); !served) return served;
    return serve_http();
  }

 private:
  Result<void> serve_api() {
    const auto tls = settings::load("grpc", settings_.tls);
    if (!tls) return fail(tls.error());
    method_metrics_ = std::make_unique<MethodMetrics>(metrics_.registry());
    figures_ = cluster_figures(mirror_);
    metrics_.add(figures_);
    auto server = Server::start({system_, mirror_, connection_->owners(), clock_, *method_metrics_,
                                 settings::usual_scoring(settings_.scoring)},
                                {to_string(settings_.grpc), tls->certificate, tls->key, tls->client_ca});
    if (!server) return fail(server.error());
    grpc_ = std::move(*server);
    ports_.grpc = grpc_->port();
    return {};
  }

  Result<void> serve_http() {
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
    if (mirror_->present() == nullptr) return fail({Errc::unavailable, "the state is not loaded yet", {}});
    if (!connection_->connected()) return fail({Errc::unavailable, "the coordinator is away", {}});
    return {};
  }

  const GatewaySettings settings_;
  const settings::UnexpectedEnd end_;
  const telemetry::SystemClock clock_;
  telemetry::Metrics metrics_;
  std::unique_ptr<MethodMetrics> method_metrics_;
  std::shared_ptr<prometheus::Collectable> figures_;
  Config config_;
  caf::actor_system system_;
  std::unique_ptr<RingConnection> connection_;
  source_actor source_;
  follower_actor feed_;
  std::shared_ptr<Mirror> mirror_;
  std::unique_ptr<Server> grpc_;
  std::unique_ptr<telemetry::HttpServer> http_;
  std::unique_ptr<telemetry::HttpServer> metrics_http_;
  Ports ports_;
};

}  // namespace

Result<std::unique_ptr<GatewayProcess>> GatewayProcess::start(const GatewaySettings& settings,
                                                              std::function<void(const Error&)> on_end) {
  auto whole = std::make_unique<Whole>(settings, std::move(on_end));
  if (auto started = whole->start(); !started) return fail(started.error());
  return whole;
}

}  // namespace cloudless::gateway
