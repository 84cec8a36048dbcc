// The life of a container in containerd, step by step: record, snapshot and network, task, start; and down
// again, task always before record, because a task without a record cannot be reached any more. Blocking;
// thread-safe. What belongs to whom is written into labels, so a restarted agent finds everything again;
// nothing is kept on disk here.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/runtime/cgroups/node_groups.hpp"
#include "actors/runtime/cgroups/quick_moves.hpp"
#include "actors/runtime/containerd/account_reader.hpp"
#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/confinement.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/logger_keeper.hpp"
#include "actors/runtime/containerd/replica_network.hpp"
#include "actors/runtime/containerd/volumes.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

class Containers {
 public:
  Containers(Client& client, Images& images, LoggerKeeper& loggers, Volumes& volumes, ReplicaNetwork& network,
             QuickMoves& moves, const ContainerdOptions& options);

  /// As in RuntimePort. What is returned does the work; starts and removals of this container that are asked
  /// for from here on wait for it, so it is to be run before them.
  std::shared_ptr<std::packaged_task<void()>> expect(ContainerRequest request);
  /// As in RuntimePort.
  Result<StartedContainer> start(const ContainerRequest& request);
  Result<Nothing> signal(const ContainerId& container, int signal);
  Result<Nothing> remove(const ContainerId& container);
  Result<Nothing> update_limits(const ContainerId& container, const ResourceLimits& limits);
  Result<Nothing> ping();
  /// From control groups and links alone.
  std::vector<ContainerUsage> usage() const;
  /// To be called now and then, once it is ready: control groups that a crash left.
  void sweep_groups();
  Result<std::vector<ObservedContainer>> list();
  /// Of what every container here is made, running or not.
  Result<std::vector<std::string>> image_digests();
  /// Something of its image has run, or may have. While its task is there.
  bool was_started(const ContainerId& container) const;
  /// From the answer to a Wait, while the task is still there.
  ContainerExit exit_of(const ContainerId& container, std::int32_t code, WallMillis at) const;
  /// Namespace and bridge exist, addresses in use are known, strays of a crash are gone. Done once; repeated
  /// until it succeeds.
  Result<Nothing> ensure_ready();
  /// Removes every container, the bridge and empty control groups: when the agent leaves this machine for
  /// good.
  Result<Nothing> remove_everything();

 private:
  Result<std::vector<containers_v1::Container>> records();
  /// When it was made.
  Result<WallMillis> create_record(const ContainerRequest& request, const ResolvedImage& image,
                                   const std::string& spec, const std::string& runtime_program,
                                   const NetworkGrant& grant);
  /// What the container may do, or why it is refused.
  Result<Confinement> confine(const Assignment& assignment, const ResolvedImage& image);
  using Mounts = google::protobuf::RepeatedPtrField<containerd::types::Mount>;
  /// A container that only waits for its start: nothing of its image has run.
  struct Created {
    std::uint32_t pid = 0;
    WallMillis at = 0;  ///< of its record
  };
  /// One that was made beforehand. After a crash it is one whose start was interrupted, as any other: list
  /// shows it as never started.
  struct Expected {
    ContainerRequest request;
    Result<Created> created = Created{};
    std::shared_future<void> done;
  };
  /// Waits until it is whole; null: nothing was expected.
  std::shared_ptr<Expected> take_expected(const ContainerId& container);
  /// What was made beforehand if it is what is asked for now; absent: nothing is there, and it was removed if
  /// it was another.
  Result<std::optional<Created>> find_expected(const ContainerRequest& request, const ResolvedImage& image);
  /// Everything up to the task that waits for its start.
  Result<Created> create(const ContainerRequest& request, const ResolvedImage& image);
  Result<StartedContainer> start_created(const ContainerRequest& request, const Created& created,
                                         const std::string& digest);
  /// A snapshot of the container's own; what is to be mounted.
  Result<Mounts> prepare_root(const ContainerId& container, const ResolvedImage& image);
  /// Once there is a record that holds on to it: what was prepared beside making the record belonged to
  /// nobody, and containerd's garbage collector may have taken it away. Then it is prepared again.
  Result<Mounts> settle_root(const ContainerId& container, const ResolvedImage& image,
                             Result<Mounts> prepared);
  Result<std::uint32_t> create_task(const ContainerRequest& request, const Mounts& rootfs);
  /// Puts a limited writable layer in place of the snapshot's own.
  Result<Nothing> limit_layer(const ContainerId& container, std::int64_t bytes,
                              tasks_v1::CreateTaskRequest& create);
  /// All limits but that of storage.
  Result<Nothing> change_limits(const ContainerId& container, const std::string& group,
                                const ResourceLimits& limits);
  Result<Nothing> delete_task(const ContainerId& container);
  void end_forgotten(const ContainerId& container);
  void remove_orphans(const std::set<std::string>& suspects);

  Client& client_;
  Images& images_;
  LoggerKeeper& loggers_;
  ReplicaNetwork& network_;
  AccountReader accounts_;
  Volumes& volumes_;
  QuickMoves& moves_;
  const ContainerdOptions options_;
  NodeGroups groups_;

  std::mutex mutex_;
  bool ready_ = false;
  std::mutex expected_mutex_;
  std::map<ContainerId, std::shared_ptr<Expected>> expected_;
};

}  // namespace cloudless::runtime
