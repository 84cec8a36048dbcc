#include "messages/codec/container_message.hpp"

#include <limits>

#include "messages/codec/message_bytes.hpp"

namespace cloudless::codec {
namespace {

constexpr std::uint32_t kMaxFileMode = 07777;

bool read_duration(std::uint64_t wire, Millis& out) {
  out = static_cast<Millis>(wire);
  return out >= 0;
}

bool read_port_number(std::uint32_t wire, std::uint16_t& out) {
  out = static_cast<std::uint16_t>(wire);
  return wire > 0 && wire <= std::numeric_limits<std::uint16_t>::max();
}

struct WriteCheck {
  api::Probe& out;

  void operator()(const ExecCheck& check) const {
    auto& wire = *out.mutable_exec();
    for (const auto& word : check.command) wire.add_command(word);
  }
  void operator()(const HttpCheck& check) const {
    auto& wire = *out.mutable_http();
    wire.set_scheme(check.https ? "https" : "http");
    wire.set_port(check.port);
    wire.set_path(check.path);
    for (const auto& [name, value] : check.headers) (*wire.mutable_headers())[name] = value;
  }
  void operator()(const TcpCheck& check) const { out.mutable_tcp()->set_port(check.port); }
  void operator()(const GrpcCheck& check) const {
    auto& wire = *out.mutable_grpc();
    wire.set_port(check.port);
    wire.set_service(check.service);
  }
};

bool read_check(const api::Probe& wire, Probe& out) {
  switch (wire.check_case()) {
    case api::Probe::kExec:
      out.check = ExecCheck{{wire.exec().command().begin(), wire.exec().command().end()}};
      return true;
    case api::Probe::kHttp: {
      auto& check = out.check.emplace<HttpCheck>();
      check.https = wire.http().scheme() == "https";
      if (!wire.http().path().empty()) check.path = wire.http().path();
      check.headers = {wire.http().headers().begin(), wire.http().headers().end()};
      return read_port_number(wire.http().port(), check.port);
    }
    case api::Probe::kTcp:
      return read_port_number(wire.tcp().port(), out.check.emplace<TcpCheck>().port);
    case api::Probe::kGrpc: {
      auto& check = out.check.emplace<GrpcCheck>();
      check.service = wire.grpc().service();
      return read_port_number(wire.grpc().port(), check.port);
    }
    case api::Probe::CHECK_NOT_SET:
      break;
  }
  return false;
}

template <class Wire>
void append_words(const std::vector<std::string>& words, Wire& out) {
  for (const auto& word : words) *out.Add() = word;
}

}  // namespace

void write(const Volume& volume, api::Volume& out) {
  out.set_name(volume.name);
  out.set_mount_path(volume.mount_path);
  out.set_read_only(volume.read_only);
  if (const auto* host = std::get_if<HostPath>(&volume.source)) {
    out.mutable_host_path()->set_path(host->path);
    return;
  }
  const auto& empty = std::get<EmptyDir>(volume.source);
  out.mutable_empty_dir()->set_size_limit_bytes(static_cast<std::uint64_t>(empty.size_limit_bytes));
  out.mutable_empty_dir()->set_memory(empty.memory);
}

bool read(const api::Volume& wire, Volume& out) {
  out.name = wire.name();
  out.mount_path = wire.mount_path();
  out.read_only = wire.read_only();
  switch (wire.source_case()) {
    case api::Volume::kEmptyDir: {
      auto& empty = out.source.emplace<EmptyDir>();
      empty.memory = wire.empty_dir().memory();
      empty.size_limit_bytes = static_cast<std::int64_t>(wire.empty_dir().size_limit_bytes());
      return empty.size_limit_bytes >= 0;
    }
    case api::Volume::kHostPath:
      out.source = HostPath{wire.host_path().path()};
      return true;
    case api::Volume::SOURCE_NOT_SET:
      break;
  }
  return false;
}

void write(const ConfigFile& file, api::ConfigFile& out) {
  out.set_path(file.path);
  out.set_content(file.content);
  out.set_mode(file.mode);
}

bool read(const api::ConfigFile& wire, ConfigFile& out) {
  out.path = wire.path();
  out.content = wire.content();
  if (wire.has_mode()) out.mode = wire.mode();
  return !out.path.empty() && out.mode <= kMaxFileMode;
}

void write(const Probe& probe, api::Probe& out) {
  std::visit(WriteCheck{out}, probe.check);
  out.set_initial_delay_ms(static_cast<std::uint64_t>(probe.initial_delay));
  out.set_period_ms(static_cast<std::uint64_t>(probe.period));
  out.set_timeout_ms(static_cast<std::uint64_t>(probe.timeout));
  out.set_success_threshold(probe.success_threshold);
  out.set_failure_threshold(probe.failure_threshold);
}

bool read(const api::Probe& wire, Probe& out) {
  if (wire.has_success_threshold()) out.success_threshold = wire.success_threshold();
  if (wire.has_failure_threshold()) out.failure_threshold = wire.failure_threshold();
  return read_check(wire, out) && read_duration(wire.initial_delay_ms(), out.initial_delay) &&
         (!wire.has_period_ms() || read_duration(wire.period_ms(), out.period)) &&
         (!wire.has_timeout_ms() || read_duration(wire.timeout_ms(), out.timeout));
}

void write(const SecurityContext& security, api::SecurityContext& out) {
  if (security.run_as_user) out.set_run_as_user(*security.run_as_user);
  if (security.run_as_group) out.set_run_as_group(*security.run_as_group);
  for (const auto group : security.supplemental_groups) out.add_supplemental_groups(group);
  out.set_run_as_non_root(security.run_as_non_root);
  out.set_read_only_root_filesystem(security.read_only_root_filesystem);
  append_words(security.capabilities_add, *out.mutable_capabilities_add());
  append_words(security.capabilities_drop, *out.mutable_capabilities_drop());
  out.set_privileged(security.privileged);
  out.set_seccomp(to_string(security.seccomp));
  if (security.apparmor) out.set_apparmor(to_string(*security.apparmor));
  out.set_selinux(security.selinux);
  out.set_allow_privilege_escalation(security.allow_privilege_escalation);
  for (const auto& [name, value] : security.sysctls) (*out.mutable_sysctls())[name] = value;
  out.set_host_pid(security.host_pid);
  out.set_host_ipc(security.host_ipc);
  append_words(security.masked_paths, *out.mutable_masked_paths());
  append_words(security.read_only_paths, *out.mutable_read_only_paths());
}

/// "CAP_NET_ADMIN" is "NET_ADMIN".
std::vector<std::string> read_capabilities(const google::protobuf::RepeatedPtrField<std::string>& wire) {
  std::vector<std::string> out;
  for (const auto& name : wire) out.push_back(name.substr(name.compare(0, 4, "CAP_") == 0 ? 4 : 0));
  return out;
}

bool read(const api::SecurityContext& wire, SecurityContext& out) {
  if (wire.has_run_as_user()) out.run_as_user = wire.run_as_user();
  if (wire.has_run_as_group()) out.run_as_group = wire.run_as_group();
  out.supplemental_groups.assign(wire.supplemental_groups().begin(), wire.supplemental_groups().end());
  out.run_as_non_root = wire.run_as_non_root();
  out.read_only_root_filesystem = wire.read_only_root_filesystem();
  out.capabilities_add = read_capabilities(wire.capabilities_add());
  out.capabilities_drop = read_capabilities(wire.capabilities_drop());
  out.privileged = wire.privileged();
  if (!wire.seccomp().empty()) {
    const auto profile = parse_security_profile(wire.seccomp());
    if (!profile) return false;
    out.seccomp = *profile;
  }
  if (!wire.apparmor().empty()) {
    out.apparmor = parse_security_profile(wire.apparmor());
    if (!out.apparmor) return false;
  }
  out.selinux = wire.selinux();
  out.allow_privilege_escalation = wire.allow_privilege_escalation();
  out.sysctls = {wire.sysctls().begin(), wire.sysctls().end()};
  out.host_pid = wire.host_pid();
  out.host_ipc = wire.host_ipc();
  out.masked_paths.assign(wire.masked_paths().begin(), wire.masked_paths().end());
  out.read_only_paths.assign(wire.read_only_paths().begin(), wire.read_only_paths().end());
  return true;
}

void write_container(const Template& pod, api::WorkloadSpec& out) {
  for (const auto& volume : pod.volumes) write(volume, *out.add_volumes());
  for (const auto& file : pod.config_files) write(file, *out.add_config_files());
  if (pod.liveness) write(*pod.liveness, *out.mutable_liveness());
  if (pod.readiness) write(*pod.readiness, *out.mutable_readiness());
  if (pod.startup) write(*pod.startup, *out.mutable_startup());
  for (const auto& secret : pod.image_pull_secrets) out.add_image_pull_secrets(secret);
  out.set_host_network(pod.host_network);
  out.set_runtime_class(pod.runtime_class);
  if (pod.security != SecurityContext{}) write(pod.security, *out.mutable_security_context());
}

bool read_container(const api::WorkloadSpec& wire, Template& out) {
  for (const auto& volume : wire.volumes())
    if (!read(volume, out.volumes.emplace_back())) return false;
  for (const auto& file : wire.config_files())
    if (!read(file, out.config_files.emplace_back())) return false;
  if (wire.has_liveness() && !read(wire.liveness(), out.liveness.emplace())) return false;
  if (wire.has_readiness() && !read(wire.readiness(), out.readiness.emplace())) return false;
  if (wire.has_startup() && !read(wire.startup(), out.startup.emplace())) return false;
  out.image_pull_secrets.assign(wire.image_pull_secrets().begin(), wire.image_pull_secrets().end());
  out.host_network = wire.host_network();
  out.runtime_class = wire.runtime_class();
  return !wire.has_security_context() || read(wire.security_context(), out.security);
}

}  // namespace cloudless::codec
