// What a run went through: faults, state transitions of replicas and nodes, answers to clients. Printed, so
// that a simulator which no longer reaches something is noticed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

class Coverage {
 public:
  void count(const std::string& what, std::uint64_t times = 1) { counts_[what] += times; }
  /// Transitions that the commit made.
  void see(const Snapshot& before, const Commit& commit);
  void add(const Coverage& other) {
    for (const auto& [what, times] : other.counts_) counts_[what] += times;
  }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  /// Sum of all that begin with this.
  std::uint64_t total(const std::string& prefix) const;

 private:
  void see_place(const Snapshot& before, const Replica& placed);
  void see_eviction(const Snapshot& before, const Replica& victim);

  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace cloudless::sim
