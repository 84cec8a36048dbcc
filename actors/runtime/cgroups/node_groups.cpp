#include "actors/runtime/cgroups/node_groups.hpp"

#include <fcntl.h>
#include <libcgroup.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {
namespace {

struct GroupDeleter {
  void operator()(cgroup* group) const { cgroup_free(&group); }
};

/// libcgroup keeps its table of mounts in globals.
std::mutex& libcgroup_mutex() {
  static std::mutex mutex;
  return mutex;
}

Error libcgroup_error(const std::string& what, int code) {
  std::string text = what + ": " + cgroup_strerror(code);
  if (code == ECGOTHER) text += std::string(": ") + std::strerror(cgroup_get_last_errno());
  return {Errc::internal, text, {}};
}

bool is_mounted(const char* controller) {
  char* path = nullptr;
  const int code = cgroup_get_subsys_mount_point(controller, &path);
  std::free(path);
  return code == 0;
}

/// Makes the group where it is missing, and writes the settings.
Result<void> make_group(const std::string& path, const std::vector<GroupSetting>& settings) {
  const std::lock_guard lock(libcgroup_mutex());
  static const int ready = cgroup_init();
  if (ready != 0) return fail(libcgroup_error("control groups cannot be used", ready));
  const std::unique_ptr<cgroup, GroupDeleter> group(cgroup_new_cgroup(path.c_str() + 1));
  if (!group) return fail(Errc::internal, "no memory for control group " + path);
  // Limits of processes count at every level, so the groups are made in each of these hierarchies.
  for (const char* controller : {"cpu", "memory", "pids"})
    if (is_mounted(controller)) cgroup_add_controller(group.get(), controller);
  for (const auto& setting : settings) {
    auto* controller = cgroup_get_controller(group.get(), setting.controller.c_str());
    if (controller == nullptr)
      return fail(Errc::failed_precondition, "this kernel has no " + setting.controller + " controller");
    if (const int code = cgroup_add_value_string(controller, setting.file.c_str(), setting.value.c_str()))
      return fail(libcgroup_error(path + ": " + setting.file, code));
  }
  if (const int code = cgroup_create_cgroup(group.get(), 1)) return fail(libcgroup_error(path, code));
  return {};
}

/// A lock on a folder that was removed meanwhile, and perhaps made again, says nothing.
bool names_open_file(const std::string& path, int file) {
  struct stat here {
  }, there{};
  return ::stat(path.c_str(), &here) == 0 && ::fstat(file, &there) == 0 && here.st_ino == there.st_ino &&
         here.st_dev == there.st_dev;
}

}  // namespace

NodeGroups::NodeGroups(CgroupTree tree, std::string parent, Resources bounds, std::string tag)
    : tree_(std::move(tree)), parent_(std::move(parent)), bounds_(bounds), tag_(std::move(tag)) {}

NodeGroups::~NodeGroups() {
  if (lock_ >= 0) ::close(lock_);
}

std::string NodeGroups::enter(const ContainerId& container, const GroupMember& member) {
  const std::lock_guard lock(mutex_);
  auto& entered = members_[container];
  entered = member;
  if (entered.group.empty()) {
    entered.group = container_group(parent_, member.ns, member.replica.value);
    if (tree_.in_use(entered.group)) entered.group += "_" + tag_;
  }
  make_top();
  make_namespace(member.ns);
  return entered.group;
}

std::string NodeGroups::group_of(const ContainerId& container) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(container);
  return found == members_.end() ? std::string{} : found->second.group;
}

std::optional<GroupMember> NodeGroups::member(const ContainerId& container) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(container);
  return found == members_.end() ? std::nullopt : std::optional(found->second);
}

std::string NodeGroups::own_group_of(const ContainerId& container) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(container);
  if (found == members_.end() || shared(container, found->second.group)) return {};
  return found->second.group;
}

bool NodeGroups::shared(const ContainerId& container, const std::string& group) const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const auto& m) { return m.first != container && m.second.group == group; });
}

std::vector<NodeGroups::Entry> NodeGroups::members() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> out;
  out.reserve(members_.size());
  for (const auto& [container, member] : members_)
    out.push_back({container, member.replica, member.ns, member.group});
  return out;
}

void NodeGroups::leave(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  const auto gone = members_.extract(container);
  if (gone.empty()) return;
  const auto& member = gone.mapped();
  if (!shared(container, member.group)) tree_.remove(member.group);
  const auto same_namespace = [&](const auto& m) { return m.second.ns == member.ns; };
  if (std::any_of(members_.begin(), members_.end(), same_namespace)) return make_namespace(member.ns);
  remove_above(namespace_group(parent_, member.ns));
}

void NodeGroups::sweep() {
  const std::lock_guard lock(mutex_);
  std::set<std::string> taken;
  for (const auto& [container, member] : members_) {
    taken.insert(member.group);
    taken.insert(namespace_group(parent_, member.ns));
  }
  std::set<std::string> idle;
  for (const auto& group : tree_.groups_below(parent_)) {
    if (taken.contains(group) || tree_.in_use(group)) continue;
    // Another agent's may be empty for a moment while it is made.
    if (!idle_.contains(group)) {
      idle.insert(group);
      continue;
    }
    spdlog::info("control group {} is nobody's and empty, and is removed", group);
    tree_.remove(group);
    if (const auto above = group.substr(0, group.rfind('/')); !taken.contains(above)) remove_above(above);
  }
  idle_ = std::move(idle);
}

void NodeGroups::remove_above(const std::string& of_namespace) {
  tree_.remove(of_namespace);
  written_.erase(of_namespace);
  if (!members_.empty()) return;
  tree_.remove(parent_);
  written_.clear();
}

void NodeGroups::make_namespace(const std::string& ns) {
  std::int64_t reserved = 0;
  for (const auto& [container, member] : members_)
    if (member.ns == ns) reserved += member.cpu_millicores;
  apply(namespace_group(parent_, ns), namespace_settings(tree_.layout(), reserved));
}

void NodeGroups::make_top() {
  // Made first without limits: only a group that is there can tell whether others use it.
  if (::access(tree_.folder("memory", parent_).c_str(), F_OK) != 0) written_.clear();
  if (!written_.contains(parent_)) apply(parent_, {});
  const bool limited = alone();
  const auto cpu = limited ? bounds_.cpu_millicores : 0;
  const auto memory = limited ? bounds_.memory_bytes : 0;
  // Another agent may have written there since.
  const auto now = tree_.limits(parent_);
  if (now.cpu_millicores.value_or(0) != cpu ||
      now.memory_bytes.value_or(0) != memory / kPageBytes * kPageBytes)
    written_.erase(parent_);
  apply(parent_, node_settings(tree_.layout(), cpu, memory));
}

bool NodeGroups::alone() {
  const auto folder = tree_.folder("memory", parent_);
  if (lock_ >= 0 && !names_open_file(folder, lock_)) {
    ::close(lock_);
    lock_ = -1;
  }
  struct flock whole {};
  whole.l_whence = SEEK_SET;
  if (lock_ < 0) {
    lock_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ < 0) return false;
    whole.l_type = F_RDLCK;
    ::fcntl(lock_, F_OFD_SETLK, &whole);
  }
  whole.l_type = F_WRLCK;
  // What would stand in the way of an exclusive lock is another agent's shared one.
  return ::fcntl(lock_, F_OFD_GETLK, &whole) == 0 && whole.l_type == F_UNLCK;
}

void NodeGroups::apply(const std::string& group, const std::vector<GroupSetting>& settings) {
  const auto known = written_.find(group);
  if (known != written_.end() && known->second == settings &&
      ::access(tree_.folder("memory", group).c_str(), F_OK) == 0)
    return;
  if (auto made = make_group(group, settings); !made) return complain(made.error().message);
  written_[group] = settings;
}

void NodeGroups::complain(const std::string& text) {
  if (complaints_.insert(text).second) spdlog::error("control groups: {}", text);
}

}  // namespace cloudless::runtime
