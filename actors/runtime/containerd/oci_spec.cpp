#include "actors/runtime/containerd/oci_spec.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "actors/runtime/containerd/oci_process.hpp"
#include "actors/runtime/containerd/oci_resources.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;

// What a server that starts as root and drops to a user needs, and no more. Not in it although Docker grants
// them: MKNOD, NET_RAW, SETFCAP, SETPCAP, AUDIT_WRITE.
const std::vector<std::string> kCapabilities = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE",     "CAP_FOWNER", "CAP_FSETID",    "CAP_KILL",
    "CAP_SETGID", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SYS_CHROOT"};

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

json mounts(const std::vector<SpecMount>& more) {
  json out = json::array();
  const auto add = [&](const SpecMount& m) {
    out.push_back(
        {{"destination", m.destination}, {"type", m.type}, {"source", m.source}, {"options", m.options}});
  };
  for (const auto& m : kernel_mounts()) add(m);
  for (const auto& m : more) add(m);
  return out;
}

json namespaces() {
  json out = json::array();
  for (const char* type : {"pid", "ipc", "uts", "mount", "network", "cgroup"})
    out.push_back({{"type", type}});
  return out;
}

json resources(const SpecInput& in) {
  json out = cgroup_resources(in.assignment.pod);
  out["devices"] = {{{"allow", false}, {"access", "rwm"}}};
  return out;
}

}  // namespace

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

  json spec;
  spec["ociVersion"] = "1.0.2";
  spec["process"] = {
      {"user", *run_as},
      {"args", args},
      {"env", environment(in)},
      {"cwd", working_directory(in)},
      {"capabilities",
       {{"bounding", kCapabilities}, {"effective", kCapabilities}, {"permitted", kCapabilities}}},
      {"noNewPrivileges", true}};
  spec["root"] = {{"path", "rootfs"}};
  spec["hostname"] = host_name(in.assignment.replica);
  spec["mounts"] = mounts(in.mounts);
  spec["linux"] = {{"resources", resources(in)},
                   {"cgroupsPath", cgroup_path(in.containerd_namespace, in.container)},
                   {"namespaces", namespaces()},
                   {"maskedPaths", masked_paths()},
                   {"readonlyPaths", readonly_paths()}};
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
