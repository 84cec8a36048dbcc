// The files of one container's log, as they are written: "<log>", "<log>.1", ..., the one with the highest
// number being written. Keeps one open; removes those that are too many.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cloudless::logger {

class LogFiles {
 public:
  /// `most_files`: how many stay, at least 2.
  LogFiles(std::string log, std::uint32_t most_files) : log_(std::move(log)), most_files_(most_files) {}

  /// The highest number there is, 0 without any file.
  std::uint32_t newest() const;
  /// Up to the end of the last whole record: behind it may be what a crash left.
  std::uint64_t whole_size(std::uint32_t number);
  /// Writes at `offset` and cuts off what was behind. The answer is how much found space.
  std::size_t write(std::uint32_t number, std::uint64_t offset, std::string_view text);
  void cut(std::uint32_t number, std::uint64_t size);

 private:
  bool use(std::uint32_t number);
  void remove_old(std::uint32_t newest) const;

  const std::string log_;
  const std::uint32_t most_files_;
  int file_ = -1;
  std::uint32_t number_ = 0;
};

}  // namespace cloudless::logger
