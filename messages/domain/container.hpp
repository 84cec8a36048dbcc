// What a workload says about its container beyond the command line: directories, files, probes, and what it
// may do. Part of a Template (messages/domain/workload.hpp). Every value here is valid: messages/codec checks
// users' words first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/domain/time.hpp"

namespace cloudless {

/// An empty directory that lives as long as the replica, over restarts in place.
struct EmptyDir {
  std::int64_t size_limit_bytes = 0;  ///< 0: no limit
  bool memory = false;                ///< tmpfs
  bool operator==(const EmptyDir&) const = default;
};

/// A directory or file of the node; the agent's allow-list decides.
struct HostPath {
  std::string path;  ///< absolute
  bool operator==(const HostPath&) const = default;
};

struct Volume {
  std::string name;        ///< DNS label, unique in the workload
  std::string mount_path;  ///< absolute, in the container
  bool read_only = false;
  std::variant<EmptyDir, HostPath> source;
  bool operator==(const Volume&) const = default;
};

/// A file that is there before the container starts.
struct ConfigFile {
  std::string path;            ///< absolute, in the container
  std::string content;         ///< any bytes
  std::uint32_t mode = 00644;  ///< permission bits, 0-07777
  bool operator==(const ConfigFile&) const = default;
};

struct ExecCheck {
  std::vector<std::string> command;  ///< exit code 0 is success
  bool operator==(const ExecCheck&) const = default;
};
struct HttpCheck {
  bool https = false;  ///< the certificate is not verified
  std::uint16_t port = 0;
  std::string path = "/";
  std::map<std::string, std::string> headers;
  bool operator==(const HttpCheck&) const = default;
};
struct TcpCheck {
  std::uint16_t port = 0;
  bool operator==(const TcpCheck&) const = default;
};
/// grpc.health.v1 Check.
struct GrpcCheck {
  std::uint16_t port = 0;
  std::string service;  ///< may be empty
  bool operator==(const GrpcCheck&) const = default;
};

using ProbeCheck = std::variant<ExecCheck, HttpCheck, TcpCheck, GrpcCheck>;

struct Probe {
  ProbeCheck check;
  Millis initial_delay = 0;
  Millis period = 10000;
  Millis timeout = 1000;
  std::uint32_t success_threshold = 1;
  std::uint32_t failure_threshold = 3;
  bool operator==(const Probe&) const = default;
};

enum class ProfileKind : std::uint8_t { runtime_default = 1, unconfined = 2, localhost = 3 };

/// A seccomp or AppArmor profile.
struct SecurityProfile {
  ProfileKind kind = ProfileKind::runtime_default;
  std::string name;  ///< of localhost: file or profile on the node
  bool operator==(const SecurityProfile&) const = default;
};

/// "RUNTIME_DEFAULT", "UNCONFINED", "LOCALHOST/<name>".
std::string to_string(const SecurityProfile& profile);
/// The inverse; absent for anything else.
std::optional<SecurityProfile> parse_security_profile(const std::string& text);

/// Who the process is and what it may do.
struct SecurityContext {
  std::optional<std::uint32_t> run_as_user;   ///< absent: the image's
  std::optional<std::uint32_t> run_as_group;  ///< absent: the image's
  std::vector<std::uint32_t> supplemental_groups;
  bool run_as_non_root = false;
  bool read_only_root_filesystem = false;
  std::vector<std::string> capabilities_add;   ///< without "CAP_", upper case
  std::vector<std::string> capabilities_drop;  ///< likewise; "ALL" is all
  bool privileged = false;
  SecurityProfile seccomp;
  std::optional<SecurityProfile> apparmor;  ///< absent: the node's default where its kernel has AppArmor
  std::string selinux;                      ///< user:role:type:level; empty: the node's default
  bool allow_privilege_escalation = false;
  std::map<std::string, std::string> sysctls;
  bool host_pid = false;
  bool host_ipc = false;
  std::vector<std::string> masked_paths;     ///< beyond the default ones
  std::vector<std::string> read_only_paths;  ///< beyond the default ones
  bool operator==(const SecurityContext&) const = default;
};

}  // namespace cloudless
