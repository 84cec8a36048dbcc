#include "chaos/simulator/watcher.hpp"

#include <chrono>
#include <utility>

namespace cloudless::sim {
namespace {

using namespace std::chrono_literals;

struct State {
  explicit State(follower_actor::pointer self) : self_(self) {}

  void init(Stage* stage, const Truth* truth, const source_actor& source, std::shared_ptr<const bool> alive) {
    stage_ = stage;
    truth_ = truth;
    alive_ = std::move(alive);
    self_->request(source, 30s, follow_atom::value, follower_actor{self_})
        .then(
            [this](const CommitsPublished& present) {
              if (*alive_ && !view_) load(present);
            },
            [this](const caf::error&) { broken("a follower can follow", "no answer to follow"); });
  }

  void load(const CommitsPublished& present) {
    view_ = present.after;
    if (view_->revision() > truth_->view().revision())
      broken("a commit is published when it is durable", std::to_string(view_->revision()));
  }

  void take(const CommitsPublished& batch) {
    if (!*alive_) return;
    // The reply to follow comes first; nothing is published to a follower before it.
    if (!view_)
      return broken("followers see every revision once and in order", "a batch before the reply to follow");
    if (batch.predecessor != view_->revision())
      broken("followers see every revision once and in order",
             "after " + std::to_string(view_->revision()) + " came " + std::to_string(batch.predecessor + 1));
    Snapshot mine = *view_;
    for (const auto& commit : *batch.commits) {
      if (commit.revision != mine.revision() + 1)
        broken("followers see every revision once and in order",
               "after " + std::to_string(mine.revision()) + " came " + std::to_string(commit.revision));
      if (truth_->digest(commit.revision) != digest_of(commit))
        broken("what is published is what is durable", "revision " + std::to_string(commit.revision));
      mine.apply(commit);
    }
    if (batch.after->revision() != mine.revision())
      broken("the published snapshot is the one after the batch", std::to_string(batch.after->revision()));
    for (const auto& commit : *batch.commits) compare(commit, mine, *batch.after);
    view_ = batch.after;
  }

  /// The snapshots agree on what this commit touched.
  void compare(const Commit& commit, const Snapshot& mine, const Snapshot& theirs) {
    for (const auto& change : commit.changes) {
      const bool same = mine.guard(change.key) == theirs.guard(change.key);
      const ReplicaId id{change.key.id};
      const bool same_replica =
          change.key.kind != RecordKind::replica || mine.replica(id) == theirs.replica(id);
      if (!same || !same_replica) broken("the published snapshot is the one after the batch", change.key.id);
    }
  }

  void broken(std::string invariant, std::string what) {
    if (*alive_) stage_->broken({std::move(invariant), std::move(what)});
  }

  follower_actor::pointer self_;
  Stage* stage_ = nullptr;
  const Truth* truth_ = nullptr;
  std::shared_ptr<const bool> alive_;
  SnapshotPtr view_;
};

}  // namespace

follower_actor spawn_watcher(Stage& stage, const Truth& truth, source_actor source,
                             std::shared_ptr<const bool> alive) {
  return stage.system().spawn(
      [&stage, &truth, source = std::move(source), alive = std::move(alive)](
          follower_actor::stateful_pointer<State> self) -> follower_actor::behavior_type {
        self->state.init(&stage, &truth, source, alive);
        return {[self](const CommitsPublished& batch) { self->state.take(batch); }};
      });
}

}  // namespace cloudless::sim
