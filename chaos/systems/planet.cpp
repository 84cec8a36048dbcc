#include "chaos/systems/planet.hpp"

#include <caf/io/basp_broker.hpp>
#include <chrono>

#include "actors/node_link/transport/network_config.hpp"

namespace cloudless::sim {
namespace {

constexpr std::size_t kMostToDrain = 100'000;

}  // namespace

struct Planet::Config : caf::actor_system_config {
  Config() {
    node_link::configure_network(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("middleman.network-backend", caf::atom("testing"));
    set("middleman.attach-utility-actors", true);
    set("middleman.manual-multiplexing", true);
    set("middleman.workers", std::size_t{0});
  }
};

Planet::Planet()
    : config_(std::make_unique<Config>()), system_(std::make_unique<caf::actor_system>(*config_)) {
  // Whatever waits for an answer that never comes ends with the process.
  system_->await_actors_before_shutdown(false);
  scheduler_ = &dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
  network_ = &dynamic_cast<caf::io::network::test_multiplexer&>(system_->middleman().backend());
}

Planet::~Planet() {
  kill();
}

caf::actor Planet::broker() {
  return system_->middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

void Planet::run(std::size_t index) {
  auto& jobs = scheduler_->jobs;
  std::swap(jobs.front(), jobs[index]);
  scheduler_->try_run_once();
}

void Planet::pass(Millis time) {
  scheduler_->advance_time(std::chrono::milliseconds{time});
}

void Planet::kill() {
  for (const auto& actor : owned_) caf::anon_send_exit(actor, caf::exit_reason::kill);
  owned_.clear();
  for (std::size_t i = 0; i < kMostToDrain; ++i)
    if (!scheduler_->try_run_once() && !network_->try_exec_runnable()) break;
  network_->pending_connects().clear();
}

}  // namespace cloudless::sim
