#include "chaos/simulator/stage.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::sim {

using std::chrono::milliseconds;

Stage::Stage(std::uint64_t seed, bool print_trace) : print_(print_trace), dice_(seed) {
  register_messages(config_);
  config_.set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(config_);
  // Whatever a crash left behind without a way to be told ends with the process.
  system_->await_actors_before_shutdown(false);
  scheduler_ = &dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

Stage::~Stage() {
  put_off_.clear();
  scheduler_->run(100'000);
}

Millis Stage::steady() const {
  return std::chrono::duration_cast<milliseconds>(scheduler_->clock().now().time_since_epoch()).count();
}

void Stage::after(Millis delay, std::function<void()> call) {
  put_off_.emplace(steady() + delay, std::move(call));
}

bool Stage::do_what_is_due() {
  if (put_off_.empty() || put_off_.begin()->first > steady()) return false;
  auto call = std::move(put_off_.begin()->second);
  put_off_.erase(put_off_.begin());
  call();
  return true;
}

void Stage::run_one(std::size_t index) {
  auto& jobs = scheduler_->jobs;
  std::swap(jobs.front(), jobs[index]);
  hash_.add(steps_);
  hash_.add(jobs.size());
  if (const auto* actor = dynamic_cast<caf::local_actor*>(jobs.front())) hash_.add(actor->id());
  scheduler_->try_run_once();
  ++steps_;
}

void Stage::step() {
  if (do_what_is_due()) return;
  const auto runnable = scheduler_->jobs.size();
  if (runnable > 0 && !dice_.once_in(6)) return run_one(dice_.below(runnable));
  const Millis pass = runnable > 0 ? dice_.between(0, 15) : dice_.between(1, 30);
  scheduler_->advance_time(milliseconds(pass));
  hash_.add(static_cast<std::uint64_t>(steady()));
}

void Stage::drain(std::size_t limit) {
  while (limit-- > 0 && !scheduler_->jobs.empty()) run_one(dice_.below(scheduler_->jobs.size()));
}

void Stage::note(const std::string& what) {
  hash_.add(static_cast<std::uint64_t>(steady()));
  hash_.add(what);
  if (print_)
    std::printf("%8lld ms  step %6llu  %s\n", static_cast<long long>(steady()),
                static_cast<unsigned long long>(steps_), what.c_str());
}

void Stage::broken(Breach breach) {
  note("BROKEN: " + breach.invariant + ": " + breach.what);
  if (!breach_) breach_ = std::move(breach);
}

}  // namespace cloudless::sim
