// Containers' logs, simulated: what was written with `write` is read back, with follow and under credit, in
// virtual time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors/runtime/log_store.hpp"
#include "actors/runtime/simulated/post.hpp"

namespace cloudless::runtime {

class SimulatedLogs final : public LogStore {
 public:
  explicit SimulatedLogs(Post post) : post_(std::move(post)) {}

  std::unique_ptr<LogReading> open(LogRequest request, std::function<void(LogBatch)> deliver) override;

  /// A container writes a line; who follows it is woken.
  void write(const ContainerId& container, std::string line, std::int64_t time_nanos = 0);

 private:
  class Reading;

  Post post_;
  std::map<ContainerId, std::vector<LogLine>> lines_;
  std::vector<std::weak_ptr<Reading>> readings_;
};

}  // namespace cloudless::runtime
