// What is worth telling about a pull, when it has stalled, and how soon a failed one is tried again. Pure;
// image_puller.cpp asks it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

/// A pull's way, as words for the replica's status. Every change of a status is a commit of the control
/// plane, so that only large steps are told.
class PullNews {
 public:
  explicit PullNews(Millis now) : told_at_(now), moved_at_(now) {}

  /// `done` of `total` bytes are there; total 0: not known yet. "pulling, 31 of 80 MiB" when that is at least
  /// a tenth of the whole and 2 s after what was told last.
  std::optional<std::string> tell(std::int64_t done, std::int64_t total, Millis now);
  /// No byte came for so long, and some are missing.
  bool stalled(Millis limit, Millis now) const;

 private:
  Millis told_at_;
  Millis moved_at_;
  std::int64_t told_ = 0;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

/// The failures of one image's pulls in a row. Replicas that ask within the pause after one get its error,
/// so that many replicas are not many pulls.
class PullPause {
 public:
  /// 500 ms, doubled with each failure in a row, at most 30 s.
  void failed(Error error, Millis now);
  /// The error to answer with; absent: try.
  std::optional<Error> refusal(Millis now) const;

 private:
  std::uint32_t failures_ = 0;
  Millis until_ = 0;
  Error error_;
};

}  // namespace cloudless::runtime
