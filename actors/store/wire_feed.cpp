#include "actors/store/wire_feed.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "messages/codec/frames.hpp"

namespace cloudless::store {
namespace {

// Small enough that one message stays far below what a follower accepts (64 MiB).
constexpr std::size_t kCommitsPerMessage = 16;
constexpr std::size_t kRecordsPerPart = 64;

void drop_idempotency_rows(std::vector<Commit>& commits) {
  for (auto& commit : commits)
    std::erase_if(commit.changes, [](const Change& c) { return c.key.kind == RecordKind::idempotency; });
}

}  // namespace

std::vector<std::string> WireFeed::take(const History& history, const SnapshotPtr& published) {
  std::vector<std::string> out;
  for (;;) {
    if (frames_.empty() && !prepare(history, published)) return out;
    while (!frames_.empty()) {
      if (frames_.front().size() > credit_) return out;
      credit_ -= frames_.front().size();
      out.push_back(std::move(frames_.front()));
      frames_.pop_front();
    }
  }
}

bool WireFeed::prepare(const History& history, const SnapshotPtr& published) {
  if (load_) {
    prepare_part();
    return true;
  }
  if (position_ == published->revision()) return false;
  auto commits = position_ != 0 ? history.after(position_, kCommitsPerMessage) : fail(Errc::out_of_range, "");
  if (!commits) {
    load_ = Load{published, published->records(), 0, 0};
    prepare_part();
    return true;
  }
  WireCommits message{position_, std::move(*commits)};
  position_ = message.commits.back().revision;
  drop_idempotency_rows(message.commits);
  std::ranges::move(codec::cut(std::move(message), next_sequence_), std::back_inserter(frames_));
  return true;
}

void WireFeed::prepare_part() {
  const auto end = std::min(load_->sent + kRecordsPerPart, load_->records.size());
  WireSnapshotPart part{load_->snapshot->revision(), load_->part++, end == load_->records.size(), {}};
  part.records.assign(load_->records.begin() + static_cast<std::ptrdiff_t>(load_->sent),
                      load_->records.begin() + static_cast<std::ptrdiff_t>(end));
  load_->sent = end;
  if (part.last) {
    position_ = part.revision;
    load_.reset();
  }
  std::ranges::move(codec::cut(std::move(part), next_sequence_), std::back_inserter(frames_));
}

}  // namespace cloudless::store
