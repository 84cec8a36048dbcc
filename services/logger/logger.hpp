// The logger itself: from two pipes to the files of a log. What it decides is pure (cut, budget), what it
// must not lose is kept by positions; this ties them together in one thread.
#pragma once

#include <cstdint>
#include <string>

#include "services/logger/budget.hpp"
#include "services/logger/log_files.hpp"
#include "services/logger/positions.hpp"

namespace cloudless::logger {

inline constexpr int kOut = 3;  ///< the container's output; its errors are the next one
inline constexpr int kReady = 5;

struct Options {
  std::string log;
  std::string state_dir;
  std::uint64_t most_bytes = 10 << 20;  ///< of a file, then the next one is begun
  std::uint32_t most_files = 5;         ///< that stay
  std::uint64_t rate = 0;               ///< bytes a second in the log; more is dropped. 0: any
};

class Logger {
 public:
  explicit Logger(const Options& options);
  /// Until both streams have ended and everything is in the log.
  void run();

 private:
  int timeout();
  bool exceeded(int i);
  std::size_t receive(int i);
  void idle(int i);
  void end(int i);
  void discard(int i);
  void process(int i, CutMode mode);
  bool process_slice(int i, CutMode mode);
  void begin_journal(int i);
  void write(const Cut& cut, Intent intent);
  void carry_out(const Intent& intent, const Cut& cut);
  void rest(std::size_t received);

  const std::uint64_t most_bytes_;
  Slots slots_;
  LogFiles files_;
  Budget budget_;
  Budget reserve_[2];  // of each stream: a flood of one must not hide the few lines of the other
  Journal journals_[2];
  std::size_t pipe_bytes_ = 65536;
  bool open_[2] = {true, true};
  bool unfinished_[2] = {false, false};
  std::int64_t last_[2] = {0, 0};  // when something came, or a full disk was tried
  std::int64_t woken_ = 0;
};

}  // namespace cloudless::logger
