#include "services/agent/machine.hpp"

#include <sched.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "actors/node_link/transport/secret_file.hpp"
#include "actors/runtime/containerd/kernel_facts.hpp"
#include "actors/runtime/file_agent_disk.hpp"
#include "services/settings/version.hpp"

namespace cloudless::agent {
namespace {

std::string hexadecimal(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::int64_t processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return std::max<long>(1, ::sysconf(_SC_NPROCESSORS_ONLN));
}

NodePolicy policy_of(const runtime::NodePolicy& said) {
  NodePolicy out;
  for (const auto& [path, access] : said.host_paths)
    out.host_paths.push_back({path, access == runtime::kReadWrite});
  out.host_network = said.allow_host_network;
  out.privileged = said.allow_privileged;
  out.host_pid = said.allow_host_pid;
  out.host_ipc = said.allow_host_ipc;
  return out;
}

std::int64_t or_detected(std::int64_t configured, std::int64_t detected) {
  return configured >= 0 ? configured : detected;
}

Resources less_reserved(Resources amounts, const AgentSettings& settings) {
  const auto keep_back = [](std::int64_t& amount, std::int64_t reserved) {
    amount = std::max<std::int64_t>(0, amount - reserved);
  };
  keep_back(amounts.cpu_millicores, settings.reserved_cpu_millicores);
  keep_back(amounts.memory_bytes, settings.reserved_memory_bytes);
  keep_back(amounts.storage_bytes, settings.reserved_storage_bytes);
  return amounts;
}

}  // namespace

std::string oci_architecture(const std::string& machine) {
  static const std::map<std::string, std::string> kNames{
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"i686", "386"}};
  const auto found = kNames.find(machine);
  return found == kNames.end() ? machine : found->second;
}

Resources detect_capacity(const std::string& folder) {
  Resources out;
  out.cpu_millicores = processors() * 1000;
  out.memory_bytes = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) == 0)
    out.storage_bytes = static_cast<std::int64_t>(disk.f_blocks) * static_cast<std::int64_t>(disk.f_frsize);
  return out;
}

Result<std::string> load_machine_uid(const std::string& state_dir) {
  const std::string path = state_dir + "/machine-uid";
  auto read = runtime::read_whole_file(path);
  if (read) {
    std::string uid = read->substr(0, read->find('\n'));
    if (uid.size() == 32 && uid.find_first_not_of("0123456789abcdef") == std::string::npos) return uid;
    return fail(
        Errc::data_loss,
        path + " does not hold 32 hexadecimal digits; if this machine has no containers of ours, remove it");
  }
  if (read.error().code != Errc::not_found) return fail(read.error());
  const std::string uid = hexadecimal(node_link::random_bytes(16));
  if (auto written = runtime::replace_file(path, uid + "\n"); !written) return fail(written.error());
  return uid;
}

namespace {

void describe_amounts(const AgentSettings& settings, const Resources& detected, NodeDescription& node) {
  node.capacity = {or_detected(settings.capacity.cpu_millicores, detected.cpu_millicores),
                   or_detected(settings.capacity.memory_bytes, detected.memory_bytes),
                   or_detected(settings.capacity.storage_bytes, detected.storage_bytes),
                   settings.capacity.bandwidth_bps, static_cast<std::int64_t>(settings.gpus.each.size())};
  node.allocatable = less_reserved(node.capacity, settings);
  node.cpu_overcommit_percent = settings.capacity.cpu_overcommit_percent;
  node.memory_overcommit_percent = settings.capacity.memory_overcommit_percent;
}

}  // namespace

Resources container_bounds(const AgentSettings& settings) {
  const Resources detected = detect_capacity(settings.state_dir);
  NodeDescription node;
  describe_amounts(settings, detected, node);
  const Resources wanted = node.reservable(), there = less_reserved(detected, settings);
  const auto bound = [&](std::int64_t Resources::*amount) {
    return std::min(wanted.*amount, std::max(node.allocatable.*amount, there.*amount));
  };
  Resources out;
  out.cpu_millicores = bound(&Resources::cpu_millicores);
  out.memory_bytes = bound(&Resources::memory_bytes);
  return out;
}

NodeDescription describe_node(const AgentSettings& settings, const std::string& machine_uid,
                              const std::string& agent_address) {
  NodeDescription node;
  node.id = NodeId{settings.node_name};
  node.machine_uid = machine_uid;
  node.region = settings.region;
  node.zone = settings.zone;
  node.labels = settings.labels;
  for (const auto& text : settings.taints)
    if (auto taint = parse_taint(text)) node.taints.push_back(std::move(*taint));
  node.cost_milli = static_cast<std::uint64_t>(settings.cost_milli);
  describe_amounts(settings, detect_capacity(settings.state_dir), node);
  node.policy = policy_of(settings.policy);
  node.runtime_classes = runtime::usable_runtimes(settings.policy, settings.containerd_socket);
  node.agent_address = agent_address;
  node.agent_version = kVersion;
  struct utsname system {};
  if (::uname(&system) == 0) node.architecture = oci_architecture(system.machine);
  return node;
}

}  // namespace cloudless::agent
