// What replicas and nodes use. Sampled by agents, asked for through sessions, shown to people and monitoring;
// never stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

/// Totals since the container started; a restart in place begins anew.
struct UsageCounters {
  std::uint64_t cpu_nanos = 0;
  std::uint64_t network_received_bytes = 0;
  std::uint64_t network_sent_bytes = 0;
  std::uint64_t disk_read_bytes = 0;
  std::uint64_t disk_written_bytes = 0;
  bool operator==(const UsageCounters&) const = default;
};

/// Per second, over the window.
struct UsageRates {
  std::uint64_t cpu_millicores = 0;
  std::uint64_t network_received_bps = 0;  ///< bytes
  std::uint64_t network_sent_bps = 0;      ///< bytes
  std::uint64_t disk_read_bps = 0;         ///< bytes
  std::uint64_t disk_written_bps = 0;      ///< bytes
  bool operator==(const UsageRates&) const = default;
};

/// What one look at a container saw.
struct ContainerUsage {
  ContainerId container;
  ReplicaId replica;
  UsageCounters total;
  std::uint64_t memory_bytes = 0;  ///< without pages of files that nobody used lately
  std::uint64_t processes = 0;     ///< and threads
  std::string ns;                  ///< of its workload
  bool operator==(const ContainerUsage&) const = default;
};

struct ReplicaUsage {
  ContainerUsage now;
  UsageRates rate;
  Millis window = 0;  ///< 0: seen once, so there are no rates yet
  bool operator==(const ReplicaUsage&) const = default;
};

struct NodeUsage {
  NodeId node;
  WallMillis sampled_at = 0;
  std::vector<ReplicaUsage> replicas;  ///< those that run, by container
  bool operator==(const NodeUsage&) const = default;
};

}  // namespace cloudless
