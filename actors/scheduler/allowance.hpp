// How many replicas each workload may lose now: what its availability leaves above its floor, as its owner
// judges it (actors/workload_state/budget). Pure. Counting is put off until somebody wants a victim of the
// workload; before that it is known only that it is no more than so many.
#pragma once

#include <cstdint>
#include <map>

#include "actors/scheduler/model.hpp"

namespace cloudless::scheduler {

/// Ignored: to say what could be done if it were not for the floors.
enum class Floors { respected, ignored };

class Allowance {
 public:
  /// The model must outlive it, and its records must not change meanwhile. `now`: store time.
  Allowance(const Model& model, Millis now, Floors floors) : model_(model), now_(now), floors_(floors) {}

  /// Stopping it takes one from what its workload may lose; others may always be stopped.
  bool counts(const Tenant& tenant) const;
  /// How many that count its workload may lose: at most so many, and exactly once it is confirmed.
  std::uint32_t left(const Tenant& tenant);
  /// False: it is fewer than left() said before.
  bool confirm(const Tenant& tenant);
  /// It has been told to stop.
  void take(const Tenant& tenant);
  /// It is not told to stop after all.
  void give_back(const Tenant& tenant);

 private:
  struct Entry {
    std::uint32_t left = 0;
    bool is_exact = false;
  };
  Entry& entry_of(const Tenant& tenant);

  const Model& model_;
  Millis now_;
  Floors floors_;
  std::map<const WorkloadView*, Entry> entries_;
};

}  // namespace cloudless::scheduler
