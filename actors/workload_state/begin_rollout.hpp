// Making another version current: the records that a rollout begins with, in one atomic unit with the
// workload. Used by commands and by proposals that go back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/owner/plan.hpp"
#include "actors/workload_state/stamp.hpp"
#include "messages/domain/rollout.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::workload_state {

/// The newest rollout of the workload; nullptr if there is none.
std::shared_ptr<const Rollout> newest_rollout(const Snapshot& now, const Workload& workload);

/// It replaces versions with a few replicas first; see RolloutPolicy::canary.
bool has_canary(const Workload& workload, const Rollout& rollout);

/// `workload` has its new version already: notes its rollout there, and plans the rollout's record and the
/// end of the one before. The workload itself is put by the caller, in the same item.
void begin_rollout(owner::Plan& plan, Workload& workload, RolloutCause cause, std::uint64_t from_version,
                   const std::string& by, const Stamp& stamp);

/// The same template, or the changed one, of `workload` under the next number.
void begin_next_version(owner::Plan& plan, Workload& workload, RolloutCause cause, const std::string& by,
                        const Stamp& stamp);

/// Goes back to a version that exists: its template and its number are the current ones again. Limits stay as
/// they are, but never below what that version requests.
void go_back(owner::Plan& plan, Workload& workload, const Version& to, RolloutCause cause,
             const std::string& by, const Stamp& stamp);

/// Where to go back to from the current version (last_good_version). nullptr: there is none.
std::shared_ptr<const Version> way_back(const Snapshot& now, const Workload& workload);

/// It is written now by the owner of this workload.
void put_rollout(owner::Plan& plan, Rollout rollout, const Stamp& stamp);

}  // namespace cloudless::workload_state
