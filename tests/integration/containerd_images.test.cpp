// Where images come from: the node itself, another namespace of containerd, a registry.
#include <doctest/doctest.h>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
using namespace std::chrono_literals;

void run_from_another_namespace(RuntimeNode& node) {
  auto& machine = node.machine;
  REQUIRE(machine.ctr(namespace_of(node.options), {"images", "rm", "--sync", node.image}).exit_code == 0);
  REQUIRE_FALSE(node.start_shell("a", "true").has_value());
  machine.import_image("k8s.io");
  REQUIRE_OK(node.prepare(node.image, ImagePullPolicy::if_not_present));
  // The copy stands on its own: neither the original's end nor a garbage collection takes it away.
  REQUIRE(machine.ctr("k8s.io", {"images", "rm", "--sync", node.image}).exit_code == 0);
  REQUIRE_OK(node.start_shell("a", "exit 5"));
  const auto exit = node.wait("a");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 5);
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("an image of another containerd namespace is taken over, unpacked and runs") {
  RuntimeNode node("taken");
  run_from_another_namespace(node);
}

TEST_CASE("an image is taken over where containerd keeps the namespaces' blobs apart") {
  ContainerdFixture apart(
      "[plugins.\"io.containerd.metadata.v1.bolt\"]\n  content_sharing_policy = \"isolated\"\n");
  RuntimeNode node("apart", apart);
  run_from_another_namespace(node);
}

TEST_CASE("an image is pulled from a registry, and what goes wrong there is said") {
  RuntimeNode node("pull");
  const test::Registry registry(node.machine.image_layout());
  const auto at = registry.address();
  SUBCASE("it runs from the node's own namespace afterwards") {
    const auto image = at + "/team/busybox:v1";
    REQUIRE_OK(node.prepare(image, ImagePullPolicy::if_not_present));
    auto request = node.request("a", {"/bin/sh", "-c", "exit 6"});
    request.assignment.pod.image = image;
    REQUIRE_OK(node.start(request));
    const auto exit = node.wait("a");
    REQUIRE_OK(exit);
    CHECK(exit->exit_code == 6);
    REQUIRE_OK(node.remove("a"));
    REQUIRE_OK(node.prepare(image, ImagePullPolicy::always));
    REQUIRE_OK(node.prepare(image, ImagePullPolicy::never));
  }
  SUBCASE("ten replicas that need it at the same time all get it") {
    std::vector<std::future<Result<PreparedImage>>> pulls;
    for (int i = 0; i < 10; ++i)
      pulls.push_back(under_way<PreparedImage>([&](auto done) {
        node.port->prepare_image({at + "/team/many:v1", ImagePullPolicy::if_not_present, {}, {}}, {},
                                 std::move(done));
      }));
    for (auto& pull : pulls) REQUIRE_OK(outcome(std::move(pull)));
  }
  SUBCASE("an image that is not there") {
    const auto missing = node.prepare(at + "/missing/x:v1", ImagePullPolicy::if_not_present);
    REQUIRE_FALSE(missing.has_value());
    CHECK_MESSAGE(missing.error().code == Errc::not_found, missing.error().message);
  }
  SUBCASE("an image that needs credentials") {
    const auto refused = node.prepare(at + "/private/x:v1", ImagePullPolicy::if_not_present);
    REQUIRE_FALSE(refused.has_value());
    CHECK_MESSAGE(refused.error().code == Errc::permission_denied, refused.error().message);
  }
}

}  // namespace
