#include "services/agent/agent_settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

#include "actors/runtime/containerd/port_rules.hpp"
#include "messages/domain/names.hpp"
#include "messages/domain/sysctl.hpp"
#include "services/settings/listening.hpp"
#include "telemetry/logging.hpp"

namespace cloudless::agent {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 52;

void register_node(settings::Settings& form, AgentSettings& values) {
  form.text("node.name", values.node_name, "Name of this node, a DNS name; empty: the machine's host name");
  form.text("node.region", values.region, "Region, for placement and spreading");
  form.text("node.zone", values.zone, "Zone within the region, for placement and spreading");
  form.map("node.labels", values.labels, "Labels, for node selectors and affinity");
  form.list("node.taints", values.taints,
            "Taints, each key=value:NO_SCHEDULE, :PREFER_NO_SCHEDULE or :NO_EXECUTE");
  form.number<std::int64_t>("node.cost_milli", values.cost_milli, {0, kMost},
                            "Cost of the node, thousandths per hour");
  form.number<std::int64_t>("capacity.cpu_millicores", values.capacity.cpu_millicores, {-1, kMost},
                            "Processor of the machine, millicores; -1: what it has");
  form.number<std::int64_t>("capacity.memory_bytes", values.capacity.memory_bytes, {-1, kMost},
                            "Memory of the machine; -1: what it has");
  form.number<std::int64_t>("capacity.storage_bytes", values.capacity.storage_bytes, {-1, kMost},
                            "Storage for containers; -1: the size of the file system of state_dir");
  form.number<std::int64_t>("capacity.bandwidth_bps", values.capacity.bandwidth_bps, {0, kMost},
                            "Network bandwidth, bits per second; 0: not offered");
  form.number<std::uint32_t>("capacity.cpu_overcommit_percent", values.capacity.cpu_overcommit_percent,
                             {100, 1000},
                             "What replicas may reserve of processors, per cent of what is allocatable");
  form.number<std::uint32_t>("capacity.memory_overcommit_percent", values.capacity.memory_overcommit_percent,
                             {100, 1000},
                             "What replicas may reserve of memory, per cent of what is allocatable");
  form.list(
      "gpus.devices", values.gpu_devices,
      "GPUs, each the path of its device node, or several paths separated by spaces; a GPU's index is its "
      "place here");
  form.list("gpus.common", values.gpus.common,
            "Device nodes that every container with a GPU gets too: /dev/nvidiactl, /dev/nvidia-uvm");
  form.number<std::int64_t>("reserved.cpu_millicores", values.reserved_cpu_millicores, {0, kMost},
                            "Processor kept back for the machine itself");
  form.size("reserved.memory", values.reserved_memory_bytes, {0, kMost},
            "Memory kept back for the machine itself");
  form.size("reserved.storage", values.reserved_storage_bytes, {0, kMost},
            "Storage kept back for the machine itself");
}

void register_runtime(settings::Settings& form, AgentSettings& values) {
  form.text("state_dir", values.state_dir,
            "Folder of the assignment set and the machine's id; must survive reboots");
  form.text("runtime_dir", values.runtime_dir,
            "Folder of running containers; must not survive reboots. Empty: below /run/cloudless");
  form.text(
      "volume_dir", values.volume_dir,
      "Folder of replicas' volumes, on a file system with project quotas if they are to have size limits; "
      "must not be below /run. Empty: volumes in state_dir");
  form.choice("volume_limits", values.volume_limits, {"quota", "image"},
              "How storage on disk is limited: by project quotas, or by a file system of its own in a sparse "
              "file, which needs mkfs.ext4 and loop devices");
  form.text("log_dir", values.log_dir, "Folder of containers' logs");
  form.size("container_logs.max_size", values.container_logs.max_size, {256 << 10, std::int64_t{1} << 38},
            "Largest file of a container's log; then the next one is begun");
  form.number<std::int64_t>("container_logs.max_files", values.container_logs.max_files, {2, 1000},
                            "Files of a container's log that stay");
  form.size(
      "container_logs.rate", values.container_logs.rate, {0, std::int64_t{1} << 38},
      "What a container may write to its log, bytes a second, four seconds' worth at once; lines beyond are "
      "dropped, and counted in the log. 0: any");
  form.number<std::int64_t>("container_logs.attempts", values.container_logs.attempts, {1, 100},
                            "Attempts of a replica whose logs stay");
  form.text("logger", values.logger, "Path of cloudless-logger");
  form.text("containerd.socket", values.containerd_socket, "containerd's socket");
  form.text("containerd.namespace", values.containerd_namespace,
            "containerd's namespace for this agent alone; empty: cloudless-<node name>");
  form.text("containerd.runtime_binary", values.runtime_binary, "runc or crun; empty: containerd's default");
  form.text(
      "cgroup_parent", values.cgroup_parent,
      "Control group of this node's containers; limited to what they may use together if no other agent of "
      "this machine has it too");
}

void register_network(settings::Settings& form, AgentSettings& values) {
  form.text("bridge", values.bridge, "Network bridge of this node's containers; made if it does not exist");
  form.text("subnet", values.subnet, "Addresses of this node's containers");
  auto& network = values.network;
  form.choice(
      "network.mode", values.network_mode, {"bridge", "cni"},
      "How containers get a network: the agent's own bridge and packet rules, or a chain of CNI plugins");
  form.list("network.publish_on", network.publish_on,
            "IPv4 addresses of this node on which ports are published; empty: all that it has, loopback too");
  form.text("network.port_range", network.port_range, "Ports that host_port 0 is chosen from");
  form.yes_no("network.direct_access", network.direct_access,
              "Other machines may reach containers at their own addresses, not only through published ports");
  form.list("network.nameservers", network.nameservers,
            "IPv4 addresses of name servers for containers; empty: those of the node");
  form.list("network.search", network.search, "Search domains for containers; empty: those of the node");
  form.list("network.dns_options", network.dns_options,
            "Options of containers' resolv.conf; empty: those of the node");
  form.text("network.conf_dir", network.conf_dir,
            "Mode cni: folder of the configuration, of which the first *.conflist, *.conf or *.json counts");
  form.text("network.bin_dir", network.bin_dir, "Mode cni: folder of the plugins");
}

void register_images(settings::Settings& form, runtime::ImageLimits& images) {
  form.number<std::size_t>("images.max_pulls", images.max_pulls, {1, 64}, "Images pulled at once, at most");
  form.number<std::uint64_t>("images.high_percent", images.high_percent, {0, 100},
                             "Unused images are removed when the disk is fuller than this; 0: never");
  form.number<std::uint64_t>("images.low_percent", images.low_percent, {0, 100},
                             "They are removed until the disk is no fuller than this");
  form.duration("images.min_age", images.min_age, {0, 30LL * 24 * 3600 * 1000},
                "Images that were used since then stay");
}

void register_policy(settings::Settings& form, runtime::NodePolicy& policy) {
  form.yes_no("policy.allow_privileged", policy.allow_privileged,
              "Workloads may be privileged, and have capabilities that act on the machine itself");
  form.yes_no("policy.allow_host_pid", policy.allow_host_pid,
              "Workloads may see and signal the machine's processes");
  form.yes_no("policy.allow_host_ipc", policy.allow_host_ipc,
              "Workloads may share the machine's shared memory and message queues");
  form.yes_no("policy.allow_host_network", policy.allow_host_network,
              "Workloads may use the machine's network as it is");
  form.list(
      "policy.allowed_sysctls", policy.allowed_sysctls,
      "Kernel parameters of a container's namespaces beyond the safe list; a last * stands for any end");
  form.map(
      "policy.host_paths", policy.host_paths,
      "Directories that workloads may mount, with all below them, each path=read_only or path=read_write");
  form.text("policy.seccomp_dir", policy.seccomp_dir, "Folder of the profiles of seccomp LOCALHOST/<file>");
  form.text("policy.apparmor_profile", policy.apparmor_profile,
            "AppArmor profile that RUNTIME_DEFAULT means; it must be loaded");
  form.map("policy.runtimes", policy.runtimes,
           "Runtime classes, each name=program; the program is called as runc is");
}

void register_sessions(settings::Settings& form, AgentSettings& values) {
  auto& most = values.sessions;
  form.number<std::size_t>("sessions.execs", most.execs, {0, 1000},
                           "Interactive commands (Exec) that may be open at a time");
  form.number<std::size_t>("sessions.commands", most.commands, {0, 1000},
                           "Commands that are waited for (ExecCommand) at a time");
  form.number<std::size_t>("sessions.forwards", most.forwards, {0, 10'000},
                           "Forwarded connections that may be open at a time");
  form.number<std::size_t>("sessions.copies", most.copies, {0, 64}, "Copies of files (Copy) at a time");
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  std::string out = name.data();
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// One level below the root: in v2 libcgroup makes one at a time.
bool is_cgroup_parent(const std::string& path) {
  if (path.size() < 2 || path.size() > 200 || path.front() != '/' || path[1] == '.') return false;
  return std::all_of(path.begin() + 1, path.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

void check_node(const AgentSettings& values, settings::Exposure& wrong) {
  if (!is_dns_subdomain(values.node_name))
    wrong.refuse("node.name: \"" + values.node_name +
                 "\" is not a DNS name of 1-63 characters of a-z, 0-9, - and .");
  for (const auto& [key, value] : values.labels)
    if (!is_label_key(key) || !is_label_value(value))
      wrong.refuse("node.labels: \"" + key + "=" + value +
                   "\": at most 63 characters of A-Z, a-z, 0-9, ., _, / and -");
  if (!is_cgroup_parent(values.cgroup_parent))
    wrong.refuse("cgroup_parent: \"" + values.cgroup_parent +
                 "\" is not a name like /cloudless, of a-z, A-Z, 0-9, -, _ and .");
  for (const auto& taint : values.taints)
    if (!parse_taint(taint))
      wrong.refuse("node.taints: \"" + taint +
                   "\": write key=value:NO_SCHEDULE, :PREFER_NO_SCHEDULE or :NO_EXECUTE");
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

void check_gpus(AgentSettings& values, settings::Exposure& wrong) {
  std::set<std::string> known;
  const auto check = [&](const std::string& key, const std::string& path) {
    if (!path.starts_with("/")) return wrong.refuse(key + ": \"" + path + "\" is not an absolute path");
    if (!known.insert(path).second) return wrong.refuse(key + ": " + path + " is named twice");
    if (const auto device = runtime::find_device(path); !device)
      wrong.refuse(key + ": " + device.error().message);
  };
  values.gpus.each.clear();
  for (const auto& gpu : values.gpu_devices) {
    values.gpus.each.push_back(words_of(gpu));
    if (values.gpus.each.back().empty()) wrong.refuse("gpus.devices: a GPU without a device node");
    for (const auto& path : values.gpus.each.back()) check("gpus.devices", path);
  }
  for (const auto& path : values.gpus.common) check("gpus.common", path);
  if (values.gpus.each.size() > runtime::kMostGpus)
    wrong.refuse("gpus.devices: names " + std::to_string(values.gpus.each.size()) + " GPUs; at most " +
                 std::to_string(runtime::kMostGpus) + " can be handed out");
}

void check_host_paths(const runtime::NodePolicy& policy, settings::Exposure& wrong) {
  for (const auto& [path, access] : policy.host_paths) {
    if (auto reason = path_error(path); !reason.empty() && path != "/")
      wrong.refuse("policy.host_paths: \"" + path + "\" " + reason);
    if (access != runtime::kReadOnly && access != runtime::kReadWrite)
      wrong.refuse("policy.host_paths: \"" + path + "\" is \"" + access + "\": write " + runtime::kReadOnly +
                   " or " + runtime::kReadWrite);
  }
}

/// A parameter of a container's own namespaces, or the beginning of such and a last *.
bool is_namespaced(const std::string& pattern) {
  if (!pattern.ends_with("*"))
    return is_sysctl_name(pattern) && sysctl_scope(pattern) != SysctlScope::machine;
  constexpr std::string_view kBeginnings[] = {"net.", "kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."};
  return std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                     [&](std::string_view b) { return pattern.starts_with(b); });
}

void check_policy(const runtime::NodePolicy& policy, settings::Exposure& wrong) {
  for (const auto& [name, program] : policy.runtimes)
    if (!is_dns_subdomain(name) || program.empty() ||
        (program.front() != '/' && program.find('/') != std::string::npos))
      wrong.refuse("policy.runtimes: \"" + name + ": " + program +
                   "\": write a DNS name, and a program's name or absolute path");
  for (const auto& pattern : policy.allowed_sysctls)
    if (!is_namespaced(pattern))
      wrong.refuse(
          "policy.allowed_sysctls: \"" + pattern +
          "\" is not of a container's own (net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*)");
}

}  // namespace

void register_fields(settings::Settings& form, AgentSettings& values) {
  register_node(form, values);
  form.address("coordinator", values.coordinator, "Where the coordinator's node link listens");
  form.text("secret_file", values.secret_file, "File with the secret of the node link, mode 0600");
  form.yes_no("accept_cluster", values.accept_cluster,
              "Take the next assignment set whatever cluster or revision it is of: after the store was "
              "restored or replaced");
  register_runtime(form, values);
  register_network(form, values);
  register_images(form, values.images);
  register_policy(form, values.policy);
  register_sessions(form, values);
  form.address("grpc.address", values.grpc, "Where the agent's API is served");
  form.address("http.address", values.http, "Where /health, /ready and /metrics are served, or off");
  form.choice("log.level", values.log_level,
              {std::begin(telemetry::kLogLevels), std::end(telemetry::kLogLevels)}, "What is logged");
}

Result<void> complete(AgentSettings& values) {
  if (values.node_name.empty()) values.node_name = host_name();
  if (values.containerd_namespace.empty()) values.containerd_namespace = "cloudless-" + values.node_name;
  if (values.runtime_dir.empty()) values.runtime_dir = "/run/cloudless/" + values.containerd_namespace;
  if (values.volume_dir.empty()) values.volume_dir = values.state_dir + "/volumes";
  std::error_code error;
  for (std::string* path : {&values.volume_dir, &values.state_dir, &values.runtime_dir, &values.log_dir,
                            &values.logger, &values.containerd_socket, &values.policy.seccomp_dir,
                            &values.network.conf_dir, &values.network.bin_dir})
    *path = std::filesystem::absolute(*path, error).lexically_normal().string();
  values.network.mode =
      values.network_mode == "cni" ? runtime::NetworkMode::cni : runtime::NetworkMode::bridge;
  settings::Exposure wrong;
  check_node(values, wrong);
  check_gpus(values, wrong);
  check_host_paths(values.policy, wrong);
  if (const auto reason = runtime::bridge_name_error(values.bridge); !reason.empty())
    wrong.refuse("bridge: " + reason);
  if (values.images.low_percent > values.images.high_percent)
    wrong.refuse("images.low_percent: must not be above images.high_percent");
  check_policy(values.policy, wrong);
  wrong.loopback_only("grpc.address", values.grpc);
  wrong.loopback_only("http.address", values.http);
  return wrong.result();
}

std::optional<Taint> parse_taint(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const std::string pair = text.substr(0, colon), effect = text.substr(colon + 1);
  const auto equals = pair.find('=');
  Taint taint;
  taint.key = pair.substr(0, equals);
  if (equals != std::string::npos) taint.value = pair.substr(equals + 1);
  if (!is_label_key(taint.key) || !is_label_value(taint.value)) return std::nullopt;
  if (effect == "NO_SCHEDULE")
    taint.effect = TaintEffect::no_schedule;
  else if (effect == "PREFER_NO_SCHEDULE")
    taint.effect = TaintEffect::prefer_no_schedule;
  else if (effect == "NO_EXECUTE")
    taint.effect = TaintEffect::no_execute;
  else
    return std::nullopt;
  return taint;
}

}  // namespace cloudless::agent
