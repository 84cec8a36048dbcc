// A file or a directory as a tar stream (GNU's format, names as they are). Used by the agent, which reads
// containers that it does not trust, and by cloudlessctl. Never follows a link below where it begins.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

struct PackDoors {
  /// The stream's next bytes; false stops (CANCELLED).
  std::function<bool(std::string_view)> write;
  /// What is left out and why, in words.
  std::function<void(const std::string&)> warn;
};

struct PackTotals {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t left_out = 0;
};

/// `item`: a descriptor of the file or directory, O_PATH is enough. `name`: what it is called in the archive,
/// without a slash. Files, directories and symbolic links are packed with their modes and times; what is
/// neither is left out. FAILED_PRECONDITION if the item itself is neither, or cannot be read; ABORTED if a
/// file shrinks meanwhile.
Result<PackTotals> pack(int item, const std::string& name, const PackDoors& doors);

/// How many bytes the files below `item` have now, for progress.
std::uint64_t bytes_below(int item);

}  // namespace cloudless::runtime
