#include "actors/node_link/session_window.hpp"

#include <algorithm>

namespace cloudless::node_link {

bool SessionWindow::push(std::string frame) {
  if (waiting_bytes_ + frame.size() > backlog_) return false;
  waiting_bytes_ += frame.size();
  waiting_.push_back(std::move(frame));
  return true;
}

std::optional<std::string> SessionWindow::pop() {
  // One frame may always go, however long it is.
  if (waiting_.empty() || (in_flight_ > 0 && in_flight_ + waiting_.front().size() > limit_))
    return std::nullopt;
  auto frame = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= frame.size();
  in_flight_ += frame.size();
  return frame;
}

void SessionWindow::acknowledged(std::size_t bytes) {
  in_flight_ -= std::min(bytes, in_flight_);
}

void SessionWindow::clear() {
  in_flight_ = 0;
  waiting_bytes_ = 0;
  waiting_.clear();
}

}  // namespace cloudless::node_link
