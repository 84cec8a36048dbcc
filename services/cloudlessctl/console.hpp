// The process's terminal while a command in a container has it: raw mode, its size, and news of it. Raw mode
// is given back whatever ends the process, SIGKILL excepted.
#pragma once

#include <optional>
#include <string>

#include "cloudless/api/stream.pb.h"

namespace cloudless::cli {

/// Every key goes through as it is, from now until the destructor. One at a time.
class RawMode {
 public:
  /// Nothing happens if it is not a terminal.
  explicit RawMode(int terminal);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
};

/// A byte can be read from `event` when the terminal's size changed ('w'), or when somebody told it something
/// else.
class ConsoleNews {
 public:
  ConsoleNews();
  ~ConsoleNews();
  ConsoleNews(const ConsoleNews&) = delete;
  ConsoleNews& operator=(const ConsoleNews&) = delete;
  int event() const { return ends_[0]; }
  void tell(char what) const;
  /// The next byte; 0 if there is none.
  char take() const;

 private:
  int ends_[2] = {-1, -1};
};

/// Absent if it is not a terminal, or has no size.
std::optional<api::WindowSize> window_of(int terminal);

/// Writes all of it, waiting for a reader as long as it takes. False if nobody reads any more.
bool write_all(int descriptor, const std::string& bytes);

}  // namespace cloudless::cli
