// GPUs on real containerd: device nodes of the test's own stand for them. The kernel's log is one of them: it
// can be opened for writing by whom its control group lets, and does not come with every container.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "tests/integration/runtime_node.hpp"

namespace cloudless::test {
namespace {

constexpr auto kLog = std::pair{1, 11}, kZero = std::pair{1, 5}, kFull = std::pair{1, 7};

/// A node with two GPUs, the first being the kernel's log, and a device that both need.
struct GpuNode : RuntimeNode {
  explicit GpuNode(const std::string& name) : RuntimeNode(name) {
    folder = machine.folder() + "/" + name + "-devices";
    std::filesystem::create_directories(folder);
    options.gpus = {{{make("gpu0", kLog)}, {make("gpu1", kZero)}}, {make("gpuctl", kFull)}};
    open();
  }
  std::string make(const std::string& name, std::pair<int, int> numbers) const {
    const auto path = folder + "/" + name;
    REQUIRE(::mknod(path.c_str(), S_IFCHR | 0666,
                    makedev(static_cast<unsigned>(numbers.first), static_cast<unsigned>(numbers.second))) ==
            0);
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    return path;
  }
  runtime::ContainerRequest shell_with(const std::string& name, std::vector<std::uint8_t> gpus) const {
    auto out = request(name, {"/bin/sh", "-c", "echo up; exec sleep 100000"});
    out.assignment.gpus = std::move(gpus);
    return out;
  }
  /// What a command in the container prints of both streams.
  std::string sh(const std::string& name, const std::string& script) {
    const auto done = exec(name, {"/bin/sh", "-c", script});
    REQUIRE_OK(done);
    return done->stdout_data + done->stderr_data;
  }
  std::string folder;
};

TEST_CASE("a container has the devices of its GPUs, can use them, and has no others") {
  GpuNode node("gpus");
  REQUIRE_OK(node.start(node.shell_with("first", {0})));
  auto second = node.shell_with("second", {1});
  second.assignment.pod.requests.gpu_milli = 250;
  second.assignment.pod.security.capabilities_add = {"MKNOD"};
  REQUIRE_OK(node.start(second));
  REQUIRE_OK(node.start(node.shell_with("none", {})));

  CHECK(node.sh("first", "ls " + node.folder) == "gpu0\ngpuctl\n");
  CHECK(node.sh("second", "ls " + node.folder) == "gpu1\ngpuctl\n");
  CHECK(node.sh("none", "ls " + node.folder).find("No such file") != std::string::npos);

  const auto use = [&](const std::string& path) { return ": > " + path + " && echo opened"; };
  CHECK(node.sh("first", use(node.folder + "/gpu0")) == "opened\n");
  CHECK(node.sh("second", "head -c 3 " + node.folder + "/gpu1 | wc -c") == "3\n");
  CHECK(node.sh("second", "mknod /run/stolen c 1 11; " + use("/run/stolen")).find("not permitted") !=
        std::string::npos);

  CHECK(node.sh("first", "echo $CLOUDLESS_GPUS $NVIDIA_VISIBLE_DEVICES $CLOUDLESS_GPU_MILLI") == "0 0\n");
  CHECK(node.sh("second", "echo $CLOUDLESS_GPUS $NVIDIA_VISIBLE_DEVICES $CLOUDLESS_GPU_MILLI") ==
        "1 1 250\n");
  CHECK(node.sh("none", "echo $CLOUDLESS_GPUS $NVIDIA_VISIBLE_DEVICES") == "void\n");
  for (const char* name : {"first", "second", "none"}) REQUIRE_OK(node.remove(name));
}

TEST_CASE("a container keeps its GPU when its limits change") {
  GpuNode node("gpu-limits");
  REQUIRE_OK(node.start(node.shell_with("kept", {0})));
  REQUIRE_OK(outcome(under_way<runtime::Nothing>([&](auto done) {
    node.port->update_limits(ContainerId{"kept-0"}, {.memory_bytes = 64 << 20}, std::move(done));
  })));
  CHECK(node.sh("kept", ": > " + node.folder + "/gpu0 && echo opened") == "opened\n");
  REQUIRE_OK(node.remove("kept"));
}

TEST_CASE("a GPU that is not there is refused before anything is made, and its device may come back") {
  GpuNode node("gpu-gone");
  const auto refused = node.start(node.shell_with("third", {2}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message.find("no GPU 2") != std::string::npos);
  std::filesystem::remove(node.folder + "/gpu1");
  const auto gone = node.start(node.shell_with("second", {1}));
  REQUIRE_FALSE(gone);
  CHECK(gone.error().message.find(node.folder + "/gpu1: No such file") != std::string::npos);
  CHECK(node.traces("second") == "");
  node.make("gpu1", kZero);
  REQUIRE_OK(node.start(node.shell_with("second", {1})));
  REQUIRE_OK(node.remove("second"));
}

}  // namespace
}  // namespace cloudless::test
