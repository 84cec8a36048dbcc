#include "actors/runtime/containerd/exec_group.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "actors/runtime/archive/descriptor.hpp"

namespace cloudless::runtime {
namespace {

constexpr char kCgroups[] = "/sys/fs/cgroup";
constexpr auto kKillPatience = std::chrono::seconds(1);
constexpr auto kKillPause = std::chrono::milliseconds(2);
/// A process that forks while it is looked at is caught by looking again.
constexpr int kMostLooks = 8;

/// The folder of a process's own group: in the unified hierarchy, else in that of pids. Empty: it has none,
/// or shares one with everybody.
std::string group_folder(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cgroup");
  std::error_code ignored;
  std::string unified, pids;
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (path.size() < 2 || path.find("/..") != std::string::npos) continue;
    if (controllers.empty()) unified = path;
    if (controllers == "pids") pids = path;
  }
  const std::string root = kCgroups;
  const bool only_unified = std::filesystem::exists(root + "/cgroup.controllers", ignored);
  if (!unified.empty()) {
    const auto folder = root + (only_unified ? "" : "/unified") + unified;
    if (std::filesystem::is_directory(folder, ignored)) return folder;
  }
  const auto folder = root + "/pids" + pids;
  return !pids.empty() && std::filesystem::is_directory(folder, ignored) ? folder : std::string();
}

std::vector<pid_t> members(const std::string& directory) {
  std::vector<pid_t> out;
  std::ifstream in(directory + "/cgroup.procs");
  for (pid_t pid = 0; in >> pid;)
    if (pid > 0) out.push_back(pid);
  return out;
}

bool move(pid_t pid, const std::string& directory) {
  std::ofstream out(directory + "/cgroup.procs");
  out << pid << std::flush;
  return static_cast<bool>(out);
}

bool is_marked(pid_t pid, const std::string& mark) {
  const Descriptor in(open(("/proc/" + std::to_string(pid) + "/environ").c_str(), O_RDONLY | O_CLOEXEC));
  std::string environment(1, '\0');
  std::array<char, 4096> piece;
  for (ssize_t got = 0; in.open() && (got = read(in.number(), piece.data(), piece.size())) > 0;)
    environment.append(piece.data(), static_cast<std::size_t>(got));
  return environment.find('\0' + mark + '\0') != std::string::npos;
}

struct Seen {
  pid_t parent = 0;
  std::uint64_t born =
      0;  ///< clock ticks since the machine started: tells a process from a later one of its number
};

/// From /proc/<pid>/stat, whose second field may contain anything in parentheses. Parent 0: it does not live.
Seen look_at(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line, skipped;
  std::getline(in, line);
  const auto end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(line.substr(end + 1));
  Seen seen;
  char state = 0;
  if (!(rest >> state >> seen.parent) || state == 'Z') return {};
  for (int field = 5; field < 22; ++field) rest >> skipped;
  rest >> seen.born;
  return seen;
}

std::map<pid_t, pid_t> parents() {
  std::map<pid_t, pid_t> out;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return out;
  while (const dirent* entry = readdir(proc)) {
    const auto pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid <= 0) continue;
    if (const auto seen = look_at(pid); seen.parent != 0) out[pid] = seen.parent;
  }
  closedir(proc);
  return out;
}

/// `root`, if it is still the one that was born then, and everything below it.
std::set<pid_t> descent(pid_t root, std::uint64_t born) {
  if (look_at(root).parent == 0 || look_at(root).born != born) return {};
  const auto all = parents();
  std::set<pid_t> out{root};
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [pid, parent] : all)
      if (out.contains(parent)) grown = out.insert(pid).second || grown;
  }
  return out;
}

}  // namespace

ExecGroup::ExecGroup(pid_t pid, const std::string& name, const std::string& mark)
    : pid_(pid), born_(look_at(pid).born) {
  const auto folder = group_folder(pid);
  if (folder.empty()) return;
  const auto directory = folder + "/" + name;
  if (mkdir(directory.c_str(), 0755) != 0) return;
  directory_ = directory;
  if (!move(pid, directory)) return;
  // What it started before: below it, or on its own by now.
  std::set<pid_t> moved{pid};
  for (int look = 0; look < kMostLooks; ++look) {
    auto strays = descent(pid, born_);
    for (const auto other : members(folder))
      if (is_marked(other, mark)) strays.insert(other);
    bool found = false;
    for (const auto stray : strays)
      if (moved.insert(stray).second) found = move(stray, directory) || found;
    if (!found) return;
  }
}

ExecGroup::ExecGroup(const std::string& directory) {
  const std::filesystem::path path(directory);
  const bool ours = directory.starts_with(std::string(kCgroups) + "/") &&
                    path.filename().string().starts_with("exec-") && path == path.lexically_normal();
  if (ours) directory_ = directory;
}

void ExecGroup::kill_marked(const std::string& mark) {
  for (int look = 0; look < kMostLooks; ++look) {
    bool found = false;
    for (const auto& [pid, parent] : parents()) {
      if (pid == getpid() || !is_marked(pid, mark)) continue;
      ::kill(pid, SIGKILL);
      found = true;
    }
    if (!found) return;
    std::this_thread::sleep_for(kKillPause);
  }
}

bool ExecGroup::empty() const {
  return directory_.empty() || members(directory_).empty();
}

void ExecGroup::kill() const {
  const auto patience = std::chrono::steady_clock::now() + kKillPatience;
  do {
    auto left = pid_ > 0 ? descent(pid_, born_) : std::set<pid_t>{};
    if (!directory_.empty()) {
      std::ofstream(directory_ + "/cgroup.kill") << "1" << std::flush;  // of newer kernels, at one stroke
      for (const auto pid : members(directory_)) left.insert(pid);
    }
    if (left.empty()) return;
    for (const auto pid : left) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(kKillPause);
  } while (std::chrono::steady_clock::now() < patience);
}

void ExecGroup::remove() const {
  if (!directory_.empty()) rmdir(directory_.c_str());
}

}  // namespace cloudless::runtime
