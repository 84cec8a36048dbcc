#include "actors/workload_state/followers.hpp"

#include <algorithm>

namespace cloudless::workload_state {
namespace {

constexpr std::size_t kMaxFollowerName = 128;
constexpr Millis kMaxFollowerLease = 60'000;

}  // namespace

void Followers::presume(const Snapshot& loaded, Millis steady) {
  presumed_.clear();
  loaded.workloads().for_each([this](const WorkloadUid&, const std::shared_ptr<const Workload>& w) {
    presumed_.insert({w->ns, w->name});
  });
  presumed_until_ = steady + kUnheard;
}

void Followers::take(const EndpointFollowing& following, Millis steady) {
  if (following.follower.empty() || following.follower.size() > kMaxFollowerName) return;
  const Name name{{following.ns, following.workload}, following.follower};
  if (following.lease <= 0) {
    followers_.erase(name);
    return;
  }
  if (followers_.size() >= kMost) expire(steady);
  const auto known = followers_.find(name);
  if (known == followers_.end() && followers_.size() >= kMost) return;
  Follower& follower = known != followers_.end() ? known->second : followers_[name];
  follower.seen = std::max(follower.seen, following.seen);
  follower.until = steady + std::min(following.lease, kMaxFollowerLease);
}

bool Followers::any(const std::string& ns, const std::string& workload, Millis steady) const {
  const QualifiedName name{ns, workload};
  if (presumed(name, steady)) return true;
  for (auto i = followers_.lower_bound({name, {}}); i != followers_.end() && i->first.first == name; ++i)
    if (i->second.until > steady) return true;
  return false;
}

bool Followers::all_have_seen(const std::string& ns, const std::string& workload, Revision revision,
                              Millis steady) const {
  const QualifiedName name{ns, workload};
  if (presumed(name, steady)) return false;
  for (auto i = followers_.lower_bound({name, {}}); i != followers_.end() && i->first.first == name; ++i)
    if (i->second.until > steady && i->second.seen < revision) return false;
  return true;
}

void Followers::expire(Millis steady) {
  std::erase_if(followers_, [steady](const auto& f) { return f.second.until <= steady; });
  if (steady >= presumed_until_) presumed_.clear();
}

std::optional<Millis> Followers::next_end(Millis steady) const {
  std::optional<Millis> out;
  if (!presumed_.empty() && presumed_until_ > steady) out = presumed_until_;
  for (const auto& [name, follower] : followers_)
    if (follower.until > steady && (!out || follower.until < *out)) out = follower.until;
  return out;
}

}  // namespace cloudless::workload_state
