// Pulls from Debian's docker-registry: which bytes, with which credentials, how many at once, how far, and
// what happens when the registry goes away; and which images are taken away again.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/integration/runtime_node.hpp"
#include "tests/support/docker_registry.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;

constexpr auto kAlways = ImagePullPolicy::always;
constexpr auto kIfNotPresent = ImagePullPolicy::if_not_present;
constexpr auto kNever = ImagePullPolicy::never;

/// The test image with this script as its entry point: other bytes for each.
std::string layout_with(const ContainerdFixture& machine, const std::string& name,
                        const std::string& script) {
  const auto tar = machine.folder() + "/" + name + ".tar";
  if (std::filesystem::exists(tar)) return tar;
  std::ofstream(machine.folder() + "/" + name + ".sh") << script << "\n";
  const auto made = run({"python3", CLOUDLESS_SOURCE_ROOT "/tests/support/make_image.py", tar,
                         "cloudless.test/" + name + ":1", machine.folder() + "/" + name + ".sh"});
  REQUIRE_MESSAGE(made.exit_code == 0, made.output);
  return tar;
}

std::string layout_ending_with(const ContainerdFixture& machine, int code) {
  return layout_with(machine, "ends-" + std::to_string(code), "exit " + std::to_string(code));
}

/// What a container of the image ends with, started from exactly this digest.
std::int32_t run_image(RuntimeNode& node, const std::string& image, const std::string& digest) {
  auto request = node.request("pinned", {});
  request.assignment.pod.image = image;
  request.assignment.image.digest = digest;
  const auto started = node.start(request);
  REQUIRE_OK(started);
  CHECK(started->image_digest == digest);
  const auto exit = node.wait("pinned");
  REQUIRE_OK(exit);
  REQUIRE_OK(node.remove("pinned"));
  return exit->exit_code;
}

/// Takes every trace of an image away, as if this node had never seen it.
void forget_image(RuntimeNode& node) {
  for (const auto& ns : {namespace_of(node.options), std::string("k8s.io")}) {
    const auto names = node.machine.ctr(ns, {"images", "list", "-q"}).output;
    for (std::size_t begin = 0, end = 0; (end = names.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      node.machine.ctr(ns, {"images", "rm", "--sync", names.substr(begin, end - begin)});
  }
}

bool lists(RuntimeNode& node, const std::string& ns, const std::string& text) {
  return node.machine.ctr(ns, {"images", "list"}).output.find(text) != std::string::npos;
}

template <class T>
void check_refused(const Result<T>& result, Errc code, const std::string& part) {
  REQUIRE_FALSE(result.has_value());
  CHECK_MESSAGE(result.error().code == code, result.error().message);
  CHECK_MESSAGE(result.error().message.find(part) != std::string::npos, result.error().message);
}

/// What GET /requests of tests/support/registry.py says.
std::string requests_of(const test::Registry& registry) {
  return run({"python3", "-c",
              "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
              "http://" + registry.address() + "/requests"})
      .output;
}

TEST_CASE("a tag that moves changes nothing for who has the digest") {
  RuntimeNode node("moving");
  DockerRegistry registry(node.machine.folder() + "/registry-moving");
  const auto first = registry.push(node.machine, layout_ending_with(node.machine, 41), "team/app:v1");
  const auto image = registry.address() + "/team/app:v1";
  const auto resolved = node.prepare(image, kIfNotPresent);
  REQUIRE_OK(resolved);
  CHECK(resolved->digest == first);
  const auto second = registry.push(node.machine, layout_ending_with(node.machine, 42), "team/app:v1");
  REQUIRE(second != first);
  SUBCASE("the node that has it goes on with what it has; asked anew, it gets the new one, and runs both") {
    CHECK(node.prepare(image, kIfNotPresent)->digest == first);
    CHECK(node.prepare(image, kAlways)->digest == second);
    CHECK(run_image(node, image, second) == 42);
    CHECK(run_image(node, image, first) == 41);
  }
  SUBCASE("a node without it pulls the digest, not the tag") {
    forget_image(node);
    REQUIRE_FALSE(node.prepare(image, kNever, first).has_value());
    const auto pinned = node.prepare(image, kIfNotPresent, first);
    REQUIRE_OK(pinned);
    CHECK(pinned->digest == first);
    CHECK(run_image(node, image, first) == 41);
    check_refused(node.prepare(image, kNever, second), Errc::not_found, "is not on this node");
  }
  SUBCASE("an image named by its digest in the spec needs nobody to resolve it") {
    forget_image(node);
    const auto named = registry.address() + "/team/app@" + first;
    const auto pulled = node.prepare(named, kIfNotPresent);
    REQUIRE_OK(pulled);
    CHECK(pulled->digest == first);
    CHECK(run_image(node, named, first) == 41);
  }
}

TEST_CASE("a node that has another image under the tag does not run it for this version") {
  RuntimeNode node("other");
  const auto local = namespace_of(node.options);
  REQUIRE(node.machine.ctr(local, {"images", "import", layout_ending_with(node.machine, 41)}).exit_code == 0);
  const auto mine = node.prepare("cloudless.test/ends-41:1", kNever);
  REQUIRE_OK(mine);
  CHECK(run_image(node, "cloudless.test/ends-41:1", mine->digest) == 41);
  const std::string theirs = "sha256:" + std::string(64, 'e');
  check_refused(
      node.prepare("cloudless.test/ends-41:1", kNever, theirs), Errc::failed_precondition,
      "this node has cloudless.test/ends-41:1 as " + mine->digest + ", and this version runs " + theirs);
  auto request = node.request("wrong", {});
  request.assignment.pod.image = "cloudless.test/ends-41:1";
  request.assignment.image.digest = theirs;
  CHECK_FALSE(node.start(request).has_value());
  CHECK(node.traces("wrong").empty());
}

TEST_CASE("pull secrets open a registry, wrong ones are named") {
  RuntimeNode node("secrets");
  DockerRegistry registry(node.machine.folder() + "/registry-secrets", "robot", "correct horse");
  const auto digest = registry.push(node.machine, layout_ending_with(node.machine, 43), "team/app:v1");
  const auto image = registry.address() + "/team/app:v1";
  const RegistryCredentials good{registry.address(), "robot", "correct horse"};
  const RegistryCredentials bad{registry.address(), "robot", "wrong"};
  check_refused(node.prepare(image, kIfNotPresent), Errc::permission_denied, "refuses access");
  check_refused(node.prepare(image, kIfNotPresent, {}, {{bad}, {"pull secret default/x does not exist"}}),
                Errc::permission_denied, "pull secret default/x does not exist");
  const auto pulled = node.prepare(image, kIfNotPresent, {}, {{bad, good}, {}});
  REQUIRE_OK(pulled);
  CHECK(pulled->digest == digest);
  CHECK(run_image(node, image, digest) == 43);
  // ALWAYS asks the registry each time, and with the credentials.
  check_refused(node.prepare(image, kAlways, digest), Errc::permission_denied, "refuses access");
  CHECK(node.prepare(image, kAlways, digest, {{good}, {}})->digest == digest);
}

TEST_CASE("each policy does what it says while the registry is there, away, and back") {
  RuntimeNode node("policies");
  DockerRegistry registry(node.machine.folder() + "/registry-policies");
  const auto digest = registry.push(node.machine, layout_ending_with(node.machine, 44), "team/app:v1");
  const auto image = registry.address() + "/team/app:v1";
  check_refused(node.prepare(image, kNever), Errc::not_found, "the pull policy is NEVER");
  registry.stop();
  check_refused(node.prepare(image, kIfNotPresent), Errc::unavailable, "cannot be reached");
  registry.start();
  // The failure is shared for half a second.
  REQUIRE(eventually([&] { return node.prepare(image, kIfNotPresent).has_value(); }));
  registry.stop();
  CHECK(node.prepare(image, kIfNotPresent)->digest == digest);
  CHECK(node.prepare(image, kNever)->digest == digest);
  CHECK(node.prepare(image, kIfNotPresent, digest)->digest == digest);
  check_refused(node.prepare(image, kAlways, digest), Errc::unavailable, "cannot be reached");
  registry.start();
  REQUIRE(eventually([&] { return node.prepare(image, kAlways, digest).has_value(); }));
}

TEST_CASE("many replicas are one pull, and a node pulls at most so many images at once") {
  RuntimeNode node("many");
  node.options.images.max_pulls = 2;
  node.open();
  std::vector<std::string> layouts;
  for (int i = 0; i < 4; ++i) layouts.push_back(layout_ending_with(node.machine, 50 + i));
  const test::Registry registry(layouts);
  std::vector<std::future<Result<PreparedImage>>> pulls;
  for (int image = 0; image < 4; ++image)
    for (int replica = 0; replica < 10; ++replica)
      pulls.push_back(under_way<PreparedImage>([&](auto done) {
        node.port->prepare_image(
            {registry.address() + "/slow/app:v" + std::to_string(image), kIfNotPresent, {}, {}}, {}, done);
      }));
  // What is here already does not queue behind them.
  REQUIRE_OK(node.prepare(node.image, kIfNotPresent));
  for (auto& pull : pulls) REQUIRE_OK(outcome(std::move(pull)));
  const auto seen = requests_of(registry);
  INFO(seen);
  CHECK(seen.find("\"most_at_once\": 2") != std::string::npos);
  for (int image = 0; image < 4; ++image)
    CHECK(seen.find("HEAD /v2/slow/app/manifests/v" + std::to_string(image) + "\": 1") != std::string::npos);
}

TEST_CASE(
    "a pull says how far it is, and a registry that dies or hangs in the middle ends it with a reason") {
  RuntimeNode node("middle");
  node.options.pull_stall = 3000;
  node.open();
  std::vector<std::string> layouts;
  for (int i = 0; i < 3; ++i) layouts.push_back(layout_ending_with(node.machine, 60 + i));
  auto registry = std::make_unique<test::Registry>(layouts);
  std::mutex mutex;
  std::vector<std::string> told;
  const auto news = [&](const std::string& words) {
    const std::lock_guard lock(mutex);
    told.push_back(words);
  };
  const auto heard = [&] {
    const std::lock_guard lock(mutex);
    return std::any_of(told.begin(), told.end(),
                       [](const auto& w) { return w.find(" of ") != std::string::npos; });
  };
  SUBCASE("progress") {
    REQUIRE_OK(node.prepare(registry->address() + "/slow/app:v0", kIfNotPresent, {}, {}, news));
    CHECK(told.front() == "pulling");
    CHECK(heard());
    CHECK(told.size() <= 11);
  }
  SUBCASE("death") {
    auto pull = under_way<PreparedImage>([&](auto done) {
      node.port->prepare_image({registry->address() + "/slow/app:v1", kIfNotPresent, {}, {}}, news, done);
    });
    REQUIRE(eventually(heard));
    registry.reset();
    const auto result = outcome(std::move(pull));
    REQUIRE_FALSE(result.has_value());
    CHECK_MESSAGE(result.error().code == Errc::unavailable, result.error().message);
  }
  SUBCASE("silence") {
    check_refused(node.prepare(registry->address() + "/stuck/app:v2", kIfNotPresent), Errc::unavailable,
                  "no byte came for 3 s");
  }
}

TEST_CASE("Debian's registry freezes in the middle of its answers, goes on, and the pull succeeds") {
  RuntimeNode node("frozen");
  DockerRegistry registry(node.machine.folder() + "/registry-frozen");
  const auto digest = registry.push(node.machine, layout_ending_with(node.machine, 45), "team/app:v1");
  registry.freeze(true);
  auto pull = under_way<PreparedImage>([&](auto done) {
    node.port->prepare_image({registry.address() + "/team/app:v1", kIfNotPresent, {}, {}}, {}, done);
  });
  CHECK(pull.wait_for(std::chrono::seconds(1)) == std::future_status::timeout);
  registry.freeze(false);
  const auto pulled = outcome(std::move(pull));
  REQUIRE_OK(pulled);
  CHECK(pulled->digest == digest);
}

TEST_CASE(
    "a mirror in containerd's hosts.toml is used, and the credentials for the registry do not go there") {
  RuntimeNode node("mirror");
  DockerRegistry mirror(node.machine.folder() + "/registry-mirror");
  const auto digest = mirror.push(node.machine, layout_ending_with(node.machine, 46), "team/app:v1");
  const auto certs = node.machine.folder() + "/certs.d/registry.invalid";
  std::filesystem::create_directories(certs);
  std::ofstream(certs + "/hosts.toml")
      << "server = \"https://registry.invalid\"\n[host.\"http://" << mirror.address()
      << "\"]\n  capabilities = [\"pull\", \"resolve\"]\n";
  const auto pulled = node.prepare("registry.invalid/team/app:v1", kIfNotPresent, {},
                                   {{{"registry.invalid", "robot", "secret"}}, {}});
  REQUIRE_OK(pulled);
  CHECK(pulled->digest == digest);
  CHECK(run_image(node, "registry.invalid/team/app:v1", digest) == 46);
}

TEST_CASE("unused images go when the disk is fuller than it should be, the oldest use first, and no other") {
  RuntimeNode node("garbage");
  node.options.images = {3, 1, 0, 0};  // every disk is more than 1 % full, and never less than 0 %
  node.open();
  const auto own = namespace_of(node.options);
  DockerRegistry registry(node.machine.folder() + "/registry-garbage");
  const auto idle = registry.push(node.machine, layout_ending_with(node.machine, 47), "team/idle:v1");
  const auto kept = registry.push(node.machine, layout_ending_with(node.machine, 48), "team/kept:v1");
  const auto busy =
      registry.push(node.machine, layout_with(node.machine, "busy", "exec sleep 1000"), "team/busy:v1");
  for (const char* name : {"idle", "kept", "busy"})
    REQUIRE_OK(node.prepare(registry.address() + "/team/" + name + ":v1", kIfNotPresent));
  auto request = node.request("runs", {});
  request.assignment.pod.image = registry.address() + "/team/busy:v1";
  request.assignment.image.digest = busy;
  REQUIRE_OK(node.start(request));
  // An agent that starts again knows what was used, and by whom.
  node.open();
  const ImageRequest wanted{registry.address() + "/team/kept:v1", kIfNotPresent, kept, {}};
  node.port->collect_images({wanted});
  REQUIRE(eventually([&] { return !lists(node, own, idle); }));
  CHECK_FALSE(lists(node, "k8s.io", idle));
  CHECK(lists(node, own, kept));
  CHECK(lists(node, own, busy));
  // What somebody imported by hand stays.
  CHECK(lists(node, own, node.image));
  CHECK(run_image(node, wanted.image, kept) == 48);
  CHECK_FALSE(lists(node, own, idle));
  REQUIRE_OK(node.prepare(registry.address() + "/team/idle:v1", kIfNotPresent));
  CHECK(run_image(node, registry.address() + "/team/idle:v1", idle) == 47);
  REQUIRE_OK(node.remove("runs"));
  REQUIRE(eventually([&] {
    node.port->collect_images({});
    return !lists(node, own, busy) && !lists(node, own, kept) && !lists(node, own, idle);
  }));
  CHECK(lists(node, own, node.image));
}

TEST_CASE("an image that is being prepared for a start is never taken away") {
  RuntimeNode node("race");
  node.options.images = {3, 1, 0, 0};
  node.open();
  DockerRegistry registry(node.machine.folder() + "/registry-race");
  const auto digest = registry.push(node.machine, layout_ending_with(node.machine, 49), "team/app:v1");
  const ImageRequest wanted{registry.address() + "/team/app:v1", kIfNotPresent, digest, {}};
  std::atomic<bool> over{false};
  std::thread collector([&] {
    while (!over) {
      node.port->collect_images({wanted});
      node.port->collect_images({});
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 15; ++round) {
    // Nobody has it assigned; then somebody has, and the collections that knew of nobody are late.
    const auto prepared = node.prepare(wanted.image, kIfNotPresent, digest);
    CHECK_MESSAGE(prepared.has_value(), (prepared ? "" : prepared.error().message));
  }
  over = true;
  collector.join();
}

}  // namespace
