#include "actors/runtime/containerd/oci_spec.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "actors/runtime/containerd/oci_process.hpp"
#include "actors/runtime/containerd/oci_resources.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

SpecInput input() {
  SpecInput in;
  in.container = ContainerId{"web-0123456789-0-1"};
  in.assignment.replica = ReplicaId{"web-0123456789-0"};
  in.assignment.ns = "default";
  in.assignment.workload_name = "web";
  in.assignment.version = 3;
  in.node = NodeId{"node-1"};
  in.containerd_namespace = "cloudless-node-1";
  in.cgroup = "/cloudless/default/web-0123456789-0";
  in.address = "10.87.0.5";
  in.image.entrypoint = {"/entry"};
  in.image.command = {"serve"};
  return in;
}

json spec(const SpecInput& in) {
  const auto made = make_spec(in);
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
  return json::parse(*made);
}

TEST_CASE("command and args replace what the image says, as in Kubernetes") {
  struct Case {
    Words entrypoint, image_command, command, args, expected;
  };
  const std::vector<Case> cases = {
      {{"/entry"}, {"serve"}, {}, {}, {"/entry", "serve"}},
      {{"/entry"}, {"serve"}, {}, {"-v"}, {"/entry", "-v"}},
      {{"/entry"}, {"serve"}, {"/other"}, {}, {"/other"}},
      {{"/entry"}, {"serve"}, {"/other"}, {"-v"}, {"/other", "-v"}},
      {{}, {"serve"}, {}, {}, {"serve"}},
      {{}, {}, {}, {"only"}, {"only"}},
  };
  for (const auto& c : cases) {
    auto in = input();
    in.image.entrypoint = c.entrypoint;
    in.image.command = c.image_command;
    in.assignment.pod.command = c.command;
    in.assignment.pod.args = c.args;
    CHECK(spec(in)["process"]["args"].get<Words>() == c.expected);
  }
  auto nothing = input();
  nothing.image.entrypoint.clear();
  nothing.image.command.clear();
  CHECK(make_spec(nothing).error().code == Errc::failed_precondition);
}

TEST_CASE("the environment is the image's, then the host name, then the user's, then ours; later ones win") {
  auto in = input();
  in.image.env = {"PATH=/opt/bin", "A=image", "B=image", "not a variable"};
  in.assignment.pod.env = {{"A", "user"}, {"CLOUDLESS_NODE", "forged"}, {"EQ", "a=b"}};
  const auto env = spec(in)["process"]["env"].get<Words>();
  const auto has = [&](const std::string& e) { return std::count(env.begin(), env.end(), e) == 1; };
  CHECK(has("PATH=/opt/bin"));
  CHECK(has("A=user"));
  CHECK(has("B=image"));
  CHECK(has("EQ=a=b"));
  CHECK(has("HOSTNAME=web-0123456789-0"));
  CHECK(has("CLOUDLESS_NODE=node-1"));
  CHECK(has("CLOUDLESS_REPLICA=web-0123456789-0"));
  CHECK(has("CLOUDLESS_ADDRESS=10.87.0.5"));
  CHECK(has("CLOUDLESS_VERSION=3"));
  CHECK(std::count_if(env.begin(), env.end(), [](const auto& e) { return e.starts_with("A="); }) == 1);
}

TEST_CASE("an image without a PATH gets one") {
  const auto env = spec(input())["process"]["env"].get<Words>();
  CHECK(std::any_of(env.begin(), env.end(),
                    [](const auto& e) { return e.starts_with("PATH=/usr/local/sbin:"); }));
}

Words namespaces_of(const json& spec) {
  Words out;
  for (const auto& n : spec["linux"]["namespaces"]) {
    out.push_back(n["type"]);
    CHECK_FALSE(n.contains("path"));
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Options of what is mounted there.
Words mount_options(const json& spec, const std::string& destination) {
  for (const auto& m : spec["mounts"])
    if (m["destination"] == destination) return m["options"].get<Words>();
  return {};
}

TEST_CASE("what was judged is written down for the runtime") {
  auto in = input();
  auto& given = in.confinement;
  given.user = {1000, 1001, {5, 50}};
  given.capabilities = {"CAP_CHOWN", "CAP_KILL"};
  given.ambient = {"CAP_KILL"};
  given.seccomp = {{"defaultAction", "SCMP_ACT_ERRNO"}};
  given.apparmor = "mine";
  given.selinux = "u:r:t:s0";
  given.sysctls = {{"net.ipv4.tcp_syncookies", "0"}};
  given.read_only_root = true;
  given.masked_paths = {"/a"};
  given.read_only_paths = {"/b"};
  const auto s = spec(in);
  const auto& process = s["process"];
  CHECK(process["user"] == json::parse(R"({"uid": 1000, "gid": 1001, "additionalGids": [5, 50]})"));
  for (const char* set : {"bounding", "effective", "permitted"})
    CHECK(process["capabilities"][set].get<Words>() == given.capabilities);
  for (const char* set : {"inheritable", "ambient"})
    CHECK(process["capabilities"][set].get<Words>() == given.ambient);
  CHECK(process["noNewPrivileges"] == true);
  CHECK(process["apparmorProfile"] == "mine");
  CHECK(process["selinuxLabel"] == "u:r:t:s0");
  CHECK(s["root"]["readonly"] == true);
  const auto& part = s["linux"];
  CHECK(part["seccomp"] == given.seccomp);
  CHECK(part["sysctl"]["net.ipv4.tcp_syncookies"] == "0");
  CHECK(part["maskedPaths"].get<Words>() == Words{"/a"});
  CHECK(part["readonlyPaths"].get<Words>() == Words{"/b"});
  CHECK(part["resources"]["devices"][0]["allow"] == false);
  CHECK(part["cgroupsPath"] == "/cloudless/default/web-0123456789-0");
}

TEST_CASE("a container has namespaces of its own, and shares those that it may") {
  CHECK(namespaces_of(spec(input())) == Words{"cgroup", "ipc", "mount", "network", "pid", "uts"});
  auto in = input();
  in.confinement.host_pid = in.confinement.host_ipc = in.confinement.host_network = true;
  const auto s = spec(in);
  CHECK(namespaces_of(s) == Words{"cgroup", "mount", "uts"});
  CHECK(mount_options(s, "/dev/shm").front() == "rbind");
  CHECK(mount_options(spec(input()), "/dev/shm").back() == "size=65536k");
}

TEST_CASE("a container joins the network namespace that was made for it") {
  auto in = input();
  in.network_namespace = "/proc/7/fd/9";
  for (const auto& one : spec(in)["linux"]["namespaces"])
    CHECK(one.value("path", "") == (one["type"] == "network" ? "/proc/7/fd/9" : ""));
  in.confinement.host_network = true;
  CHECK_FALSE(namespaces_of(spec(in)) == namespaces_of(spec(input())));
}

TEST_CASE("privileged containers have every device and a /sys that can be written") {
  auto in = input();
  CHECK(mount_options(spec(in), "/sys").back() == "ro");
  CHECK(mount_options(spec(in), "/sys/fs/cgroup").back() == "ro");
  in.confinement.privileged = true;
  in.confinement.devices = {{"/dev/vda", 'b', 254, 0, 0660, 0, 6}};
  const auto s = spec(in);
  CHECK(mount_options(s, "/sys").back() == "rw");
  CHECK(mount_options(s, "/sys/fs/cgroup").back() == "rw");
  CHECK(s["linux"]["resources"]["devices"][0]["allow"] == true);
  CHECK(s["linux"]["devices"] ==
        json::parse(R"([{"path": "/dev/vda", "type": "b", "major": 254, "minor": 0, "fileMode": 432, "uid": 0,
                         "gid": 6}])"));
}

TEST_CASE("devices that a container is given are open to it, and no others") {
  auto in = input();
  in.confinement.devices = {{"/dev/nvidia0", 'c', 195, 0, 0666, 0, 0}};
  const auto part = spec(in)["linux"];
  CHECK(part["devices"][0]["path"] == "/dev/nvidia0");
  CHECK(part["resources"]["devices"] == json::parse(R"([{"allow": false, "access": "rwm"},
                        {"allow": true, "type": "c", "major": 195, "minor": 0, "access": "rw"}])"));
}

TEST_CASE("a container is told which GPUs it has, whatever image and user say; one without is told so") {
  const auto value = [](const SpecInput& in, const std::string& name) {
    std::string out = "unset";
    for (const auto& entry : spec(in)["process"]["env"].get<Words>())
      if (entry.starts_with(name + "=")) out = entry.substr(name.size() + 1);
    return out;
  };
  auto in = input();
  in.image.env = {"NVIDIA_VISIBLE_DEVICES=all"};
  CHECK(value(in, "NVIDIA_VISIBLE_DEVICES") == "all");
  CHECK(value(in, "CLOUDLESS_GPUS") == "unset");
  in.node_has_gpus = true;
  CHECK(value(in, "NVIDIA_VISIBLE_DEVICES") == "void");
  in.assignment.pod.env = {{"NVIDIA_VISIBLE_DEVICES", "all"}};
  CHECK(value(in, "NVIDIA_VISIBLE_DEVICES") == "void");
  auto privileged = in;
  privileged.confinement.privileged = true;
  CHECK(value(privileged, "NVIDIA_VISIBLE_DEVICES") == "all");
  in.assignment.gpus = {0, 2};
  CHECK(value(in, "NVIDIA_VISIBLE_DEVICES") == "0,2");
  CHECK(value(in, "CLOUDLESS_GPUS") == "0,2");
  CHECK(value(in, "CLOUDLESS_GPU_MILLI") == "unset");
  in.assignment.gpus = {1};
  in.assignment.pod.requests.gpu_milli = 250;
  CHECK(value(in, "CLOUDLESS_GPUS") == "1");
  CHECK(value(in, "CLOUDLESS_GPU_MILLI") == "250");
}

TEST_CASE("mounts of the workload come after the kernel's, in their order") {
  auto in = input();
  in.mounts = {{"/data", "bind", "/srv/data", {"rbind", "ro"}}, {"/tmp", "tmpfs", "tmpfs", {}}};
  const auto mounts = spec(in)["mounts"];
  REQUIRE(mounts.size() > 2);
  CHECK(mounts[mounts.size() - 2]["destination"] == "/data");
  CHECK(mounts[mounts.size() - 2]["options"].get<Words>() == Words{"rbind", "ro"});
  CHECK(mounts[mounts.size() - 1]["destination"] == "/tmp");
}

TEST_CASE("the working directory is the user's, else the image's, else the root") {
  auto in = input();
  CHECK(spec(in)["process"]["cwd"] == "/");
  in.image.working_dir = "/srv";
  CHECK(spec(in)["process"]["cwd"] == "/srv");
  in.assignment.pod.working_dir = "/data";
  CHECK(spec(in)["process"]["cwd"] == "/data");
}

TEST_CASE("a host name has at most 63 characters and does not end in a dash") {
  CHECK(host_name(ReplicaId{"web-0123456789-0"}) == "web-0123456789-0");
  CHECK(host_name(ReplicaId{std::string(80, 'a')}) == std::string(63, 'a'));
  CHECK(host_name(ReplicaId{std::string(61, 'a') + "--12"}) == std::string(61, 'a'));
}

TEST_CASE("bytes that are not UTF-8 are refused, not a crash") {
  auto in = input();
  in.assignment.pod.args = {"\xff\xfe"};
  CHECK(make_spec(in).error().code == Errc::failed_precondition);
}

TEST_CASE("an exec is the container's process with another command") {
  auto in = input();
  in.confinement.user = {1000, 1000, {}};
  const auto text = make_spec(in);
  REQUIRE(text.has_value());
  const auto process = make_exec_process(*text, {"ls", "-l"});
  REQUIRE(process.has_value());
  const auto p = json::parse(*process);
  CHECK(p["args"].get<Words>() == Words{"ls", "-l"});
  CHECK(p["user"]["uid"] == 1000);
  CHECK(p["noNewPrivileges"] == true);
  CHECK(p["env"] == json::parse(*text)["process"]["env"]);
  CHECK(make_exec_process("{", {"ls"}).error().code == Errc::data_loss);
}

}  // namespace
}  // namespace cloudless::runtime
