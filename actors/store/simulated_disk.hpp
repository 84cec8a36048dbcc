// A disk that can lose its power: an SQLite VFS whose files live in memory, so that the same SqliteEngine
// runs on it. What was written but not synced is, at a crash, kept or lost as a seed decides. For the
// simulator and for tests; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "actors/store/simulated_file.hpp"

namespace cloudless::store {

/// What goes wrong from now on.
struct DiskFaults {
  /// Bytes that fit on the disk; what would not fit fails as on a full disk.
  std::size_t capacity = SIZE_MAX;
  /// So many operations that change the disk (write, truncate, sync, delete) succeed, all later ones fail
  /// with an I/O error: with crash() after it, power that fails in the middle of something.
  std::uint64_t operations_left = UINT64_MAX;
};

class SimulatedDisk {
 public:
  /// Registers a VFS under a name of its own.
  explicit SimulatedDisk(std::uint64_t seed);
  /// No connection may be open any more.
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  /// For SqliteOptions::vfs.
  const std::string& vfs() const;

  DiskFaults faults;

  /// The power fails and returns. Unsynced writes are kept or lost, locks are gone, faults are over, and
  /// whoever has a file open from before can only fail, without touching the disk: so crash the disk first,
  /// then end the engine.
  void crash();

  /// Operations that changed the disk so far.
  std::uint64_t operations() const { return operations_; }
  /// Of all files together.
  std::size_t used_bytes() const;

 private:
  friend struct SimulatedVfs;
  struct File {
    SimulatedFile data;
    std::map<std::uint64_t, int> locks;  // level by handle number
  };
  struct Registration;

  /// True if one more change of the disk succeeds.
  bool may_change();
  /// Makes the names in the directory durable.
  void sync_names() { unlinked_.clear(); }

  std::mt19937_64 dice_;
  std::uint64_t operations_ = 0;
  std::uint64_t boot_ = 0;  // moves with each crash
  std::uint64_t last_handle_ = 0;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<File>> unlinked_;  // deleted, but a crash may bring them back
  std::unique_ptr<Registration> registration_;
};

}  // namespace cloudless::store
