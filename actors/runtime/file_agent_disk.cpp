#include "actors/runtime/file_agent_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "actors/runtime/assignment_file.hpp"

namespace cloudless::runtime {
namespace {

/// A file descriptor that is closed whatever happens.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

tl::unexpected<Error> system_error(const std::string& what, const std::string& path) {
  return fail(Errc::unavailable, what + " " + path + ": " + std::strerror(errno));
}

bool write_all(int fd, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

Result<Nothing> sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor dir(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.open() || ::fsync(dir.get()) != 0) return system_error("cannot sync the folder of", path);
  return Nothing{};
}

class FileAgentDisk final : public AgentDisk {
 public:
  explicit FileAgentDisk(std::string path) : path_(std::move(path)), thread_([this] { run(); }) {}

  ~FileAgentDisk() override {
    submit(nullptr);
    thread_.join();
  }

  void load(Done<std::string> done) override {
    submit([this, done = std::move(done)] { done(read_whole_file(path_)); });
  }

  void save(std::string bytes, Done<Nothing> done) override {
    submit([this, bytes = std::move(bytes), done = std::move(done)] { done(replace_file(path_, bytes)); });
  }

 private:
  /// An empty job ends the thread, after those before it.
  void submit(std::function<void()> job) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }

  void run() {
    while (true) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      if (!job) return;
      job();
    }
  }

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
};

}  // namespace

Result<Nothing> replace_file(const std::string& path, const std::string& bytes) {
  const std::string fresh = path + ".new";
  {
    const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.open()) return system_error("cannot write", fresh);
    if (!write_all(file.get(), bytes)) return system_error("cannot write", fresh);
    if (::fsync(file.get()) != 0) return system_error("cannot sync", fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return system_error("cannot replace", path);
  return sync_folder_of(path);
}

Result<std::string> read_whole_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) {
    if (errno == ENOENT) return fail(Errc::not_found, path + " does not exist");
    return fail(Errc::data_loss, "cannot read " + path + ": " + std::strerror(errno));
  }
  std::string out;
  char block[64 << 10];
  while (true) {
    const auto n = ::read(file.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::data_loss, "cannot read " + path + ": " + std::strerror(errno));
    if (n == 0) return out;
    out.append(block, static_cast<std::size_t>(n));
  }
}

Result<std::unique_ptr<AgentDisk>> make_file_agent_disk(const std::string& state_dir) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(state_dir, error);
  if (error)
    return fail(Errc::failed_precondition,
                "cannot make the state folder " + state_dir + ": " + error.message());
  if (made) std::filesystem::permissions(state_dir, std::filesystem::perms::owner_all, error);
  if (::access(state_dir.c_str(), R_OK | W_OK | X_OK) != 0)
    return fail(Errc::failed_precondition,
                "cannot write to the state folder " + state_dir + ": " + std::strerror(errno));
  const std::string path = state_dir + "/agent-state";
  if (const auto bytes = read_whole_file(path)) {
    const auto payload = unframe_agent_file(*bytes);
    if (!payload && payload.error().code == Errc::unimplemented)
      return fail(Errc::failed_precondition,
                  path +
                      " was written by a newer version of the agent, and this one would overwrite it: start "
                      "that version again, or move the file away to begin without it");
  }
  return std::make_unique<FileAgentDisk>(path);
}

}  // namespace cloudless::runtime
