// Why a rollout failed, in words for people.
#pragma once

#include <string>

#include "actors/rollout/step.hpp"

namespace cloudless::rollout {

/// "web-7f3c-4 did not become ready within 60 s: HTTP 503 from /ready". `replica` is verdict.replica's
/// record, nullptr if there is none. At most 1024 bytes.
std::string failure_words(const WorkloadView& view, const Verdict& verdict, const Replica* replica);

}  // namespace cloudless::rollout
