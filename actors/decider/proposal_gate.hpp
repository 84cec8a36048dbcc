// When a decider may compute and send: one proposal is in flight, and after an answer the mirror must first
// have reached the revision it was judged at (ARCHITECTURE.md, rule 1). Pure; used by decider_shell.
#pragma once

#include <algorithm>

#include "messages/domain/ids.hpp"

namespace cloudless::decider {

class ProposalGate {
 public:
  /// Nothing is in flight and the mirror knows what the last answer knew.
  bool open(Revision mirror) const { return !in_flight_ && mirror >= wait_for_; }
  void sent(Revision seen_at) {
    in_flight_ = true;
    seen_at_ = seen_at;
  }
  /// A refusal at the view it was computed from would only be repeated: something must move first, or a sweep
  /// come.
  void answered(Revision judged_at, bool all_accepted) {
    in_flight_ = false;
    wait_for_ = all_accepted ? judged_at : std::max(judged_at, seen_at_ + 1);
  }
  /// The answer is lost: nothing is known, anything may be asked again.
  void lost() {
    in_flight_ = false;
    wait_for_ = 0;
  }
  /// From a sweep or a fresh load: do not wait for a revision any longer.
  void stop_waiting() { wait_for_ = 0; }

 private:
  bool in_flight_ = false;
  Revision seen_at_ = 0;
  Revision wait_for_ = 0;
};

}  // namespace cloudless::decider
