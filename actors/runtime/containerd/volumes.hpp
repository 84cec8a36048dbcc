// What replicas keep on this node outside of their containers: volumes, files from the spec, and writable
// layers with a limit, in one folder per replica below the agent's. They are there before the container, stay
// over its restarts, and go with the replica, also when an agent died in between: whatever the folder holds
// that nobody names is removed by the next sweep. Blocking; thread-safe.
//
//   <folder>/<replica>/volumes/<name>   a directory, or what is mounted there (memory, host path, image)
//   <folder>/<replica>/files/<index>
//   <folder>/.layers/<container>/layer  upper and work directory of a limited writable layer
//   <folder>/.trash/<n>                 replicas on their way out
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "actors/runtime/containerd/disk_limit.hpp"
#include "actors/runtime/containerd/volume_plan.hpp"

namespace cloudless::runtime {

/// Whom files from the spec belong to: the user the container runs as.
struct FileOwner {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
};

class Volumes {
 public:
  /// `folder` absolute; made when it is needed.
  Volumes(std::string folder, DiskLimitMeans means);

  /// These are about to be used: sweeps that began earlier leave them alone.
  void claim(const ReplicaId& replica, const ContainerId& container);

  std::string folder_of(const ReplicaId& replica) const;
  /// Carries a plan out; what is there already stays, host paths and files are renewed. FAILED_PRECONDITION
  /// with the reason if this node cannot, UNAVAILABLE if the disk is full.
  Result<Nothing> make(const VolumePlan& plan, FileOwner owner);
  /// Makes a limited writable layer in place of the snapshot's own and returns the mount options with it.
  Result<std::vector<std::string>> make_layer(const ContainerId& container, std::int64_t bytes,
                                              const std::vector<std::string>& options);
  Result<Nothing> remove_layer(const ContainerId& container);

  /// Number of a sweep that begins now: to be taken before it is found out what is to be kept.
  std::uint64_t begin_sweep();
  /// False: a sweep would find nothing.
  bool hold_anything() const;
  /// Removes what belongs to neither these replicas nor these containers. What cannot be removed is left for
  /// the next sweep, and told.
  Result<Nothing> sweep(std::uint64_t number, const std::set<ReplicaId>& replicas,
                        const std::set<ContainerId>& containers);

 private:
  Result<Nothing> make_volume(const std::string& place, const EmptyDir& source);
  Result<Nothing> make_volume(const std::string& place, const GrantedHostPath& source);
  bool is_claimed_since(const std::string& name, std::uint64_t number) const;
  Result<Nothing> retire(const std::string& replica, std::uint64_t number);
  Result<Nothing> empty_trash();

  const std::string folder_;
  const DiskLimitMeans means_;

  mutable std::mutex mutex_;
  std::uint64_t sweeps_ = 0;
  std::uint64_t retired_ = 0;
  std::map<std::string, std::uint64_t> claims_;  ///< replica or container to the last sweep begun before

  std::mutex sweep_mutex_;  ///< one sweep at a time
};

}  // namespace cloudless::runtime
