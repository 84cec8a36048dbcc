#include "actors/runtime/containerd/volume_plan.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

Assignment assignment_with(std::vector<Volume> volumes, std::vector<ConfigFile> files = {}) {
  Assignment out;
  out.replica = ReplicaId{"web-0123456789-0"};
  out.pod.volumes = std::move(volumes);
  out.pod.config_files = std::move(files);
  return out;
}

std::string refusal(const Assignment& assignment, const NodePolicy& policy = {}) {
  const auto plan = plan_volumes(assignment, policy);
  if (plan) return {};
  CHECK(plan.error().code == Errc::failed_precondition);
  return plan.error().message;
}

TEST_CASE(
    "every volume and file has a place in the replica's folder, and parents are mounted before children") {
  const auto plan = plan_volumes(assignment_with({{"inner", "/data/deep/er", false, EmptyDir{4096, true}},
                                                  {"outer", "/data", true, EmptyDir{}}},
                                                 {{"/data/deep/app.conf", "x", 0600}, {"/top", "y", 0644}}),
                                 {});
  REQUIRE(plan.has_value());
  CHECK(plan->volumes ==
        std::vector<PlannedVolume>{{"volumes/inner", EmptyDir{4096, true}}, {"volumes/outer", EmptyDir{}}});
  CHECK(plan->files == std::vector<PlannedFile>{{"files/0", "x", 0600}, {"files/1", "y", 0644}});
  CHECK(plan->mounts == std::vector<PlannedMount>{{"/data", "volumes/outer", true},
                                                  {"/top", "files/1", true},
                                                  {"/data/deep/er", "volumes/inner", false},
                                                  {"/data/deep/app.conf", "files/0", true}});
  const auto mounts = spec_mounts(*plan, "/v/r");
  REQUIRE(mounts.size() == 4);
  CHECK(mounts[0] ==
        SpecMount{"/data", "bind", "/v/r/volumes/outer", {"bind", "rprivate", "nosuid", "nodev", "ro"}});
  CHECK(mounts[2].options.back() == "rw");
}

TEST_CASE("nothing asked for is nothing to do") {
  const auto plan = plan_volumes(assignment_with({}), {});
  REQUIRE(plan.has_value());
  CHECK(plan->empty());
  auto limited = assignment_with({});
  limited.limits.storage_bytes = 1 << 20;
  CHECK(plan_volumes(limited, {})->layer_limit == 1 << 20);
  CHECK_FALSE(plan_volumes(limited, {})->empty());
}

TEST_CASE("memory without a limit of its own is limited by what the container may use") {
  auto assignment = assignment_with({{"m", "/m", false, EmptyDir{0, true}}, {"d", "/d", false, EmptyDir{}}});
  assignment.limits.memory_bytes = 64 << 20;
  const auto plan = plan_volumes(assignment, {});
  REQUIRE(plan.has_value());
  CHECK(std::get<EmptyDir>(plan->volumes[0].source).size_limit_bytes == 64 << 20);
  CHECK(std::get<EmptyDir>(plan->volumes[1].source).size_limit_bytes == 0);
}

TEST_CASE("a host path is granted by the longest allowed path that covers it, by whole names") {
  NodePolicy policy;
  policy.host_paths = {{"/srv", kReadOnly}, {"/srv/data", kReadWrite}, {"/srv/data/keys", kReadOnly}};
  const struct {
    const char* path;
    bool read_only;
    const char* root;  ///< absent: refused
    const char* reason;
  } cases[] = {
      {"/srv", true, "/srv", ""},
      {"/srv/x", true, "/srv", ""},
      {"/srv/x", false, nullptr, "this node allows host path /srv read-only"},
      {"/srv/data", false, "/srv/data", ""},
      {"/srv/data/a/b", true, "/srv/data", ""},
      {"/srv/data/keys/a", true, "/srv/data/keys", ""},
      {"/srv/data/keys/a", false, nullptr, "this node allows host path /srv/data/keys read-only"},
      {"/srvx", true, nullptr, "this node does not allow host path /srvx"},
      {"/", true, nullptr, "this node does not allow host path /;"},
      {"/etc/shadow", true, nullptr, "this node does not allow host path /etc/shadow"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.path);
    CAPTURE(c.read_only);
    const auto assignment = assignment_with({{"h", "/h", c.read_only, HostPath{c.path}}});
    if (c.root) {
      const auto plan = plan_volumes(assignment, policy);
      REQUIRE(plan.has_value());
      CHECK(std::get<GrantedHostPath>(plan->volumes[0].source) ==
            GrantedHostPath{c.root, c.path, c.read_only});
    } else {
      const auto reason = refusal(assignment, policy);
      CHECK_MESSAGE(reason.find(c.reason) != std::string::npos, reason);
      CHECK_MESSAGE(reason.find("policy.host_paths") != std::string::npos, reason);
    }
  }
  CHECK(refusal(assignment_with({{"h", "/h", true, HostPath{"/srv"}}})) != "");
  policy.host_paths = {{"/", kReadOnly}};
  CHECK(refusal(assignment_with({{"h", "/h", true, HostPath{"/any/where"}}}), policy) == "");
}

TEST_CASE("a size limit on disk is refused for a container that quotas do not bind") {
  for (const auto& security :
       {SecurityContext{.privileged = true}, SecurityContext{.capabilities_add = {"SYS_RESOURCE"}},
        SecurityContext{.capabilities_add = {"ALL"}}}) {
    auto on_disk = assignment_with({{"d", "/d", false, EmptyDir{4096, false}}});
    on_disk.pod.security = security;
    CHECK(refusal(on_disk).find("volume d: a size limit on disk does not bind") != std::string::npos);
    auto layer = assignment_with({});
    layer.limits.storage_bytes = 4096;
    layer.pod.security = security;
    CHECK(refusal(layer).find("limits.storage_bytes does not bind") != std::string::npos);
    auto memory = assignment_with({{"m", "/m", false, EmptyDir{4096, true}}, {"d", "/d", false, EmptyDir{}}});
    memory.pod.security = security;
    CHECK(refusal(memory) == "");
  }
}

TEST_CASE("a limited layer takes the place of the snapshot's own directories and of nothing else") {
  const auto options =
      with_layer({"index=off", "workdir=/s/1/work", "upperdir=/s/1/fs", "lowerdir=/s/0/fs:/x"}, "/l");
  REQUIRE(options.has_value());
  CHECK(*options ==
        std::vector<std::string>{"index=off", "workdir=/l/work", "upperdir=/l/fs", "lowerdir=/s/0/fs:/x"});
  CHECK(with_layer({"rbind", "ro"}, "/l").error().code == Errc::failed_precondition);
}

}  // namespace
}  // namespace cloudless::runtime
