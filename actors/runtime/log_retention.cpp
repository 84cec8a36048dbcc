#include "actors/runtime/log_retention.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace cloudless::runtime {
namespace {

/// "web-0123456789-3-12": the replica's part, and 12.
std::pair<std::string_view, std::uint64_t> split(const std::string& name) {
  const auto dash = name.rfind('-');
  if (dash == std::string::npos) return {name, 0};
  std::uint64_t attempt = 0;
  std::from_chars(name.data() + dash + 1, name.data() + name.size(), attempt);
  return {std::string_view(name).substr(0, dash), attempt};
}

}  // namespace

std::vector<ContainerId> expired_logs(const std::vector<LogFile>& logs, const std::set<ContainerId>& keep,
                                      std::size_t attempts, WallMillis now) {
  std::set<std::string_view> living;
  for (const auto& container : keep) living.insert(split(container.value).first);
  std::map<std::string_view, std::vector<const LogFile*>> by_replica;
  for (const auto& log : logs) by_replica[split(log.container.value).first].push_back(&log);

  std::vector<ContainerId> expired;
  std::vector<const LogFile*> rest;  // of replicas that are gone
  for (auto& [replica, all] : by_replica) {
    std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
      return split(a->container.value).second > split(b->container.value).second;
    });
    for (std::size_t n = 0; n < all.size(); ++n) {
      if (keep.contains(all[n]->container)) continue;
      const bool too_old = !living.contains(replica) && now - all[n]->written_at > kKeepLogsFor;
      if (n >= attempts || too_old)
        expired.push_back(all[n]->container);
      else if (!living.contains(replica))
        rest.push_back(all[n]);
    }
  }
  // Newest first, so that what is too much is what is oldest.
  std::sort(rest.begin(), rest.end(), [](const auto* a, const auto* b) {
    return std::tie(a->written_at, a->container) > std::tie(b->written_at, b->container);
  });
  for (std::size_t n = kLogsKept; n < rest.size(); ++n) expired.push_back(rest[n]->container);
  return expired;
}

}  // namespace cloudless::runtime
