// What the tests of the runtime port share: a node on the program's own containerd, with the port's calls
// made blocking.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "actors/runtime/containerd/containerd_runtime.hpp"
#include "tests/support/containerd_fixture.hpp"

namespace cloudless::test {

inline constexpr auto kPatience = std::chrono::seconds(60);

/// One containerd for all tests of this program.
ContainerdFixture& containerd();

/// Awaits a condition for as long as patience lasts.
bool eventually(const std::function<bool()>& condition);

/// The answer of a call of the port, to be waited for.
template <class T>
std::future<Result<T>> under_way(const std::function<void(runtime::Done<T>)>& call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call([promise](Result<T> result) { promise->set_value(std::move(result)); });
  return future;
}

template <class T>
Result<T> outcome(std::future<Result<T>> future) {
  if (future.wait_for(kPatience) != std::future_status::ready)
    return fail(Errc::deadline_exceeded, "the test waited too long");
  return future.get();
}

/// A node with its runtime. A container's id is its name here with "-0" behind it.
class RuntimeNode {
 public:
  explicit RuntimeNode(const std::string& name, ContainerdFixture& fixture = containerd());
  /// Makes the runtime anew, as an agent that starts again does.
  void open();

  runtime::ContainerRequest request(const std::string& name, std::vector<std::string> command) const;
  std::future<Result<runtime::StartedContainer>> begin(const runtime::ContainerRequest& request);
  Result<runtime::StartedContainer> start(const runtime::ContainerRequest& request);
  Result<runtime::StartedContainer> start_shell(const std::string& name, const std::string& script);
  std::future<Result<runtime::ContainerExit>> begin_wait(const std::string& name);
  Result<runtime::ContainerExit> wait(const std::string& name);
  Result<runtime::Nothing> signal(const std::string& name, int number);
  std::future<Result<runtime::Nothing>> begin_remove(const std::string& name);
  Result<runtime::Nothing> remove(const std::string& name);
  Result<std::vector<runtime::ObservedContainer>> list();
  Result<runtime::PreparedImage> prepare(const std::string& image_name, ImagePullPolicy policy,
                                         const std::string& digest = {}, const PullAccess& access = {},
                                         const runtime::ImageNews& news = {});
  Result<ExecResult> exec(const std::string& name, std::vector<std::string> command, std::string input = {},
                          Millis timeout = 30000);

  std::string log_file(const std::string& name) const;
  std::string log_text(const std::string& name) const;
  /// What the container wrote, without the log's time stamps.
  std::string printed(const std::string& name) const;
  /// Process number of the container's logger; 0: none.
  pid_t logger_of(const std::string& name) const;
  std::string ctr(std::vector<std::string> arguments) const;
  /// Folder of the container's control group in the hierarchy of a controller.
  std::string cgroup_of(const std::string& name, const std::string& controller) const;
  /// What is left of a container anywhere, in words; empty: nothing.
  std::string traces(const std::string& name) const;

  ContainerdFixture& machine;
  runtime::ContainerdOptions options;
  std::string image;
  std::unique_ptr<runtime::RuntimePort> port;
};

}  // namespace cloudless::test

#define REQUIRE_OK(result)                                                      \
  do {                                                                          \
    const auto& r_ = (result);                                                  \
    REQUIRE_MESSAGE(r_.has_value(), (r_ ? std::string() : r_.error().message)); \
  } while (false)
