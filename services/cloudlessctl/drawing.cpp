#include "services/cloudlessctl/drawing.hpp"

#include <ostream>

#include "services/cloudlessctl/console.hpp"
#include "services/cloudlessctl/rollout_view.hpp"

namespace cloudless::cli {

std::size_t Drawing::width() const {
  constexpr std::size_t kUsual = 100;
  const auto window = window_of(terminal_.err_fd);
  return window ? window->columns() : kUsual;
}

void Drawing::draw(const std::vector<std::string>& lines) {
  auto& err = terminal_.err;
  if (drawn_ > 0) err << "\033[" << drawn_ << "A";
  for (const auto& line : lines) err << "\r\033[K" << line << "\n";
  // What was drawn below goes.
  err << "\033[J" << std::flush;
  drawn_ = lines.size();
}

void Drawing::say(const std::string& line) {
  auto key = key_of_line(line);
  if (key == last_) return;
  last_ = std::move(key);
  terminal_.err << line << "\n" << std::flush;
}

}  // namespace cloudless::cli
