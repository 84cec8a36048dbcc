#include "actors/runtime/containerd/oci_spec.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace cloudless::runtime {
namespace {

using nlohmann::json;

constexpr std::int64_t kCpuPeriodMicros = 100000;
constexpr std::int64_t kMinCpuQuotaMicros = 1000;  // the kernel refuses less
constexpr std::size_t kHostNameLimit = 63;

// What a server that starts as root and drops to a user needs, and no more. Not in it although Docker grants
// them: MKNOD, NET_RAW, SETFCAP, SETPCAP, AUDIT_WRITE.
const std::vector<std::string> kCapabilities = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE",     "CAP_FOWNER", "CAP_FSETID",    "CAP_KILL",
    "CAP_SETGID", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SYS_CHROOT"};

// Kernel files that tell about the machine or change it for everyone.
const std::vector<std::string> kMaskedPaths = {
    "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"};
const std::vector<std::string> kReadonlyPaths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};

json mount(const char* destination, const char* type, const char* source, std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

json mounts() {
  return {mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
          mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
          mount("/dev/pts", "devpts", "devpts",
                {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
          mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
          mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
          mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
          mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}),
          mount("/run", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"})};
}

std::string key_of(const std::string& assignment) {
  return assignment.substr(0, assignment.find('='));
}

/// Later values replace earlier ones of the same name, in their place.
void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  const auto same = [&](const std::string& e) { return key_of(e) == name; };
  const auto found = std::find_if(env.begin(), env.end(), same);
  if (found != env.end()) {
    *found = name + "=" + value;
  } else {
    env.push_back(name + "=" + value);
  }
}

std::vector<std::string> environment(const SpecInput& in) {
  std::vector<std::string> env;
  set_env(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  for (const auto& e : in.image.env) {
    if (const auto equals = e.find('='); equals != std::string::npos)
      set_env(env, e.substr(0, equals), e.substr(equals + 1));
  }
  set_env(env, "HOSTNAME", host_name(in.assignment.replica));
  for (const auto& e : in.assignment.pod.env) set_env(env, e.name, e.value);
  set_env(env, "CLOUDLESS_NAMESPACE", in.assignment.ns);
  set_env(env, "CLOUDLESS_WORKLOAD", in.assignment.workload_name);
  set_env(env, "CLOUDLESS_REPLICA", in.assignment.replica.value);
  set_env(env, "CLOUDLESS_VERSION", std::to_string(in.assignment.version));
  set_env(env, "CLOUDLESS_ATTEMPT", std::to_string(in.attempt));
  set_env(env, "CLOUDLESS_NODE", in.node.value);
  if (!in.address.empty()) set_env(env, "CLOUDLESS_ADDRESS", in.address);
  return env;
}

/// As in Docker and Kubernetes: `command` replaces the entry point and drops the image's own arguments,
/// `args` replaces these.
std::vector<std::string> command_line(const SpecInput& in) {
  const auto& pod = in.assignment.pod;
  std::vector<std::string> line = pod.command.empty() ? in.image.entrypoint : pod.command;
  const auto& rest = !pod.args.empty() || !pod.command.empty() ? pod.args : in.image.command;
  line.insert(line.end(), rest.begin(), rest.end());
  return line;
}

Result<std::uint32_t> numeric_id(const std::string& text, const std::string& user) {
  if (text == "root") return 0u;
  std::uint32_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, id);
  if (ec == std::errc{} && stop == end) return id;
  return fail(Errc::failed_precondition,
              "the image runs as user \"" + user +
                  "\", which is a name: only numbers (\"1000\" or \"1000:1000\") are supported");
}

/// "uid", "uid:gid" or nothing.
Result<json> user(const std::string& text) {
  if (text.empty()) return json{{"uid", 0}, {"gid", 0}};
  const auto colon = text.find(':');
  const auto uid = numeric_id(text.substr(0, colon), text);
  if (!uid) return fail(uid.error());
  if (colon == std::string::npos) return json{{"uid", *uid}, {"gid", 0}};
  const auto gid = numeric_id(text.substr(colon + 1), text);
  if (!gid) return fail(gid.error());
  return json{{"uid", *uid}, {"gid", *gid}};
}

json resources(const Template& pod) {
  json cpu = {{"shares", std::clamp<std::int64_t>(pod.requests.cpu_millicores * 1024 / 1000, 2, 262144)}};
  if (pod.limits.cpu_millicores) {
    cpu["period"] = kCpuPeriodMicros;
    cpu["quota"] = std::max(*pod.limits.cpu_millicores * kCpuPeriodMicros / 1000, kMinCpuQuotaMicros);
  }
  json out = {{"devices", {{{"allow", false}, {"access", "rwm"}}}},
              {"pids", {{"limit", kPidsLimit}}},
              {"cpu", std::move(cpu)}};
  if (pod.limits.memory_bytes) out["memory"] = {{"limit", *pod.limits.memory_bytes}};
  return out;
}

}  // namespace

std::string host_name(const ReplicaId& replica) {
  auto name = replica.value.substr(0, kHostNameLimit);
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name;
}

std::string cgroup_path(const std::string& containerd_namespace, const ContainerId& container) {
  return "/cloudless/" + containerd_namespace + "/" + container.value;
}

Result<std::string> make_spec(const SpecInput& in) {
  const auto args = command_line(in);
  if (args.empty())
    return fail(Errc::failed_precondition, "nothing to run: image " + in.assignment.pod.image +
                                               " has neither an entry point nor a command; set spec.command");
  const auto run_as = user(in.image.user);
  if (!run_as) return fail(run_as.error());
  const auto& dir =
      in.assignment.pod.working_dir.empty() ? in.image.working_dir : in.assignment.pod.working_dir;

  json spec;
  spec["ociVersion"] = "1.0.2";
  spec["process"] = {
      {"user", *run_as},
      {"args", args},
      {"env", environment(in)},
      {"cwd", dir.empty() ? "/" : dir},
      {"capabilities",
       {{"bounding", kCapabilities}, {"effective", kCapabilities}, {"permitted", kCapabilities}}},
      {"noNewPrivileges", true}};
  spec["root"] = {{"path", "rootfs"}};
  spec["hostname"] = host_name(in.assignment.replica);
  spec["mounts"] = mounts();
  json namespaces = json::array();
  for (const char* type : {"pid", "ipc", "uts", "mount", "network", "cgroup"})
    namespaces.push_back({{"type", type}});
  spec["linux"] = {{"resources", resources(in.assignment.pod)},
                   {"cgroupsPath", cgroup_path(in.containerd_namespace, in.container)},
                   {"namespaces", std::move(namespaces)},
                   {"maskedPaths", kMaskedPaths},
                   {"readonlyPaths", kReadonlyPaths}};
  try {
    return spec.dump();
  } catch (const json::exception&) {
    return fail(Errc::failed_precondition, "command, arguments and environment must be UTF-8");
  }
}

Result<std::string> make_exec_process(const std::string& spec, const std::vector<std::string>& command) try {
  auto process = json::parse(spec).at("process");
  process["args"] = command;
  process["terminal"] = false;
  return process.dump();
} catch (const json::exception& e) {
  return fail(Errc::data_loss, std::string("the container's spec cannot be read: ") + e.what());
}

}  // namespace cloudless::runtime
