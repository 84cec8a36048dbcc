#include "actors/events/event_log.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::events {
namespace {

constexpr std::uint32_t kMaxLimit = 1000;

bool matches(const Event& event, const EventQuery& query) {
  return (query.ns.empty() || query.ns == event.ns) &&
         (query.workload.empty() || query.workload == event.workload) &&
         (query.node.empty() || query.node == event.node);
}

}  // namespace

void EventLog::add(std::vector<Event> events) {
  for (auto& event : events) events_.push_back(std::move(event));
  while (events_.size() > capacity_) events_.pop_front();
}

EventList EventLog::find(const EventQuery& query) const {
  const std::size_t limit = std::clamp<std::uint32_t>(query.limit, 1, kMaxLimit);
  EventList found;
  for (auto it = events_.rbegin(); it != events_.rend() && found.events.size() < limit; ++it) {
    if (it->revision <= query.after_revision) break;
    if (matches(*it, query)) found.events.push_back(*it);
  }
  std::reverse(found.events.begin(), found.events.end());
  return found;
}

}  // namespace cloudless::events
