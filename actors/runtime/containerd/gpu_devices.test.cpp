#include "actors/runtime/containerd/gpu_devices.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

const GpuDevices kTwo{{{"/dev/null"}, {"/dev/zero", "/dev/full"}}, {"/dev/random"}};

std::vector<std::string> paths_of(const std::vector<std::uint8_t>& gpus, const GpuDevices& all = kTwo) {
  const auto devices = devices_of(all, gpus);
  REQUIRE_MESSAGE(devices.has_value(), (devices ? "" : devices.error().message));
  std::vector<std::string> out;
  for (const auto& device : *devices) out.push_back(device.path);
  return out;
}

TEST_CASE("a container gets the device nodes of its GPUs and those of all, each once") {
  using Paths = std::vector<std::string>;
  CHECK(paths_of({}) == Paths{});
  CHECK(paths_of({0}) == Paths{"/dev/null", "/dev/random"});
  CHECK(paths_of({1}) == Paths{"/dev/zero", "/dev/full", "/dev/random"});
  CHECK(paths_of({0, 1}) == Paths{"/dev/null", "/dev/zero", "/dev/full", "/dev/random"});
  CHECK(paths_of({0, 1}, {{{"/dev/null"}, {"/dev/zero"}}, {"/dev/null"}}) == Paths{"/dev/null", "/dev/zero"});
}

TEST_CASE("a device node is given with its numbers and its mode") {
  const auto device = find_device("/dev/zero");
  REQUIRE(device);
  CHECK(device->type == 'c');
  CHECK(device->major == 1);
  CHECK(device->minor == 5);
  CHECK((device->mode & 0666) == 0666);
}

TEST_CASE("a GPU that the node does not have, and one whose device is gone, are refused with the setting") {
  const auto absent = devices_of(kTwo, {0, 2});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == Errc::failed_precondition);
  CHECK(absent.error().message == "this node has no GPU 2: gpus.devices of its agent names 2");
  const struct {
    const char* path;
    const char* why;
  } cases[] = {{"/dev/no-such-gpu", "No such file"}, {"/dev", "not a character device"}};
  for (const auto& c : cases) {
    const auto devices = devices_of({{{c.path}}, {}}, {0});
    REQUIRE_FALSE(devices);
    CHECK(devices.error().code == Errc::failed_precondition);
    CHECK(devices.error().message.find(c.path) != std::string::npos);
    CHECK(devices.error().message.find(c.why) != std::string::npos);
  }
}

}  // namespace
}  // namespace cloudless::runtime
