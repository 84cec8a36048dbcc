// What a container may do, row by row on a real containerd: what it says itself, and what /proc of the
// machine says of its process. An exec would not do: it is another process than the one that the spec is
// about.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "actors/runtime/containerd/confinement.hpp"
#include "actors/runtime/containerd/image_root.hpp"
#include "messages/domain/capability.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

constexpr char kWait[] = "; echo ready; exec sleep 100000";

/// The lines of /proc/<pid>/status, of the machine.
std::map<std::string, std::string> status_of(std::uint32_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  std::map<std::string, std::string> out;
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    auto value = line.substr(colon + 1);
    std::replace(value.begin(), value.end(), '\t', ' ');
    value.erase(0, value.find_first_not_of(' '));
    while (!value.empty() && value.back() == ' ') value.pop_back();
    out[line.substr(0, colon)] = value;
  }
  return out;
}

std::string namespace_of_process(const std::string& process, const char* type) {
  std::error_code error;
  return fs::read_symlink("/proc/" + process + "/ns/" + type, error).string();
}

std::string mask(const std::vector<std::string>& capabilities) {
  std::uint64_t bits = 0;
  for (const auto& name : capabilities) bits |= capability_bit(name);
  char text[20];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

std::string default_mask(std::vector<std::string> more = {}) {
  auto all = default_capabilities();
  all.insert(all.end(), more.begin(), more.end());
  return mask(all);
}

std::uint64_t own_bounding() {
  return std::strtoull(status_of(static_cast<std::uint32_t>(getpid()))["CapBnd"].c_str(), nullptr, 16);
}

/// A node whose owner allows everything; a few profiles are in its folder.
RuntimeNode permissive(const std::string& name) {
  RuntimeNode node(name);
  auto& policy = node.options.policy;
  policy.allow_privileged = policy.allow_host_pid = policy.allow_host_ipc = true;
  policy.allowed_sysctls = {"net.core.somaxconn", "kernel.shm*"};
  policy.seccomp_dir = node.machine.folder() + "/profiles";
  fs::create_directories(policy.seccomp_dir + "/web");
  std::ofstream(policy.seccomp_dir + "/web/no-mkdir.json")
      << R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
           {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]})";
  std::ofstream(policy.seccomp_dir + "/broken.json") << "{";
  std::ofstream(policy.seccomp_dir + "/typo.json")
      << R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirr"], "action": "SCMP_ACT_ERRNO"}]})";
  std::ofstream(node.machine.folder() + "/outside.json") << R"({"defaultAction": "SCMP_ACT_ALLOW"})";
  std::error_code exists;
  fs::create_symlink(node.machine.folder() + "/outside.json", policy.seccomp_dir + "/link.json", exists);
  node.image = node.machine.import_image(
      namespace_of(node.options), "cloudless.test/probe:1",
      {"--file=/bin/probe:0755:" CLOUDLESS_BUILD_ROOT "/tests/integration/confined_probe",
       "--file=/bin/root-probe:4755:" CLOUDLESS_BUILD_ROOT "/tests/integration/confined_probe"});
  // A runtime of one's own: runc, and a mark that it was this one.
  const auto wrapper = node.machine.folder() + "/own-runtime";
  std::ofstream(wrapper) << "#!/bin/sh\necho \"$@\" >> " << node.machine.folder()
                         << "/own-runtime.log\nexec runc \"$@\"\n";
  fs::permissions(wrapper, fs::perms::owner_all);
  policy.runtimes["own"] = wrapper;
  policy.runtimes["gone"] = "/no/such/runtime";
  node.open();
  return node;
}

KernelFacts facts_about_crun(const RuntimeNode& node) {
  Template pod;
  pod.runtime_class = "crun";
  return read_kernel_facts(pod, node.options.policy, node.options.socket);
}

struct Row {
  const char* name;
  std::function<void(ContainerRequest&)> ask;
  const char* script;                         ///< run by the container's first process
  const char* prints;                         ///< what it prints
  std::map<std::string, std::string> status;  ///< lines of /proc/<pid>/status
};

SecurityContext& asked(ContainerRequest& request) {
  return request.assignment.pod.security;
}

const auto kNothing = [](ContainerRequest&) {};

TEST_CASE("a container can do what its row says, and no more") {
  auto node = permissive("security");
  const auto all = mask(capabilities_of(own_bounding()));
  std::vector<Row> rows = {
      {"default",
       kNothing,
       "id -u; touch /x && echo written",
       "0\nwritten\n",
       {{"CapEff", default_mask()},
        {"CapPrm", default_mask()},
        {"CapBnd", default_mask()},
        {"CapInh", mask({})},
        {"CapAmb", mask({})},
        {"NoNewPrivs", "1"},
        {"Seccomp", "2"},
        {"Groups", ""},
        {"Uid", "0 0 0 0"}}},
      {"user",
       [](auto& r) {
         asked(r).run_as_user = 1234;
         asked(r).run_as_group = 2345;
         asked(r).supplemental_groups = {50, 40};
         asked(r).run_as_non_root = true;
       },
       "id -u; id -g; touch /x 2>/dev/null || echo refused",
       "1234\n2345\nrefused\n",
       {{"Uid", "1234 1234 1234 1234"},
        {"Gid", "2345 2345 2345 2345"},
        {"Groups", "40 50"},
        {"CapEff", mask({})},
        {"CapAmb", mask({})},
        {"CapBnd", default_mask()}}},
      {"read-only root",
       [](auto& r) { asked(r).read_only_root_filesystem = true; },
       "touch /x 2>&1; touch /etc/x 2>&1; touch /run/x && echo run; touch /dev/shm/x && echo shm",
       "touch: /x: Read-only file system\ntouch: /etc/x: Read-only file system\nrun\nshm\n",
       {}},
      {"drop all",
       [](auto& r) { asked(r).capabilities_drop = {"ALL"}; },
       "chown 1 /tmp 2>/dev/null || echo refused",
       "refused\n",
       {{"CapEff", mask({})}, {"CapBnd", mask({})}, {"CapPrm", mask({})}}},
      {"drop all but one",
       [](auto& r) {
         asked(r).capabilities_drop = {"ALL"};
         asked(r).capabilities_add = {"CHOWN"};
       },
       "chown 1 /tmp && echo changed",
       "changed\n",
       {{"CapEff", mask({"CHOWN"})}, {"CapBnd", mask({"CHOWN"})}}},
      {"add",
       [](auto& r) { asked(r).capabilities_add = {"NET_ADMIN"}; },
       "ip link set lo mtu 1400 && echo set",
       "set\n",
       {{"CapEff", default_mask({"NET_ADMIN"})}}},
      {"default has no network rights",
       kNothing,
       "ip link set lo mtu 1400 2>/dev/null || echo refused",
       "refused\n",
       {}},
      {"add for a user",
       [](auto& r) {
         asked(r).run_as_user = 1234;
         asked(r).capabilities_add = {"NET_ADMIN"};
       },
       "ip link set lo mtu 1400 && echo set",
       "set\n",
       {{"CapEff", mask({"NET_ADMIN"})}, {"CapAmb", mask({"NET_ADMIN"})}, {"Uid", "1234 1234 1234 1234"}}},
      {"add all",
       [](auto& r) { asked(r).capabilities_add = {"ALL"}; },
       "id -u",
       "0\n",
       {{"CapEff", all}, {"NoNewPrivs", "1"}, {"Seccomp", "2"}}},
      {"escalation",
       [](auto& r) { asked(r).allow_privilege_escalation = true; },
       "id -u",
       "0\n",
       {{"NoNewPrivs", "0"}, {"Seccomp", "2"}}},
      {"set-user-id programs give nothing",
       [](auto& r) {
         asked(r).run_as_user = 1234;
         asked(r).run_as_group = 1234;
       },
       "/bin/root-probe who",
       "1234 1234\n",
       {}},
      {"set-user-id programs give root",
       [](auto& r) {
         asked(r).run_as_user = 1234;
         asked(r).run_as_group = 1234;
         asked(r).allow_privilege_escalation = true;
       },
       "/bin/root-probe who",
       "0 1234\n",
       {}},
      {"unconfined",
       [](auto& r) { asked(r).seccomp.kind = ProfileKind::unconfined; },
       "unshare -U true && echo namespace",
       "namespace\n",
       {{"Seccomp", "0"}}},
      {"the filter refuses, and not the kernel",
       kNothing,
       "/bin/probe",
       "add_key: refused\nkeyctl: refused\nuserfaultfd: refused\nio_uring_setup: refused\nptrace: refused\n"
       "process_vm_readv: refused\npidfd_getfd: refused\nunshare: refused\nsetns: refused\n"
       "clock_settime: refused\numount2: refused\nlookup_dcookie: refused\nget_mempolicy: "
       "refused\npersonality: refused\nsocket(AF_ALG): refused\n"
       "socket(AF_VSOCK): refused\nsocket(AF_ALG, disguised): refused\nclone(NEWUSER): refused\n"
       "clone3: not there\n",
       {{"Seccomp", "2"}}},
      {"without a filter the kernel is reached",
       [](auto& r) { asked(r).seccomp.kind = ProfileKind::unconfined; },
       "/bin/probe | grep -v reached; true",
       "",
       {{"Seccomp", "0"}}},
      {"a capability opens its calls",
       [](auto& r) { asked(r).capabilities_add = {"SYS_PTRACE"}; },
       "/bin/probe | grep reached",
       "ptrace: reached\nprocess_vm_readv: reached\npidfd_getfd: reached\n",
       {}},
      {"programs that need root's power are refused",
       kNothing,
       "mount -t tmpfs x /tmp 2>/dev/null || echo mount; dmesg >/dev/null 2>&1 || echo dmesg; "
       "date -s 2030-01-01 >/dev/null 2>&1 || echo date; swapoff -a 2>/dev/null; chroot / true && echo "
       "chroot",
       "mount\ndmesg\nchroot\n",
       {}},
      {"a profile of the node",
       [](auto& r) {
         asked(r).seccomp = {ProfileKind::localhost, "web/no-mkdir.json"};
       },
       "mkdir /tmp/x 2>&1; unshare -U true && echo namespace",
       "mkdir: can't create directory '/tmp/x': Permission denied\nnamespace\n",
       {{"Seccomp", "2"}}},
      {"apparmor unconfined",
       [](auto& r) {
         asked(r).apparmor = SecurityProfile{ProfileKind::unconfined, {}};
       },
       "echo runs",
       "runs\n",
       {}},
      {"safe sysctls",
       [](auto& r) {
         asked(r).sysctls = {{"net.ipv4.ip_unprivileged_port_start", "1"},
                             {"net.ipv4.ip_local_port_range", "2000 3000"},
                             {"kernel.shm_rmid_forced", "1"}};
       },
       "cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start net/ipv4/ip_local_port_range "
       "kernel/shm_rmid_forced; echo 5 2>/dev/null > net/ipv4/ip_unprivileged_port_start || echo refused",
       "1\n2000\t3000\n1\nrefused\n",
       {}},
      {"sysctls that the owner allows",
       [](auto& r) {
         asked(r).sysctls = {{"net.core.somaxconn", "77"}, {"kernel.shmmni", "99"}};
       },
       "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmni",
       "77\n99\n",
       {}},
      {"hidden and read-only by default",
       kNothing,
       "cat /proc/keys /proc/kcore /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l; "
       "echo 1 2>/dev/null > /proc/sys/kernel/core_uses_pid || echo sys; "
       "echo b 2>/dev/null > /proc/sysrq-trigger || echo sysrq; "
       "mkdir /sys/fs/cgroup/pids/x 2>/dev/null || mkdir /sys/fs/cgroup/x 2>/dev/null || echo cgroup",
       "0\n0\nsys\nsysrq\ncgroup\n",
       {}},
      {"hidden and read-only by wish",
       [](auto& r) {
         asked(r).masked_paths = {"/etc/passwd", "/root", "/no/such"};
         asked(r).read_only_paths = {"/tmp", "/no/such"};
       },
       "wc -c < /etc/passwd; touch /root/x 2>/dev/null || echo root; touch /tmp/x 2>/dev/null || echo tmp; "
       "touch /y && echo rest",
       "0\nroot\ntmp\nrest\n",
       {}},
      {"devices",
       kNothing,
       "mknod /tmp/d b 254 0 2>/dev/null || echo mknod; echo x > /dev/null && echo null; ls /dev/kmsg "
       "2>/dev/null || echo none",
       "mknod\nnull\nnone\n",
       {}},
      {"privileged",
       [](auto& r) { asked(r).privileged = true; },
       "ls /dev/kmsg; mount -t tmpfs x /tmp && echo mounted; "
       "mkdir /sys/fs/cgroup/pids/x 2>/dev/null || mkdir /sys/fs/cgroup/x && echo cgroup; "
       "rmdir /sys/fs/cgroup/pids/x 2>/dev/null || rmdir /sys/fs/cgroup/x",
       "/dev/kmsg\nmounted\ncgroup\n",
       {{"CapEff", all}, {"NoNewPrivs", "0"}, {"Seccomp", "0"}}},
      {"the machine's processes",
       [](auto& r) { asked(r).host_pid = true; },
       "test -d /proc/$PPID/cwd 2>/dev/null; test $$ != 1 && echo shared",
       "shared\n",
       {}},
      {"a runtime by name",
       [](auto& r) { r.assignment.pod.runtime_class = "own"; },
       "echo runs",
       "runs\n",
       {}},
  };
  if (const auto facts = facts_about_crun(node); facts.runtime_found && !facts.hybrid_cgroups)
    rows.push_back({"crun",
                    [](auto& r) { r.assignment.pod.runtime_class = "crun"; },
                    "echo runs",
                    "runs\n",
                    {{"CapEff", default_mask()}, {"NoNewPrivs", "1"}, {"Seccomp", "2"}}});
  for (const auto& row : rows) {
    CAPTURE(std::string(row.name));
    auto request = node.request("a", {"/bin/sh", "-c", row.script + std::string(kWait)});
    row.ask(request);
    const auto started = node.start(request);
    REQUIRE_OK(started);
    CHECK(eventually([&] { return node.printed("a").ends_with("ready\n"); }));
    CHECK(node.printed("a") == row.prints + std::string("ready\n"));
    auto status = status_of(started->pid);
    for (const auto& [key, value] : row.status) {
      CAPTURE(key);
      CHECK(status[key] == value);
    }
    const auto process = std::to_string(started->pid);
    const auto& security = asked(request);
    for (const auto& [type, shared] :
         std::initializer_list<std::pair<const char*, bool>>{{"pid", security.host_pid},
                                                             {"ipc", security.host_ipc},
                                                             {"net", false},
                                                             {"mnt", false},
                                                             {"uts", false}}) {
      CAPTURE(std::string(type));
      CHECK((namespace_of_process(process, type) == namespace_of_process("self", type)) == shared);
    }
    REQUIRE_OK(node.remove("a"));
    CHECK(node.traces("a") == "");
    fs::remove(node.log_file("a"));
  }
  std::ifstream log(node.machine.folder() + "/own-runtime.log");
  const std::string calls((std::istreambuf_iterator<char>(log)), {});
  CHECK(calls.find(" create ") != std::string::npos);
  CHECK(calls.find(" delete ") != std::string::npos);
}

TEST_CASE("what a node does not allow or cannot do is refused before anything is made, with the reason") {
  auto node = permissive("refusing");
  auto& policy = node.options.policy;
  policy.allow_privileged = policy.allow_host_pid = policy.allow_host_ipc = false;
  policy.allowed_sysctls.clear();
  node.open();
  struct Refusal {
    const char* name;
    std::function<void(ContainerRequest&)> ask;
    const char* reason;
  };
  const auto profile = [](const char* file) {
    return [file](ContainerRequest& r) { asked(r).seccomp = {ProfileKind::localhost, file}; };
  };
  std::vector<Refusal> rows = {
      {"privileged", [](auto& r) { asked(r).privileged = true; }, "policy.allow_privileged"},
      {"host_pid", [](auto& r) { asked(r).host_pid = true; }, "policy.allow_host_pid"},
      {"host_ipc", [](auto& r) { asked(r).host_ipc = true; }, "policy.allow_host_ipc"},
      {"host_network", [](auto& r) { r.assignment.pod.host_network = true; }, "policy.allow_host_network"},
      {"capability", [](auto& r) { asked(r).capabilities_add = {"SYS_MODULE"}; },
       "acts on the machine itself"},
      {"root", [](auto& r) { asked(r).run_as_non_root = true; },
       "run_as_non_root is set, and the image's user \"\" is root"},
      {"sysctl",
       [](auto& r) {
         asked(r).sysctls = {{"net.core.somaxconn", "1"}};
       },
       "policy.allowed_sysctls"},
      {"no such profile", profile("none.json"), "seccomp profile none.json: it is not on this node"},
      {"profile that is a folder", profile("web"), "it is not a file"},
      {"profile that is no profile", profile("broken.json"), "not an OCI seccomp profile"},
      {"profile with a typo", profile("typo.json"), "no system call \"mkdirr\""},
      {"profile that leads out", profile("../outside.json"), "seccomp profile ../outside.json"},
      {"profile that leads out and back", profile("web/../../outside.json"), "outside.json"},
      {"profile of an absolute path", profile("/etc/passwd"), "seccomp profile /etc/passwd"},
      {"profile that is a link", profile("link.json"), "seccomp profile link.json"},
      {"runtime class", [](auto& r) { r.assignment.pod.runtime_class = "kata"; },
       "runtime class \"kata\" is not one of this node's: crun, gone, own, runc"},
      {"runtime that is not there", [](auto& r) { r.assignment.pod.runtime_class = "gone"; },
       "runtime class gone: the program /no/such/runtime is not on this node"},
  };
  // Only the name matters here: it is refused before anything is called.
  const auto crun = node.machine.folder() + "/crun";
  REQUIRE((std::ofstream(crun) << "#!/bin/sh\nexit 1\n").good());
  fs::permissions(crun, fs::perms::owner_all);
  policy.runtimes["crun"] = crun;
  node.open();
  if (facts_about_crun(node).hybrid_cgroups)
    rows.push_back({"crun", [](auto& r) { r.assignment.pod.runtime_class = "crun"; },
                    "crun does not run with this node's control groups"});
  if (!fs::exists("/sys/fs/selinux/enforce"))
    rows.push_back({"selinux", [](auto& r) { asked(r).selinux = "u:r:t:s0"; }, "SELinux is not active"});
  if (!fs::exists("/sys/module/apparmor"))
    for (const auto kind : {ProfileKind::runtime_default, ProfileKind::localhost})
      rows.push_back({"apparmor",
                      [kind](auto& r) {
                        asked(r).apparmor = SecurityProfile{kind, "x"};
                      },
                      "AppArmor is not active"});
  for (const auto& row : rows) {
    CAPTURE(std::string(row.name));
    auto request = node.request("a", {"sleep", "100000"});
    row.ask(request);
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(started.error().message.find(row.reason) != std::string::npos, started.error().message);
    CHECK(node.traces("a") == "");
    CHECK_FALSE(fs::exists(node.log_file("a")));
  }
}

TEST_CASE("users of images are looked up inside the image, whatever its links say") {
  auto node = permissive("users");
  const auto folder = node.machine.folder();
  std::ofstream(folder + "/passwd") << "root:x:0:0::/root:/bin/sh\napp:x:1500:1600:::/bin/sh\n";
  std::ofstream(folder + "/group") << "root:x:0:\nstaff:x:50:app\nvideo:x:44:other,app\napp:x:1600:\n";
  struct User {
    const char* name;
    std::vector<std::string> options;
    const char* ids;     ///< uid and gid of the process; nullptr: refused
    const char* groups;  ///< or the reason
  };
  const std::string passwd = "--file=/etc/passwd:0644:" + folder + "/passwd";
  const std::string group = "--file=/etc/group:0644:" + folder + "/group";
  const std::vector<User> users = {
      {"name", {"--user=app", passwd, group}, "1500 1600", "44 50"},
      {"number", {"--user=1500", passwd, group}, "1500 1600", "44 50"},
      {"name-and-group", {"--user=app:staff", passwd, group}, "1500 50", ""},
      {"unknown-number", {"--user=77", passwd, group}, "77 0", ""},
      {"absolute-link",
       {"--user=app", "--link=/etc/passwd:/srv/users", "--file=/srv/users:0644:" + folder + "/passwd", group},
       "1500 1600",
       "44 50"},
      // On the machine there is such a file, and "app" in it.
      {"link-out",
       {"--user=app", "--link=/etc/passwd:" + folder + "/passwd"},
       nullptr,
       "user \"app\" is neither a number nor in the image's /etc/passwd"},
      {"link-up-and-out",
       {"--user=app", "--link=/etc/passwd:../../../../../../.." + folder + "/passwd"},
       nullptr,
       "user \"app\" is neither a number nor in the image's /etc/passwd"},
      {"one-layer", {"--user=nobody"}, "65534 65534", ""},
      {"link-to-itself",
       {"--user=app", "--link=/etc/passwd:/etc/passwd"},
       nullptr,
       "/etc/passwd cannot be opened: Too many levels"},
      {"device", {"--user=app", "--link=/etc/passwd:/dev"}, nullptr, "/etc/passwd is not a regular file"},
      {"unknown", {"--user=nobody-knows"}, nullptr, "user \"nobody-knows\" is neither a number nor"},
      {"unknown-group",
       {"--user=app:wheel", passwd, group},
       nullptr,
       "group \"wheel\" is neither a number nor"},
  };
  for (const auto& user : users) {
    CAPTURE(std::string(user.name));
    node.image = node.machine.import_image(
        namespace_of(node.options), "cloudless.test/user-" + std::string(user.name) + ":1", user.options);
    REQUIRE_OK(node.prepare(node.image, ImagePullPolicy::never));
    const auto started = node.start_shell("a", "exec sleep 100000");
    if (user.ids == nullptr) {
      REQUIRE_FALSE(started.has_value());
      CHECK(started.error().code == Errc::failed_precondition);
      CHECK_MESSAGE(started.error().message.find(user.groups) != std::string::npos, started.error().message);
    } else {
      REQUIRE_OK(started);
      auto status = status_of(started->pid);
      std::string uid, gid;
      std::istringstream(status["Uid"]) >> uid;
      std::istringstream(status["Gid"]) >> gid;
      CHECK(uid + " " + gid == user.ids);
      CHECK(status["Groups"] == user.groups);
      REQUIRE_OK(node.remove("a"));
    }
    CHECK(node.traces("a") == "");
  }
  CHECK(node.ctr({"snapshots", "list"}).find("cloudless-accounts") == std::string::npos);
  CHECK(node.ctr({"leases", "list", "-q"}).find("cloudless-") == std::string::npos);
  SUBCASE("root by another name is root") {
    std::ofstream(folder + "/passwd") << "app:x:0:0:::\n";
    node.image = node.machine.import_image(namespace_of(node.options), "cloudless.test/user-root:1",
                                           {"--user=app", passwd});
    REQUIRE_OK(node.prepare(node.image, ImagePullPolicy::never));
    auto request = node.request("a", {"sleep", "100000"});
    asked(request).run_as_non_root = true;
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().message.find("\"app\" is root") != std::string::npos);
  }
}

#if defined(__x86_64__)
TEST_CASE("programs of another architecture are killed at their first call") {
  auto node = permissive("foreign");
  for (const bool filtered : {true, false}) {
    auto request = node.request("a", {"/bin/probe", "foreign"});
    if (!filtered) asked(request).seccomp.kind = ProfileKind::unconfined;
    REQUIRE_OK(node.start(request));
    const auto exit = node.wait("a");
    REQUIRE_OK(exit);
    CHECK(exit->exit_code == (filtered ? 128 + SIGSYS : 0));
    REQUIRE_OK(node.remove("a"));
  }
}
#endif

TEST_CASE("the machine's shared memory is seen with host_ipc alone") {
  auto node = permissive("ipc");
  const auto name = "cloudless-test-" + std::to_string(getpid());
  std::ofstream("/dev/shm/" + name) << "shared\n";
  auto request = node.request("shared", {"/bin/sh", "-c", "cat /dev/shm/" + name});
  asked(request).host_ipc = true;
  REQUIRE_OK(node.start(request));
  REQUIRE_OK(node.start_shell("own", "ls /dev/shm | wc -l"));
  CHECK(eventually([&] { return node.printed("shared") == "shared\n"; }));
  CHECK(eventually([&] { return node.printed("own") == "0\n"; }));
  fs::remove("/dev/shm/" + name);
  REQUIRE_OK(node.remove("shared"));
  REQUIRE_OK(node.remove("own"));
}

TEST_CASE("a command that joins a container is confined as the container is") {
  auto node = permissive("joining");
  auto request = node.request("a", {"sleep", "100000"});
  asked(request).run_as_user = 1234;
  asked(request).run_as_group = 2345;
  asked(request).supplemental_groups = {50};
  asked(request).capabilities_drop = {"ALL"};
  REQUIRE_OK(node.start(request));
  const auto said = node.exec(
      "a", {"grep", "-E", "^(Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs|Seccomp):", "/proc/self/status"});
  REQUIRE_OK(said);
  CHECK(
      said->stdout_data ==
      "Uid:\t1234\t1234\t1234\t1234\nGid:\t2345\t2345\t2345\t2345\nGroups:\t50 \nCapEff:\t0000000000000000\n"
      "CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("a capability that containerd does not have is refused") {
  auto node = permissive("bounds");
  const auto lacking = ~own_bounding();
  for (const auto& name : capabilities_of(lacking)) {
    auto request = node.request("a", {"sleep", "100000"});
    asked(request).capabilities_add = {name};
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().message.find("capability " + name + " cannot be given") != std::string::npos);
    CHECK(node.traces("a") == "");
  }
}

}  // namespace
