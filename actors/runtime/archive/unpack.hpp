// A tar stream as a file or a directory. Used by the agent, which writes into containers, and by
// cloudlessctl, which writes what a container sent. Whatever the archive says, nothing is written but below
// the directory given, links in it are never followed, and a file appears whole or not at all.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

struct UnpackDoors {
  /// Fills the buffer, and says how much of it: 0 at the stream's end, absent to give up (CANCELLED).
  std::function<std::optional<std::size_t>(char* buffer, std::size_t size)> read;
  /// What is left out and why, in words.
  std::function<void(const std::string&)> warn;
};

struct UnpackOptions {
  /// What the archive's one file or directory is called here; empty: as in the archive.
  std::string name;
  /// Whom everything belongs to; absent: whoever writes it.
  std::optional<std::pair<uid_t, gid_t>> owner;
  /// Links that lead out of what is copied are left out, not made.
  bool links_stay_inside = false;
};

struct UnpackTotals {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t left_out = 0;
};

/// `base`: a descriptor of the directory to write to. Modes are kept, without set-user-id, set-group-id and
/// sticky. INVALID_ARGUMENT for what is no tar archive, names that leave it, several things at its top, and
/// what is neither file nor directory nor symbolic link; FAILED_PRECONDITION for what cannot be written.
Result<UnpackTotals> unpack(int base, const UnpackOptions& options, const UnpackDoors& doors);

/// openat2 below `directory`, links and all, as if it were the root: for paths in containers. A closed
/// descriptor with errno set if there is no such thing.
int open_in_root(int directory, const std::string& path, int flags);

}  // namespace cloudless::runtime
