#include "actors/runtime/containerd/leftovers.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <vector>

#include "actors/runtime/cgroups/cgroup_tree.hpp"

namespace cloudless::runtime {
namespace {

constexpr char kCgroupRoot[] = "/sys/fs/cgroup";
constexpr char kShimPrefix[] = "containerd-shim";
constexpr int kPatienceMillis = 2000;

std::vector<std::string> command_line_of(const std::filesystem::path& process) {
  std::ifstream in(process / "cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, '\0');) words.push_back(word);
  return words;
}

std::string option(const std::vector<std::string>& words, const std::string& name) {
  const auto at = std::find(words.begin(), words.end(), name);
  return at == words.end() || std::next(at) == words.end() ? std::string{} : *std::next(at);
}

/// The file need not be there.
std::filesystem::path resolved(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(path, ignored);
}

std::optional<pid_t> process_id(const std::string& text) {
  pid_t pid = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, pid);
  if (ec != std::errc{} || stop != end || pid <= 1) return std::nullopt;
  return pid;
}

/// Kills and waits for the end. By a descriptor: a process id may be somebody else's a moment later.
template <class IsStillIt>
void kill_and_await(pid_t pid, const IsStillIt& is_still_it) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return;
  if (is_still_it()) {
    syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
    pollfd ended{process, POLLIN, 0};
    poll(&ended, 1, kPatienceMillis);
  }
  close(process);
}

/// The group's directory in every hierarchy that has it.
std::vector<std::filesystem::path> directories_of(const std::string& path) {
  std::vector<std::filesystem::path> out;
  std::error_code ignored;
  const auto add = [&](const std::filesystem::path& root) {
    if (std::filesystem::is_directory(root.string() + path, ignored)) out.push_back(root.string() + path);
  };
  add(kCgroupRoot);
  for (const auto& hierarchy : std::filesystem::directory_iterator(kCgroupRoot, ignored))
    if (hierarchy.is_directory(ignored)) add(hierarchy.path());
  return out;
}

std::vector<pid_t> members_of(const std::filesystem::path& group) {
  std::ifstream in(group / "cgroup.procs");
  std::vector<pid_t> out;
  for (pid_t pid = 0; in >> pid;)
    if (pid > 1) out.push_back(pid);
  return out;
}

/// "pipe:[4711]", and what else a descriptor may be.
std::string target_of(const std::filesystem::path& descriptor) {
  std::error_code ignored;
  return std::filesystem::read_symlink(descriptor, ignored).string();
}

bool holds_any(const std::filesystem::path& process, const std::set<std::string>& pipes) {
  std::error_code ignored;
  for (const auto& descriptor : std::filesystem::directory_iterator(process / "fd", ignored))
    if (pipes.contains(target_of(descriptor.path()))) return true;
  return false;
}

/// The process's group if its last part is `name`, or begins with it and a mark of the agent's.
std::string group_named(const std::filesystem::path& process, const std::string& name) {
  std::ifstream in(process / "cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(":/");
    if (at == std::string::npos) continue;
    const auto path = line.substr(at + 1);
    const auto last = path.substr(path.rfind('/') + 1);
    if (last == name || last.starts_with(name + "_")) return path;
  }
  return {};
}

}  // namespace

void end_forgotten_shims(const std::string& socket, const std::string& containerd_namespace,
                         const ContainerId& container) {
  const auto is_shim = [&](const std::filesystem::path& process) {
    const auto words = command_line_of(process);
    if (words.empty()) return false;
    return std::filesystem::path(words.front()).filename().string().starts_with(kShimPrefix) &&
           option(words, "-namespace") == containerd_namespace && option(words, "-id") == container.value &&
           resolved(option(words, "-address")) == resolved(socket);
  };
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto pid = process_id(entry.path().filename().string());
    if (!pid || !is_shim(entry.path())) continue;
    spdlog::warn("shim {} of container {} was forgotten by containerd and is ended", *pid, container.value);
    kill_and_await(*pid, [&] { return is_shim(entry.path()); });
  }
}

void end_forgotten_group(const std::string& path) {
  const auto groups = directories_of(path);
  // What is killed may have had children since the group was read.
  constexpr int kRounds = 100;
  for (const auto& group : groups) {
    auto members = members_of(group);
    for (int round = 0; round < kRounds && !members.empty(); ++round, members = members_of(group)) {
      const auto pid = members.front();
      spdlog::warn("process {} in {} was forgotten by containerd and is ended", pid, group.string());
      kill_and_await(pid, [&] {
        const auto now = members_of(group);
        return std::find(now.begin(), now.end(), pid) != now.end();
      });
    }
  }
  if (!groups.empty()) CgroupTree{}.remove(path);
}

void end_forgotten_writers(pid_t logger, const ContainerId& container) {
  if (logger <= 0) return;
  std::set<std::string> pipes;
  for (const char* descriptor : {"3", "4"}) {
    auto pipe = target_of("/proc/" + std::to_string(logger) + "/fd/" + descriptor);
    if (pipe.starts_with("pipe:")) pipes.insert(std::move(pipe));
  }
  const auto replica = container.value.substr(0, container.value.rfind('-'));
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto pid = process_id(entry.path().filename().string());
    if (!pid || *pid == logger || *pid == getpid() || !holds_any(entry.path(), pipes)) continue;
    if (const auto group = group_named(entry.path(), replica); !group.empty()) end_forgotten_group(group);
  }
}

void remove_forgotten_state(const std::string& root, const std::string& containerd_namespace,
                            const ContainerId& container) {
  if (container.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(root) / containerd_namespace / container.value, ignored);
}

}  // namespace cloudless::runtime
