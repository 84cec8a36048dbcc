#include "actors/runtime/containerd/oci_spec.hpp"

#include <nlohmann/json.hpp>

#include "actors/runtime/containerd/oci_process.hpp"
#include "actors/runtime/containerd/oci_resources.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;

json user(const ProcessUser& who) {
  json out = {{"uid", who.uid}, {"gid", who.gid}};
  if (!who.groups.empty()) out["additionalGids"] = who.groups;
  return out;
}

json capabilities(const Confinement& given) {
  return {{"bounding", given.capabilities},
          {"effective", given.capabilities},
          {"permitted", given.capabilities},
          {"inheritable", given.ambient},
          {"ambient", given.ambient}};
}

json process(const SpecInput& in, const std::vector<std::string>& args) {
  const auto& given = in.confinement;
  json out = {{"user", user(given.user)},
              {"args", args},
              {"env", environment(in)},
              {"cwd", working_directory(in)},
              {"capabilities", capabilities(given)},
              {"noNewPrivileges", given.no_new_privileges}};
  if (!given.apparmor.empty()) out["apparmorProfile"] = given.apparmor;
  if (!given.selinux.empty()) out["selinuxLabel"] = given.selinux;
  return out;
}

json mounts(const SpecInput& in) {
  json out = json::array();
  const auto add = [&](const SpecMount& m) {
    out.push_back(
        {{"destination", m.destination}, {"type", m.type}, {"source", m.source}, {"options", m.options}});
  };
  for (const auto& m : kernel_mounts(in.confinement.privileged, in.confinement.host_ipc)) add(m);
  for (const auto& m : in.mounts) add(m);
  return out;
}

json namespaces(const SpecInput& in) {
  const auto& given = in.confinement;
  json out = json::array();
  const auto add = [&](const char* type) { out.push_back({{"type", type}}); };
  for (const char* type : {"uts", "mount", "cgroup"}) add(type);
  if (!given.host_pid) add("pid");
  if (!given.host_ipc) add("ipc");
  if (given.host_network) return out;
  add("network");
  if (!in.network_namespace.empty()) out.back()["path"] = in.network_namespace;
  return out;
}

json resources(const SpecInput& in) {
  json out = cgroup_resources(in.assignment.pod.requests, in.assignment.limits, in.node_cpu_millicores);
  out["devices"] = {{{"allow", in.confinement.privileged}, {"access", "rwm"}}};
  if (in.confinement.privileged) return out;
  for (const auto& d : in.confinement.devices)
    out["devices"].push_back({{"allow", true},
                              {"type", std::string(1, d.type)},
                              {"major", d.major},
                              {"minor", d.minor},
                              {"access", "rw"}});
  return out;
}

json devices(const std::vector<HostDevice>& all) {
  json out = json::array();
  for (const auto& d : all)
    out.push_back({{"path", d.path},
                   {"type", std::string(1, d.type)},
                   {"major", d.major},
                   {"minor", d.minor},
                   {"fileMode", d.mode},
                   {"uid", d.uid},
                   {"gid", d.gid}});
  return out;
}

json linux_part(const SpecInput& in) {
  const auto& given = in.confinement;
  json out = {{"resources", resources(in)},
              {"cgroupsPath", in.cgroup},
              {"namespaces", namespaces(in)},
              {"maskedPaths", given.masked_paths},
              {"readonlyPaths", given.read_only_paths}};
  if (!given.seccomp.is_null()) out["seccomp"] = given.seccomp;
  if (!given.sysctls.empty()) out["sysctl"] = given.sysctls;
  if (!given.devices.empty()) out["devices"] = devices(given.devices);
  if (!given.selinux.empty()) out["mountLabel"] = given.selinux;
  return out;
}

}  // namespace

Result<std::string> make_spec(const SpecInput& in) {
  const auto args = command_line(in);
  if (args.empty())
    return fail(Errc::failed_precondition, "nothing to run: image " + in.assignment.pod.image +
                                               " has neither an entry point nor a command; set spec.command");

  json spec;
  spec["ociVersion"] = "1.0.2";
  spec["process"] = process(in, args);
  spec["root"] = {{"path", "rootfs"}, {"readonly", in.confinement.read_only_root}};
  spec["hostname"] = host_name(in.assignment.replica);
  spec["mounts"] = mounts(in);
  spec["linux"] = linux_part(in);
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
