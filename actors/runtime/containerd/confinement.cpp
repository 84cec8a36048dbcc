#include "actors/runtime/containerd/confinement.hpp"

#include <algorithm>
#include <set>

#include "actors/runtime/containerd/oci_mounts.hpp"
#include "actors/runtime/containerd/seccomp_profile.hpp"
#include "messages/domain/capability.hpp"
#include "messages/domain/sysctl.hpp"

namespace cloudless::runtime {
namespace {

using Words = std::vector<std::string>;
constexpr char kAll[] = "ALL";

bool contains(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Words oci_names(const std::set<std::string>& capabilities) {
  Words out;
  for (const auto& name : capabilities) out.push_back("CAP_" + name);
  return out;
}

class Judge {
 public:
  explicit Judge(const ConfinementInput& in) : in_(in), asked_(in.pod.security) {}

  Result<Confinement> judge() {
    choose_user();
    share_namespaces();
    grant_capabilities();
    choose_seccomp();
    choose_labels();
    set_sysctls();
    choose_runtime();
    hand_out_gpus();
    hide();
    if (refused_.empty()) return std::move(out_);
    std::string all;
    for (const auto& reason : refused_) all += (all.empty() ? "" : "; ") + reason;
    return fail(Errc::failed_precondition, all);
  }

 private:
  void refuse(std::string reason) { refused_.push_back(std::move(reason)); }

  void require(bool wanted, bool allowed, const char* what, const char* setting) {
    if (wanted && !allowed)
      refuse(std::string(what) + " is not allowed on this node (policy." + setting + " of its agent)");
  }

  void choose_user() {
    auto user = process_user(in_.image_user, asked_, in_.accounts);
    if (user)
      out_.user = std::move(*user);
    else
      refuse(user.error().message);
  }

  void share_namespaces() {
    require(asked_.privileged, in_.policy.allow_privileged, "privileged", "allow_privileged");
    require(asked_.host_pid, in_.policy.allow_host_pid, "host_pid", "allow_host_pid");
    require(asked_.host_ipc, in_.policy.allow_host_ipc, "host_ipc", "allow_host_ipc");
    require(in_.pod.host_network, in_.policy.allow_host_network, "host_network", "allow_host_network");
    out_.privileged = asked_.privileged;
    out_.host_pid = asked_.host_pid;
    out_.host_ipc = asked_.host_ipc;
    out_.host_network = in_.pod.host_network;
    out_.read_only_root = asked_.read_only_root_filesystem;
    out_.no_new_privileges = !asked_.allow_privilege_escalation && !asked_.privileged;
    if (asked_.privileged) out_.devices = in_.facts.devices;
  }

  /// A capability that is harmless in a network or process namespace of one's own is not in the machine's.
  bool reaches_machine(const std::string& capability) const {
    if (acts_on_machine(capability)) return true;
    return (in_.pod.host_network && (capability == "NET_ADMIN" || capability == "NET_RAW")) ||
           (asked_.host_pid && capability == "SYS_PTRACE");
  }

  void grant_capabilities() {
    const auto possible = capabilities_of(in_.facts.bounding);
    std::set<std::string> granted, added;
    if (asked_.privileged || contains(asked_.capabilities_add, kAll)) {
      require(!asked_.privileged, in_.policy.allow_privileged, "capabilities_add ALL", "allow_privileged");
      granted = {possible.begin(), possible.end()};
      if (!asked_.privileged) added = granted;
    } else if (!contains(asked_.capabilities_drop, kAll)) {
      for (const auto& name : default_capabilities())
        if (contains(possible, name)) granted.insert(name);  // with fewer than the default a program can live
    }
    for (const auto& name : asked_.capabilities_drop) {
      granted.erase(name);
      added.erase(name);
    }
    for (const auto& name : asked_.capabilities_add) {
      if (name == kAll) continue;
      require(reaches_machine(name) && !asked_.privileged, in_.policy.allow_privileged,
              ("capability " + name + ", which acts on the machine itself,").c_str(), "allow_privileged");
      if (!contains(possible, name))
        refuse("capability " + name + " cannot be given: containerd itself does not have it on this node");
      granted.insert(name);
      added.insert(name);
    }
    granted_ = granted;
    out_.capabilities = oci_names(granted);
    if (out_.user.uid != 0) out_.ambient = oci_names(added);
  }

  void choose_seccomp() {
    const auto kind = asked_.seccomp.kind;
    if (kind == ProfileKind::unconfined || (asked_.privileged && kind != ProfileKind::localhost)) return;
    if (!in_.facts.seccomp) return refuse("this node's kernel has no seccomp; set seccomp to UNCONFINED");
    if (kind == ProfileKind::runtime_default) {
      out_.seccomp = default_seccomp(in_.architecture, granted_);
      return;
    }
    const auto& text = in_.facts.seccomp_profile;
    if (!text || !*text)
      return refuse(text ? text->error().message
                         : "seccomp profile " + asked_.seccomp.name + " was not read");
    auto profile = parse_seccomp(**text, asked_.seccomp.name, in_.architecture);
    if (profile)
      out_.seccomp = std::move(*profile);
    else
      refuse(profile.error().message);
  }

  void choose_labels() {
    if (!asked_.selinux.empty() && !in_.facts.selinux)
      refuse("selinux is set, and SELinux is not active on this node");
    else if (!asked_.selinux.empty() && !in_.facts.selinux_label_known)
      refuse("selinux label " + asked_.selinux + " is not one of this node's policy");
    out_.selinux = asked_.selinux;
    const auto& loaded = in_.facts.apparmor_profiles;
    if (!asked_.apparmor) {  // the node's default where there is one
      if (in_.facts.apparmor && !asked_.privileged && contains(loaded, in_.policy.apparmor_profile))
        out_.apparmor = in_.policy.apparmor_profile;
      return;
    }
    if (asked_.apparmor->kind == ProfileKind::unconfined) {
      if (in_.facts.apparmor) out_.apparmor = "unconfined";
      return;
    }
    if (!in_.facts.apparmor)
      return refuse("apparmor is " + to_string(*asked_.apparmor) +
                    ", and AppArmor is not active on this node");
    const bool local = asked_.apparmor->kind == ProfileKind::localhost;
    const auto& name = local ? asked_.apparmor->name : in_.policy.apparmor_profile;
    if (!contains(loaded, name)) return refuse("AppArmor profile " + name + " is not loaded on this node");
    out_.apparmor = name;
  }

  bool allowed_by_policy(const std::string& sysctl) const {
    const auto& allowed = in_.policy.allowed_sysctls;
    return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& pattern) {
      if (!pattern.ends_with("*")) return sysctl == pattern;
      return sysctl.starts_with(pattern.substr(0, pattern.size() - 1));
    });
  }

  void set_sysctls() {
    for (const auto& [name, value] : asked_.sysctls) {
      const auto scope = sysctl_scope(name);
      if (scope == SysctlScope::machine)
        refuse("sysctl " + name + " belongs to the machine, not to a container");
      else if (scope == SysctlScope::ipc ? asked_.host_ipc : in_.pod.host_network)
        refuse("sysctl " + name + " would be the machine's own, whose namespace the container shares");
      else if (!is_safe_sysctl(name) && !allowed_by_policy(name))
        refuse("sysctl " + name +
               " is not on the safe list, and not allowed on this node "
               "(policy.allowed_sysctls of its agent)");
      else if (contains(in_.facts.missing_sysctls, name))
        refuse("this node's kernel has no sysctl " + name);
    }
    out_.sysctls = asked_.sysctls;
  }

  void choose_runtime() {
    const auto& name = in_.pod.runtime_class;
    if (name.empty()) return;
    const auto found = in_.policy.runtimes.find(name);
    if (found == in_.policy.runtimes.end()) {
      std::string known;
      for (const auto& [other, program] : in_.policy.runtimes) known += (known.empty() ? "" : ", ") + other;
      return refuse("runtime class \"" + name + "\" is not one of this node's: " + known +
                    " (policy.runtimes of its agent)");
    }
    const auto& program = found->second;
    if (!in_.facts.runtime_found)
      return refuse("runtime class " + name + ": the program " + program + " is not on this node");
    if (!runs_with(program, in_.facts.hybrid_cgroups))
      return refuse(
          "runtime class " + name +
          ": crun does not run with this node's control groups, version 1 with version 2 beside it");
    out_.runtime_program = program;
  }

  void hand_out_gpus() {
    for (const auto& gpu : in_.gpus) {
      const auto same = [&](const HostDevice& d) { return d.path == gpu.path; };
      if (std::none_of(out_.devices.begin(), out_.devices.end(), same)) out_.devices.push_back(gpu);
    }
  }

  void hide() {
    if (!asked_.privileged) {
      out_.masked_paths = masked_paths();
      out_.read_only_paths = readonly_paths();
    }
    const auto append = [](const Words& more, Words& to) {
      for (const auto& path : more)
        if (!contains(to, path)) to.push_back(path);
    };
    append(asked_.masked_paths, out_.masked_paths);
    append(asked_.read_only_paths, out_.read_only_paths);
  }

  const ConfinementInput& in_;
  const SecurityContext& asked_;
  Confinement out_;
  std::set<std::string> granted_;
  Words refused_;
};

}  // namespace

const Words& default_capabilities() {
  // Not in it although Docker grants them: MKNOD, NET_RAW, SETFCAP, SETPCAP, AUDIT_WRITE.
  static const Words names = {"CHOWN",  "DAC_OVERRIDE",     "FOWNER", "FSETID",    "KILL",
                              "SETGID", "NET_BIND_SERVICE", "SETUID", "SYS_CHROOT"};
  return names;
}

Result<Confinement> confine(const ConfinementInput& in) {
  return Judge(in).judge();
}

}  // namespace cloudless::runtime
