// cloudless-logger: takes a container's output from its shim (containerd's "binary://" protocol: 3 is stdout,
// 4 is stderr, closing 5 says ready) and writes it line by line, with time and stream, to the container's log
// files. One per container, so it is small: no library but the C++ one, linked statically. Arguments, in any
// order: log <file> state <folder> size <bytes of a file> files <how many> rate <bytes a second, 0: any>. It
// ignores SIGTERM, which the shim sends at the end, and leaves when both streams have ended.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "services/logger/logger.hpp"

namespace cloudless::logger {
namespace {

/// Nothing of whoever started us is kept but the pipes: neither a terminal nor a folder nor a socket.
void let_go() {
  for (const int ignored : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(ignored, SIG_IGN);
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < kOut; ++fd)
    if (fd != null) dup2(null, fd);
  if (null > 2 && null != kOut && null != kOut + 1 && null != kReady) close(null);
  syscall(SYS_close_range, kReady + 1, ~0U, 0);
  if (fcntl(kReady, F_GETFD) < 0)
    dup2(0, kReady);  // started by the agent: nothing of ours may get this number
  if (chdir("/") != 0) _exit(1);
  for (const int fd : {kOut, kOut + 1}) fcntl(fd, F_SETFL, O_RDONLY | O_NONBLOCK);
}

}  // namespace
}  // namespace cloudless::logger

int main(int argc, char** argv) {
  using namespace cloudless::logger;
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const char* value = argv[i + 1];
    if (std::strcmp(argv[i], "log") == 0) options.log = value;
    if (std::strcmp(argv[i], "state") == 0) options.state_dir = value;
    if (std::strcmp(argv[i], "size") == 0) options.most_bytes = std::strtoull(value, nullptr, 10);
    if (std::strcmp(argv[i], "files") == 0)
      options.most_files = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
    if (std::strcmp(argv[i], "rate") == 0) options.rate = std::strtoull(value, nullptr, 10);
  }
  if (options.log.empty() || options.state_dir.empty() || options.most_bytes == 0 || options.most_files < 2)
    return 2;
  let_go();
  claim(options.state_dir);
  // From here on the agent finds us, and puts another in our place if we die: the container need not wait for
  // more.
  close(kReady);
  Logger logger(options);
  logger.run();
  leave(options.state_dir);
  return 0;
}
