// Answers of one round of the prober's loop, on their way to those who asked. They are told together: then
// the threads that take them are woken once, not for each.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "actors/runtime/probe_port.hpp"

namespace cloudless::runtime {

class ToldAnswers {
 public:
  void add(std::function<void(ProbeAnswer)> done, ProbeAnswer answer) {
    waiting_.emplace_back(std::move(done), std::move(answer));
  }
  void tell() {
    for (auto& [done, answer] : waiting_) done(std::move(answer));
    waiting_.clear();
  }

 private:
  std::vector<std::pair<std::function<void(ProbeAnswer)>, ProbeAnswer>> waiting_;
};

}  // namespace cloudless::runtime
