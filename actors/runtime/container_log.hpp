// The files of one container's log, for reading: "<container>.log", "<container>.log.1", ... Each is final
// once the next one exists; old ones go, also while they are read. One file is open at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

/// A position in all of a log's files together, as LogPosition has it.
std::uint64_t log_position(std::uint32_t file, std::uint64_t offset);
struct FilePlace {
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
};
FilePlace file_place(std::uint64_t position);

/// Lines of one stream and the other.
struct LineCounts {
  std::uint64_t out = 0;
  std::uint64_t err = 0;
};

class ContainerLog {
 public:
  ContainerLog(std::string dir, const ContainerId& container);
  ~ContainerLog();
  ContainerLog(const ContainerLog&) = delete;
  ContainerLog& operator=(const ContainerLog&) = delete;

  /// Numbers of the files that are there, ascending.
  std::vector<std::uint32_t> numbers() const;
  /// Instead of the one that is open. False: it is not there, and none is open.
  bool open(std::uint32_t number);
  bool is_open() const { return file_ >= 0; }
  std::uint32_t number() const { return number_; }
  std::string path() const;
  bool exists(std::uint32_t number) const;

  // Of the open file.
  std::uint64_t size() const;
  WallMillis written_at() const;
  /// What is there of `length` bytes.
  std::string read(std::uint64_t offset, std::size_t length) const;
  /// The file has been removed, and with it perhaps the ones after it.
  bool removed() const;
  /// Lines of the log up to the end of this file, dropped ones too. Reads all of it.
  LineCounts lines_to_end() const;
  /// Lines of the log before this file.
  LineCounts lines_before() const;

 private:
  const std::string dir_;
  const std::string name_;
  int file_ = -1;
  std::uint32_t number_ = 0;
};

}  // namespace cloudless::runtime
