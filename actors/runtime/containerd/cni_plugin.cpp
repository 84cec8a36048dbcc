#include "actors/runtime/containerd/cni_plugin.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "actors/runtime/containerd/cni_config.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kMostOutput = 1 << 20;

/// A file in memory: unlike a pipe it never makes one side wait for the other.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& content = {}) : fd_(memfd_create("cni", MFD_CLOEXEC)) {
    for (std::size_t done = 0; done < content.size();) {
      const auto n = write(fd_, content.data() + done, content.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    lseek(fd_, 0, SEEK_SET);
  }
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  int fd() const { return fd_; }
  std::string content() const {
    std::string out(kMostOutput, '\0');
    const auto n = pread(fd_, out.data(), out.size(), 0);
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
  }

 private:
  int fd_;
};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// Its exit status, or -1 if it had to be killed.
int await_end(pid_t pid, Millis timeout) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  pollfd watched{handle, POLLIN, 0};
  int ready = 0;
  do ready = poll(&watched, 1, static_cast<int>(timeout));
  while (ready < 0 && errno == EINTR);
  if (handle >= 0) close(handle);
  if (ready == 0) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return ready == 0 ? -1 : status;
}

}  // namespace

Result<std::string> run_cni_plugin(const CniCall& call) {
  const auto what = "CNI plugin " + call.program + " " + call.command;
  const MemoryFile in(call.input), out, complaints;
  std::vector<std::string> words{call.program};
  std::vector<std::string> environment{"CNI_COMMAND=" + call.command,
                                       "CNI_CONTAINERID=" + call.container,
                                       "CNI_NETNS=" + call.network_namespace,
                                       "CNI_IFNAME=eth0",
                                       "CNI_ARGS=IgnoreUnknown=1",
                                       "CNI_PATH=" + call.plugin_folder,
                                       "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  auto argv = pointers_to(words);
  auto envp = pointers_to(environment);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in.fd(), 0);
  posix_spawn_file_actions_adddup2(&files, out.fd(), 1);
  posix_spawn_file_actions_adddup2(&files, complaints.fd(), 2);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, call.program.c_str(), &files, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    return fail(Errc::failed_precondition, what + " cannot be started: " + std::strerror(error));
  const int status = await_end(pid, call.timeout);
  if (status == -1)
    return fail(Errc::deadline_exceeded,
                what + " took longer than " + std::to_string(call.timeout) + " ms and was killed");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out.content();
  const auto said = out.content();
  return fail(Errc::failed_precondition,
              what + " failed: " + cni_error_text(said.empty() ? complaints.content() : said));
}

}  // namespace cloudless::runtime
