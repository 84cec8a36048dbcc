// What a logger must not lose when it is killed at any instruction: bytes that left the container's pipe and
// are not in the log yet, and how far the log goes. All of it lives in files of a state folder: bytes move
// from the pipe into a journal file inside the kernel (splice), so that they are always in the one or the
// other, and positions are committed in one of two slots of a shared mapping. A logger started later goes on
// from there: nothing is lost, nothing is written twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cloudless::logger {

/// Positions of one stream (stdout or stderr).
struct StreamState {
  std::uint32_t journal = 0;    ///< which of its two journal files is in use
  std::uint32_t in_line = 0;    ///< 1: the last piece written was partial
  std::uint64_t processed = 0;  ///< bytes of the journal that are in the log
  std::uint64_t dropped = 0;    ///< pieces that found no space and are not accounted for in the log yet
};

struct State {
  std::uint64_t sequence = 0;  ///< the slot with the higher one counts
  std::uint64_t log_size =
      0;  ///< what is beyond was written by someone who was killed before he could say so
  StreamState streams[2];
};

/// The two slots. Without a usable folder (full, read-only) they are kept in memory: then only a kill loses
/// bytes.
class Slots {
 public:
  explicit Slots(const std::string& dir);
  const State& state() const { return state_; }
  bool fresh() const { return state_.sequence == 0; }
  void commit(State next);

 private:
  State* slots_ = nullptr;
  State state_;
};

enum class Taken { some, nothing, end, no_space };

/// Bytes of one stream between pipe and log.
class Journal {
 public:
  Journal(const std::string& dir, const char* stream);
  /// Moves what the pipe holds behind the bytes of journal `which`, at most 64 KiB.
  Taken take_from(int pipe, std::uint32_t which);
  /// The bytes from `processed` on. Valid until the next call.
  std::string_view pending(std::uint32_t which, std::uint64_t processed);
  /// Copies the bytes from `processed` on to the beginning of the other journal. False if there is no space
  /// for them.
  bool carry_over(std::uint32_t which, std::uint64_t processed);
  void clear(std::uint32_t which);

 private:
  int files_[2];
  std::string buffer_;
};

/// A lock and our process number in <dir>/pid, for the agent to find us; held as long as this process lives.
void claim(const std::string& dir);
/// Removes the folder: the streams ended and everything is in the log.
void leave(const std::string& dir);

}  // namespace cloudless::logger
