// Progress in a terminal: a few lines that are drawn over themselves; where there is no terminal, a line
// each time something new is to be said.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "services/cloudlessctl/context.hpp"

namespace cloudless::cli {

class Drawing {
 public:
  explicit Drawing(Terminal& terminal) : terminal_(terminal) {}
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;

  /// Lines are drawn, not said.
  bool draws() const { return terminal_.err_is_terminal; }
  /// Of the terminal, now.
  std::size_t width() const;
  /// Over what was drawn before.
  void draw(const std::vector<std::string>& lines);
  /// What is drawn stays, the next is drawn below.
  void keep() { drawn_ = 0; }
  /// Unless it says the same as the line before, durations left aside.
  void say(const std::string& line);

 private:
  Terminal& terminal_;
  std::size_t drawn_ = 0;
  std::string last_;
};

}  // namespace cloudless::cli
