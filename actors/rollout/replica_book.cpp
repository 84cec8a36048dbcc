#include "actors/rollout/replica_book.hpp"

#include <algorithm>

namespace cloudless::rollout {

void ReplicaBook::refresh(const Snapshot& after, const ReplicaSlot& slot) {
  const auto known = known_.find(slot.workload);
  if (known == known_.end()) return;
  auto& [facts, records] = known->second.replicas;
  const auto fact =
      std::lower_bound(facts.begin(), facts.end(), slot.ordinal,
                       [](const ReplicaFact& f, std::uint64_t ordinal) { return f.ordinal < ordinal; });
  const auto record = records.begin() + (fact - facts.begin());
  const bool is_known = fact != facts.end() && fact->ordinal == slot.ordinal;
  const auto* now = after.replicas().find(slot);
  if (now == nullptr) {
    // Taken out later, all at once: most of those that go are the oldest.
    if (is_known && *record != nullptr) {
      *record = nullptr;
      ++known->second.gone;
    }
    return;
  }
  if (is_known) {
    if (*record == nullptr) --known->second.gone;
    *fact = fact_of(after, **now);
    *record = now->get();
  } else {
    records.insert(record, now->get());
    facts.insert(fact, fact_of(after, **now));
  }
}

ReplicaFacts& ReplicaBook::of(const Snapshot& snapshot, const WorkloadUid& workload) {
  const auto [page, is_new] = known_.try_emplace(workload);
  if (is_new) page->second.replicas = replicas_of(snapshot, workload);
  tidy(page->second);
  return page->second.replicas;
}

void ReplicaBook::tidy(Page& page) {
  if (page.gone == 0) return;
  auto& [facts, records] = page.replicas;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (records[i] == nullptr) continue;
    facts[kept] = facts[i];
    records[kept++] = records[i];
  }
  facts.resize(kept);
  records.resize(kept);
  page.gone = 0;
}

}  // namespace cloudless::rollout
