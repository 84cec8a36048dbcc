#include "actors/owner/plan.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cloudless::owner {
namespace {

/// The last change of a key is the one that counts.
void merge(std::vector<Change>& into, Change change) {
  const auto same =
      std::find_if(into.begin(), into.end(), [&](const Change& c) { return c.key == change.key; });
  if (same != into.end())
    *same = std::move(change);
  else
    into.push_back(std::move(change));
}

void merge(std::vector<Precondition>& into, Precondition precondition) {
  if (std::find(into.begin(), into.end(), precondition) == into.end())
    into.push_back(std::move(precondition));
}

void merge(CommitUnit& into, CommitUnit from) {
  for (auto& change : from.changes) merge(into.changes, std::move(change));
  for (auto& precondition : from.preconditions) merge(into.preconditions, std::move(precondition));
}

}  // namespace

void Plan::put(Record record) {
  Change change = cloudless::put(std::move(record));
  now_.apply(change);
  merge(item_.changes, std::move(change));
}

void Plan::erase(const Key& key) {
  Change change = cloudless::erase(key);
  now_.apply(change);
  merge(item_.changes, std::move(change));
}

void Plan::require(Precondition precondition) {
  merge(item_.preconditions, std::move(precondition));
}

void Plan::abandon(Snapshot before) {
  now_ = std::move(before);
  item_ = {};
}

std::size_t Plan::room() const {
  const std::size_t used = units_.empty() ? 0 : units_.back().changes.size();
  return used + 2 <= kMaxUnitChanges ? kMaxUnitChanges - used : kMaxUnitChanges;
}

void Plan::seal() {
  assert(item_.changes.size() <= kMaxUnitChanges);
  CommitUnit item = std::exchange(item_, {});
  // A precondition alone protects nothing.
  if (item.changes.empty()) return;
  if (units_.empty() || units_.back().changes.size() + item.changes.size() > kMaxUnitChanges)
    units_.emplace_back();
  merge(units_.back(), std::move(item));
}

std::vector<CommitUnit> Plan::take_units() {
  seal();
  return std::exchange(units_, {});
}

}  // namespace cloudless::owner
