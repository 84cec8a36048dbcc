#include "actors/store/mirror_state.hpp"

#include <string>
#include <utility>
#include <variant>

namespace cloudless::store {

void MirrorState::restart() {
  joiner_ = {};
  loading_.reset();
  next_part_ = 0;
}

Result<std::optional<MirrorState::Step>> MirrorState::take(std::string_view frame) {
  WireMessage message;
  const auto complete = joiner_.take(frame, message);
  if (!complete) return fail(complete.error());
  if (!*complete) return std::optional<Step>{};
  return std::visit([this](auto& body) { return take(std::move(body)); }, message);
}

Result<std::optional<MirrorState::Step>> MirrorState::take(WireCommits message) {
  if (!snapshot_ || loading_ || message.predecessor != snapshot_->revision())
    return fail(Errc::data_loss, "commits after revision " + std::to_string(message.predecessor) +
                                     " came, but this mirror is at " + std::to_string(position()));
  Snapshot next = *snapshot_;
  for (const auto& commit : message.commits) next.apply(commit);
  Step step{message.predecessor, std::make_shared<const std::vector<Commit>>(std::move(message.commits)),
            std::make_shared<const Snapshot>(std::move(next))};
  snapshot_ = step.after;
  return std::optional<Step>(std::move(step));
}

Result<std::optional<MirrorState::Step>> MirrorState::take(WireSnapshotPart part) {
  if (part.index == 0) {
    loading_.emplace();
    next_part_ = 0;
  }
  if (!loading_ || part.index != next_part_)
    return fail(Errc::data_loss, "part " + std::to_string(next_part_) + " of a snapshot is missing");
  ++next_part_;
  for (auto& record : part.records) loading_->apply(put(std::move(record)));
  if (!part.last) return std::optional<Step>{};
  loading_->set_revision(part.revision);
  snapshot_ = std::make_shared<const Snapshot>(std::move(*loading_));
  loading_.reset();
  return std::optional<Step>(Step{kReloaded, std::make_shared<const std::vector<Commit>>(), snapshot_});
}

}  // namespace cloudless::store
