#include "services/host/host.hpp"

#include <spdlog/spdlog.h>

#include <random>
#include <set>
#include <utility>

#include "actors/node_link/keeper_actor.hpp"
#include "actors/node_link/transport/listener.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "actors/node_link/transport/ring_dialer.hpp"
#include "actors/node_link/transport/secret_file.hpp"
#include "messages/host.hpp"
#include "services/host/placed.hpp"

namespace cloudless::host {
namespace {

constexpr Millis kDialDeadline = 2000;

struct HostConfig : caf::actor_system_config {
  explicit HostConfig(std::shared_ptr<Placed> placed) {
    node_link::configure_network(*this);
    offer_deciders(*this, std::move(placed));
    set("scheduler.max-threads", std::size_t{2});
  }
};

host_door_actor spawn_door(caf::actor_system& system) {
  return system.spawn([](host_door_actor::pointer) -> host_door_actor::behavior_type {
    return {[](hello_atom, const std::string& who) -> caf::result<std::set<std::string>> {
      spdlog::info("host: {} is here", who);
      return decider_kinds();
    }};
  });
}

class Whole final : public Host {
 public:
  explicit Whole(HostSettings settings) : settings_(std::move(settings)) {}

  ~Whole() override {
    listener_.reset();
    if (keeper_) caf::anon_send_exit(keeper_, caf::exit_reason::user_shutdown);
    if (door_) caf::anon_send_exit(door_, caf::exit_reason::user_shutdown);
    placed_->close();
  }

  std::uint16_t port() const override { return listener_ ? listener_->port() : std::uint16_t{0}; }
  std::size_t placed() const override { return placed_->count(); }

  Result<void> start() {
    const auto secret = node_link::load_or_make_secret(settings_.secret_file);
    if (!secret) return fail(secret.error());
    if (settings_.coordinator) join(*settings_.coordinator, *secret);
    if (!settings_.listen) return {};
    door_ = spawn_door(system_);
    auto listener = node_link::Listener::open(
        system_, {settings_.listen->host, settings_.listen->port, {*secret, node_link::kHostPurpose}}, door_);
    if (!listener) return fail(listener.error());
    listener_ = std::move(*listener);
    return {};
  }

 private:
  void join(const settings::Address& ring, const std::string& secret) {
    const std::set<std::string> kinds(settings_.run.begin(), settings_.run.end());
    std::string who = "a host with";
    for (const auto& kind : kinds) who += " " + kind;
    const auto dialer = std::make_shared<node_link::RingDialer>(
        system_,
        node_link::DialOptions{ring.host, ring.port, {secret, node_link::kRingPurpose}, kDialDeadline}, who);
    node_link::KeeperOptions options;
    options.what = "the ring of " + to_string(ring);
    options.seed = std::random_device{}();
    options.find = [this, dialer, kinds](auto done) {
      dialer->join([this, kinds, done](const Result<node_link::Ring>& found) {
        if (!found) return done(fail(found.error()));
        auto group = placed_->place(system_, kinds, found->store, found->workload_state);
        if (!group.tie) return done(fail(Errc::unavailable, "shutting down"));
        done(std::move(group.tie));
      });
    };
    keeper_ = node_link::spawn_keeper(system_, std::move(options));
  }

  const HostSettings settings_;
  const std::shared_ptr<Placed> placed_ = std::make_shared<Placed>();
  HostConfig config_{placed_};
  caf::actor_system system_{config_};
  host_door_actor door_;
  std::unique_ptr<node_link::Listener> listener_;
  node_link::keeper_actor keeper_;
};

}  // namespace

Result<std::unique_ptr<Host>> Host::start(const HostSettings& settings) {
  auto whole = std::make_unique<Whole>(settings);
  if (auto started = whole->start(); !started) return fail(started.error());
  return whole;
}

}  // namespace cloudless::host
