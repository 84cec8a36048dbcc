// A workload as its owner keeps it. Only what this version carries out is here: the API schema
// (proto/cloudless/api) is wider, and gateway/ refuses the rest with UNIMPLEMENTED. Every value here is
// valid: parsing happens at the edge, in messages/codec and actors/workload_state/validate.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/container.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/placement.hpp"
#include "messages/domain/resources.hpp"
#include "messages/domain/rollout_policy.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

struct EnvVar {
  std::string name;
  std::string value;
  bool operator==(const EnvVar&) const = default;
};

enum class Protocol : std::uint8_t { tcp = 1, udp = 2 };

struct Port {
  std::string name;
  std::uint16_t container_port = 0;
  Protocol protocol = Protocol::tcp;
  std::optional<std::uint16_t> host_port;  ///< published on the node; 0: on a port chosen there
  bool operator==(const Port&) const = default;
};

enum class RestartMode : std::uint8_t { always = 1, on_failure = 2, never = 3 };

/// Pause before attempt n + 1: min(initial * 2^(failures in a row - 1), max); failures count anew after
/// reset_after of running.
struct Backoff {
  Millis initial = 1000;
  Millis max = 60000;
  Millis reset_after = 60000;
  bool operator==(const Backoff&) const = default;
};

struct RestartPolicy {
  RestartMode mode = RestartMode::always;
  std::optional<std::uint32_t> max_retries;
  Backoff backoff;
  bool operator==(const RestartPolicy&) const = default;
};

enum class ImagePullPolicy : std::uint8_t { always = 1, if_not_present = 2, never = 3 };

/// Everything whose change needs new containers. One immutable version of it is stored per change.
struct Template {
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<EnvVar> env;
  std::string working_dir;
  Resources requests{100, 32 << 20, 0, 0, 0};
  std::vector<Port> ports;
  RestartPolicy restart;
  ImagePullPolicy pull_policy = ImagePullPolicy::if_not_present;
  Millis termination_grace = 30000;
  std::vector<Volume> volumes;
  std::vector<ConfigFile> config_files;
  std::optional<Probe> liveness;   ///< restarts the container when it fails
  std::optional<Probe> readiness;  ///< absent: ready as soon as it runs
  std::optional<Probe> startup;    ///< holds back the other two until it succeeded once
  std::vector<std::string> image_pull_secrets;
  bool host_network = false;
  std::string runtime_class;  ///< as named on the agent; empty: its default
  SecurityContext security;
  Placement placement;
  bool operator==(const Template&) const = default;
};

/// Replicas of a workload with all_or_nothing: they are assigned in one atomic commit.
inline constexpr std::uint32_t kMaxGang = 64;

/// What the user asked for, defaults filled in.
struct WorkloadSpec {
  Template pod;
  std::uint32_t replicas = 1;
  RolloutPolicy rollout;
  Labels labels;
  Labels annotations;
  /// Of each replica, whatever its version: a change reaches running containers in place.
  ResourceLimits limits{std::nullopt, std::nullopt, std::nullopt, kDefaultPidsLimit};
  std::uint32_t priority = 0;   ///< 0-1000: higher is placed first
  bool all_or_nothing = false;  ///< replicas of one version are placed together, at most kMaxGang
  Scoring scoring;
  bool operator==(const WorkloadSpec&) const = default;
};

/// Record "workload/<uid>". Owner: workload_state.
struct Workload {
  WorkloadUid uid;
  std::string ns;
  std::string name;
  /// Moves with user writes only; unique and growing per store (ARCHITECTURE.md, rule 4).
  Revision revision = 0;
  /// Number of the current template, from 1. A changed template gets the next number; going back to an
  /// earlier one goes back to its number.
  std::uint64_t version = 1;
  WorkloadSpec spec;
  WallMillis created_at = 0;
  WallMillis updated_at = 0;
  /// The next replica's ordinal; a repeated AddReplicas names the ordinal that it saw.
  std::uint64_t next_ordinal = 0;
  /// Tombstone: the name is free, replicas are being stopped; the record goes when the last one is gone.
  bool deleted = false;
  std::uint64_t latest_version = 1;   ///< the highest number that was ever given
  std::uint64_t rollout = 0;          ///< number of the newest rollout; 0: none yet
  std::uint64_t serving_version = 0;  ///< only replicas of this version serve; 0: those of every version
  bool operator==(const Workload&) const = default;
};

/// Record "version/<uid>/<number>". Immutable, but for the digest and `proven`, which come once; kept as long
/// as the workload or a replica needs it, and RolloutPolicy::history_limit beyond that. Owner:
/// workload_state.
struct Version {
  WorkloadUid workload;
  std::uint64_t number = 1;
  Template pod;
  /// What the image's tag stood for when the first node asked: "sha256:<64 hex>". Set once, by the owner; all
  /// replicas of the version run these bytes. Empty: nobody has found out yet.
  std::string image_digest;
  bool proven = false;  ///< a rollout to it was completed: every replica was ready
  WallMillis created_at = 0;
  bool operator==(const Version&) const = default;
};

}  // namespace cloudless
