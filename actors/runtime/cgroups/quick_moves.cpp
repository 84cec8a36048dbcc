#include "actors/runtime/cgroups/quick_moves.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <utility>

#include "actors/runtime/cgroups/cgroup_tree.hpp"

namespace cloudless::runtime {
namespace {

/// Well below a grace period of the kernels with the fastest clock, 1000 Hz.
constexpr std::chrono::milliseconds kEvery{2};
constexpr char kController[] = "pids";  // any does
constexpr char kThisProcess[] = "0";

/// The group of this process in one hierarchy, from lines like "8:pids:/group"; in v2's, "0::/group".
std::string own_group(const std::string& file, const std::string& controller) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto names = line.find(':');
    const auto group = line.find(':', names + 1);
    if (group == std::string::npos) continue;
    const auto controllers = "," + line.substr(names + 1, group - names - 1) + ",";
    if (controllers.find("," + controller + ",") != std::string::npos) return line.substr(group + 1);
  }
  return {};
}

}  // namespace

QuickMoves::QuickMoves(const std::string& root, const std::string& own) {
  const CgroupTree tree(root);
  const auto group = own_group(own, tree.layout() == CgroupLayout::v2 ? "" : kController);
  if (group.empty()) return;
  file_ = tree.folder(kController, group == "/" ? "" : group) + "/cgroup.procs";
  if (::access(file_.c_str(), W_OK) != 0) file_.clear();
}

QuickMoves::~QuickMoves() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<void> QuickMoves::keep() {
  if (file_.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (++keepers_ == 1) changed_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  return {this, [](QuickMoves* moves) {
            const std::lock_guard lock(moves->mutex_);
            --moves->keepers_;
          }};
}

void QuickMoves::work() {
  const int file = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  std::unique_lock lock(mutex_);
  while (!finished_) {
    if (keepers_ == 0) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    // What the kernel answers changes nothing: without this it is as slow as it always was.
    const auto ignored = ::pwrite(file, kThisProcess, sizeof kThisProcess - 1, 0);
    static_cast<void>(ignored);
    lock.lock();
    changed_.wait_for(lock, kEvery, [&] { return finished_ || keepers_ == 0; });
  }
  ::close(file);
}

}  // namespace cloudless::runtime
