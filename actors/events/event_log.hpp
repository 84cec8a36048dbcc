// The newest events, in order, and the search in them. Pure; owned by the events actor.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "messages/domain/event.hpp"

namespace cloudless::events {

class EventLog {
 public:
  explicit EventLog(std::size_t capacity) : capacity_(capacity) {}
  /// The oldest are dropped beyond the capacity.
  void add(std::vector<Event> events);
  /// The newest `limit` (1-1000) that match, newest last.
  EventList find(const EventQuery& query) const;
  std::size_t size() const { return events_.size(); }

 private:
  std::size_t capacity_;
  std::deque<Event> events_;
};

}  // namespace cloudless::events
