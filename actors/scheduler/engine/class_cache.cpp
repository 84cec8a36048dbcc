#include "actors/scheduler/engine/class_cache.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::scheduler::engine {

ClassId ClassCache::use(ClassSpec spec) {
  if (spec.spread.own == kNoGroup) spec.spread = Spread{};
  Record wanted{std::move(spec)};
  wanted.hash = hash_of(wanted.spec);
  if (const auto known = by_spec_.find(&wanted); known != by_spec_.end()) {
    ++records_[*known]->uses;
    return *known;
  }
  ClassId id;
  if (free_ids_.empty()) {
    id = static_cast<ClassId>(records_.size());
    records_.push_back(std::make_unique<Record>());
  } else {
    id = free_ids_.back();
    free_ids_.pop_back();
  }
  *records_[id] = std::move(wanted);
  records_[id]->uses = 1;
  by_spec_.insert(id);
  return id;
}

void ClassCache::drop(ClassId id) {
  Record& record = *records_[id];
  if (--record.uses > 0) return;
  by_spec_.erase(id);
  if (record.index != kNone) free_index(record.index);
  free_ids_.push_back(id);
}

ClassIndex& ClassCache::index(ClassId id) {
  Record& record = *records_[id];
  if (record.index != kNone) {
    if (record.index != newest_) {
      unlink(record.index);
      link_newest(record.index);
    }
    return indexes_[record.index]->index;
  }
  // All indexes are about as large as the newest: they grow with the cluster.
  const std::size_t each = newest_ == kNone ? 0 : indexes_[newest_]->index.bytes();
  while (oldest_ != kNone && (indexes() + 1) * each > budget_) free_index(oldest_);
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(indexes_.size()));
    indexes_.push_back(std::make_unique<Cached>());
  }
  const std::uint32_t at = free_.back();
  free_.pop_back();
  link_newest(at);
  record.index = at;
  indexes_[at]->owner = id;
  indexes_[at]->index.begin(record.spec, house_);
  return indexes_[at]->index;
}

void ClassCache::free_index(std::uint32_t at) {
  unlink(at);
  records_[indexes_[at]->owner]->index = kNone;
  free_.push_back(at);
}

void ClassCache::unlink(std::uint32_t at) {
  Cached& cached = *indexes_[at];
  (cached.newer == kNone ? newest_ : indexes_[cached.newer]->older) = cached.older;
  (cached.older == kNone ? oldest_ : indexes_[cached.older]->newer) = cached.newer;
}

void ClassCache::link_newest(std::uint32_t at) {
  Cached& cached = *indexes_[at];
  cached.newer = kNone;
  cached.older = newest_;
  (newest_ == kNone ? oldest_ : indexes_[newest_]->newer) = at;
  newest_ = at;
}

std::size_t ClassCache::bytes() const {
  std::size_t sum = 0;
  for (const auto& cached : indexes_) sum += cached->index.bytes();
  return sum;
}

}  // namespace cloudless::scheduler::engine
