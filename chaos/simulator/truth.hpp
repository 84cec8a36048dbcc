// What is durable: it stands between the store and its engine, sees every commit at the moment the disk has
// it, and after a crash compares what the disk gives back. Everything else in a run is judged against it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "actors/store/engine.hpp"
#include "chaos/simulator/breach.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

class Truth {
 public:
  /// Called for every commit, at the moment it is durable.
  using OnCommit = std::function<void(const Snapshot& before, const Commit&, const Snapshot& after)>;
  using OnBreach = std::function<void(Breach)>;

  Truth(OnCommit on_commit, OnBreach on_breach)
      : on_commit_(std::move(on_commit)), on_breach_(std::move(on_breach)) {}

  const Snapshot& view() const { return view_; }
  /// A number that stands for the content of a commit; 0 if there is none of that revision.
  std::uint64_t digest(Revision revision) const;

  /// An engine that reports to this. Dead once `alive` is false: then it answers UNAVAILABLE and touches
  /// nothing.
  std::unique_ptr<store::Engine> observe(std::unique_ptr<store::Engine> engine,
                                         std::shared_ptr<const bool> alive);

 private:
  friend class ObservedEngine;
  void committed(const std::vector<store::EncodedCommit>& batch);
  /// The engine failed in the middle of it: the next load shows whether it is there.
  void in_doubt(const std::vector<store::EncodedCommit>& batch) { in_doubt_ = batch; }
  void loaded(const store::StoredState& state);

  OnCommit on_commit_;
  OnBreach on_breach_;
  Snapshot view_;
  std::map<Key, std::string> rows_;  // as the disk should have them, without kinds that expire
  std::vector<std::uint64_t> digests_;
  std::vector<store::EncodedCommit> in_doubt_;
};

/// As Truth::digest counts.
std::uint64_t digest_of(const Commit& commit);

}  // namespace cloudless::sim
