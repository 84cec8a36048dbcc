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

TEST_CASE("users are numbers; a name is refused with the reason") {
  struct Case {
    const char* user;
    int uid, gid;
  };
  for (const auto& c : std::vector<Case>{
           {"", 0, 0}, {"1000", 1000, 0}, {"1000:2000", 1000, 2000}, {"root", 0, 0}, {"0:0", 0, 0}}) {
    auto in = input();
    in.image.user = c.user;
    const auto user = spec(in)["process"]["user"];
    CHECK(user["uid"] == c.uid);
    CHECK(user["gid"] == c.gid);
  }
  for (const char* name : {"nobody", "1000:staff", "-1", "1000:", "99999999999"}) {
    auto in = input();
    in.image.user = name;
    const auto refused = make_spec(in);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::failed_precondition);
    CHECK(refused.error().message.find(name) != std::string::npos);
  }
}

TEST_CASE("requests become shares, limits become quotas") {
  auto in = input();
  in.assignment.pod.requests.cpu_millicores = 250;
  auto resources = spec(in)["linux"]["resources"];
  CHECK(resources["cpu"]["shares"] == 256);
  CHECK_FALSE(resources["cpu"].contains("quota"));
  CHECK_FALSE(resources.contains("memory"));
  CHECK(resources["pids"]["limit"] == kPidsLimit);

  in.assignment.pod.limits = {1500, 64 << 20};
  resources = spec(in)["linux"]["resources"];
  CHECK(resources["cpu"]["quota"] == 150000);
  CHECK(resources["cpu"]["period"] == 100000);
  CHECK(resources["memory"]["limit"] == 64 << 20);

  in.assignment.pod.requests.cpu_millicores = 0;
  in.assignment.pod.limits.cpu_millicores = 1;
  resources = spec(in)["linux"]["resources"];
  CHECK(resources["cpu"]["shares"] == 2);  // the kernel's least
  CHECK(resources["cpu"]["quota"] == 1000);
}

TEST_CASE("a container gets namespaces of its own, few capabilities and no way to more") {
  const auto s = spec(input());
  Words namespaces;
  for (const auto& n : s["linux"]["namespaces"]) {
    namespaces.push_back(n["type"]);
    CHECK_FALSE(n.contains("path"));
  }
  for (const char* own : {"pid", "ipc", "uts", "mount", "network"})
    CHECK(std::count(namespaces.begin(), namespaces.end(), own) == 1);
  CHECK(s["process"]["noNewPrivileges"] == true);
  for (const char* set : {"bounding", "effective", "permitted"}) {
    const auto capabilities = s["process"]["capabilities"][set].get<Words>();
    for (const char* refused :
         {"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_MKNOD", "CAP_SYS_PTRACE", "CAP_SYS_MODULE"})
      CHECK(std::count(capabilities.begin(), capabilities.end(), refused) == 0);
  }
  CHECK(s["linux"]["resources"]["devices"][0]["allow"] == false);
  const auto masked = s["linux"]["maskedPaths"].get<Words>();
  CHECK(std::count(masked.begin(), masked.end(), "/proc/kcore") == 1);
  const auto readonly = s["linux"]["readonlyPaths"].get<Words>();
  CHECK(std::count(readonly.begin(), readonly.end(), "/proc/sys") == 1);
  CHECK(s["linux"]["cgroupsPath"] == "/cloudless/cloudless-node-1/web-0123456789-0-1");
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
  in.image.user = "1000:1000";
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
