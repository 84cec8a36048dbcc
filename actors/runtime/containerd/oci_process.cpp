#include "actors/runtime/containerd/oci_process.hpp"

#include <algorithm>

namespace cloudless::runtime {
namespace {

constexpr std::size_t kHostNameLimit = 63;

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

void set_gpus(std::vector<std::string>& env, const SpecInput& in) {
  std::string indices;
  for (const auto gpu : in.assignment.gpus) indices += (indices.empty() ? "" : ",") + std::to_string(gpu);
  if (!indices.empty()) {
    set_env(env, "CLOUDLESS_GPUS", indices);
    set_env(env, "NVIDIA_VISIBLE_DEVICES", indices);
    if (const auto share = in.assignment.pod.requests.gpu_milli; share > 0)
      set_env(env, "CLOUDLESS_GPU_MILLI", std::to_string(share));
  } else if (in.node_has_gpus && !in.confinement.privileged) {
    set_env(env, "NVIDIA_VISIBLE_DEVICES", "void");
  }
}

}  // namespace

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
  set_gpus(env, in);
  return env;
}

std::vector<std::string> command_line(const SpecInput& in) {
  const auto& pod = in.assignment.pod;
  std::vector<std::string> line = pod.command.empty() ? in.image.entrypoint : pod.command;
  const auto& rest = !pod.args.empty() || !pod.command.empty() ? pod.args : in.image.command;
  line.insert(line.end(), rest.begin(), rest.end());
  return line;
}

std::string working_directory(const SpecInput& in) {
  const auto& dir =
      in.assignment.pod.working_dir.empty() ? in.image.working_dir : in.assignment.pod.working_dir;
  return dir.empty() ? "/" : dir;
}

std::string host_name(const ReplicaId& replica) {
  auto name = replica.value.substr(0, kHostNameLimit);
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name;
}

}  // namespace cloudless::runtime
