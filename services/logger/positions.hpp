// What a logger must not lose when it is killed at any instruction: bytes that left the container's pipe and
// are not in the log yet, and how far the log goes. All of it lives in files of a state folder: bytes move
// from the pipe into a journal file inside the kernel (splice), so that they are always in the one or the
// other, and positions are committed in one of two slots of a shared mapping. What is about to be written to
// the log is committed before, as an intent, and a logger started later carries it out to the byte: nothing
// is lost, nothing is written twice, and what a reader of the log saw is never taken back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/logger/cut.hpp"

namespace cloudless::logger {

/// Records of one stream that go to the log at this place: made again, they are the same.
struct Intent {
  std::uint32_t active = 0;
  std::uint32_t stream = 0;
  std::uint32_t mode = 0;    ///< a CutMode
  std::uint32_t file = 0;    ///< number of the log's file
  std::uint64_t offset = 0;  ///< in it
  std::uint64_t bytes = 0;   ///< of the journal, from `processed` on
  std::int64_t time_nanos = 0;
};

struct State {
  std::uint64_t sequence = 0;  ///< the slot with the higher one counts
  std::uint64_t log_size = 0;  ///< of the file that is written
  std::uint32_t file = 0;      ///< its number
  std::uint32_t padding = 0;
  StreamState streams[2];
  Intent intent;
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
  /// Which of the two files is in use. Before anything else, and whenever it changes.
  void use(std::uint32_t which);
  /// Moves what the pipe holds, at most `limit` bytes, to the end.
  Taken take_from(int pipe, std::size_t limit);
  std::uint64_t size() const { return size_; }
  /// At most `limit` bytes from `processed` on, at least one if there is any. Valid until the next call.
  std::string_view pending(std::uint64_t processed, std::size_t limit);
  /// Copies the bytes from `processed` on to the beginning of the other file. False if there is no space for
  /// them.
  bool carry_over(std::uint64_t processed);
  /// Empties the file that is not in use.
  void clear_other();

 private:
  void read(std::uint64_t from, std::uint64_t length);

  int files_[2];
  std::uint32_t which_ = 0;
  std::uint64_t size_ = 0;
  std::string buffer_;             ///< what was read of the file
  std::uint64_t buffer_at_ = 0;    ///< where it begins there
  std::uint64_t buffer_size_ = 0;  ///< how much of it counts
};

/// A lock and our process number in <dir>/pid, for the agent to find us; held as long as this process lives.
void claim(const std::string& dir);
/// Removes the folder: the streams ended and everything is in the log.
void leave(const std::string& dir);

}  // namespace cloudless::logger
