#include "actors/runtime/containerd/inside.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cloudless::runtime {
namespace {

constexpr Millis kLookTimeout = 10'000;

/// Process number of its first process; 0: it does not run.
Result<pid_t> pid_of(Client& client, const ContainerId& container) {
  tasks_v1::GetRequest request;
  request.set_container_id(container.value);
  auto task = client.call(client.tasks(), &tasks_v1::Tasks::Stub::Get, request,
                          client.scope("look up container", kLookTimeout));
  if (!task) return fail(task.error());
  const bool runs = task->process().status() == ::containerd::v1::types::RUNNING;
  return runs ? static_cast<pid_t>(task->process().pid()) : 0;
}

}  // namespace

Result<Descriptor> open_of_container(Client& client, const ContainerId& container, const char* entry,
                                     int flags) {
  const auto before = pid_of(client, container);
  if (!before) return fail(before.error());
  const auto path = "/proc/" + std::to_string(*before) + "/" + entry;
  Descriptor opened(*before > 0 ? open(path.c_str(), flags | O_CLOEXEC) : -1);
  // The number might have become somebody else's before it was opened.
  const auto after = pid_of(client, container);
  if (*before <= 0 || !opened.open() || !after || *after != *before)
    return fail(Errc::failed_precondition, "container " + container.value + " does not run");
  return opened;
}

Result<std::pair<uid_t, gid_t>> user_of_container(Client& client, const ContainerId& container) try {
  containers_v1::GetContainerRequest get;
  get.set_id(container.value);
  auto record = client.call(client.containers(), &containers_v1::Containers::Stub::Get, get,
                            client.scope("look up container", kLookTimeout));
  if (!record) return fail(record.error());
  const auto spec = nlohmann::json::parse(record->container().spec().value());
  const auto& user = spec.at("process").value("user", nlohmann::json::object());
  return std::pair<uid_t, gid_t>{user.value("uid", 0U), user.value("gid", 0U)};
} catch (const nlohmann::json::exception& e) {
  return fail(Errc::data_loss, std::string("the container's spec cannot be read: ") + e.what());
}

}  // namespace cloudless::runtime
