// Asks simulated containers for their health, in virtual time. An HTTP check of "/ready" or "/health" is
// answered as the container's template says (behaviour.hpp), every other check passes while it runs.
#pragma once

#include <set>
#include <utility>

#include "actors/runtime/probe_port.hpp"
#include "actors/runtime/simulated/post.hpp"
#include "actors/runtime/simulated/simulated_runtime.hpp"

namespace cloudless::runtime {

class SimulatedProbes final : public ProbePort {
 public:
  SimulatedProbes(const SimulatedRuntime& machine, Post post) : machine_(machine), post_(std::move(post)) {}

  GiveUp ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) override;

  /// Questions so far.
  std::uint64_t asked() const { return asked_; }
  /// It said once that it is ready.
  bool was_ready(const ContainerId& container) const { return were_ready_.contains(container); }

 private:
  const SimulatedRuntime& machine_;
  Post post_;
  std::uint64_t asked_ = 0;
  std::set<ContainerId> were_ready_;
};

}  // namespace cloudless::runtime
