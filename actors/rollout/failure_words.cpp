#include "actors/rollout/failure_words.hpp"

#include <algorithm>

namespace cloudless::rollout {
namespace {

constexpr std::size_t kMaxReason = 1024;

std::string seconds(Millis t) {
  const std::string whole = std::to_string(t / 1000);
  return (t % 1000 == 0 ? whole : whole + "." + std::to_string(t % 1000 / 100)) + " s";
}

/// What is known of why it is not as it should be; empty: nothing.
std::string trouble_of(const Replica& r) {
  if (!r.reason.empty()) return r.reason;
  for (const auto& probe : r.probes)
    if (probe.standing != ProbeStanding::passing && !probe.failure.empty()) return probe.failure;
  if (!r.last_end.empty()) return r.last_end;
  if (r.exit_code) return "exit code " + std::to_string(*r.exit_code);
  return {};
}

std::string with_trouble(std::string what, const Replica& r) {
  const std::string trouble = trouble_of(r);
  return trouble.empty() ? what : what + ": " + trouble;
}

std::string describe(const WorkloadView& view, const Verdict& verdict, const Replica* replica) {
  const std::string stalled = "no progress for " + seconds(view.policy.progress_deadline);
  if (replica == nullptr) return stalled;
  const std::string& id = replica->id.value;
  switch (verdict.failure) {
    case Failure::never_ready:
      return with_trouble(id + " did not become ready within " +
                              seconds(view.policy.ready_timeout + view.startup_allowance) + " of running",
                          *replica);
    case Failure::ended:
      return with_trouble(id + " failed for good", *replica);
    case Failure::none:
    case Failure::deadline:
      break;
  }
  return with_trouble(stalled + "; " + id + " is " + to_string(replica->phase), *replica);
}

}  // namespace

std::string failure_words(const WorkloadView& view, const Verdict& verdict, const Replica* replica) {
  std::string words = describe(view, verdict, replica);
  if (words.size() <= kMaxReason) return words;
  std::size_t end = kMaxReason;
  // Not in the middle of a character.
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xc0) == 0x80) --end;
  words.resize(end);
  return words;
}

}  // namespace cloudless::rollout
