#include "services/cloudlessctl/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

namespace cloudless::cli {
namespace {

/// What ends a process by default; raw mode must not outlive it.
constexpr int kEnding[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS,
                           SIGFPE, SIGILL, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};

// Of the one RawMode there is: a signal's handler knows nothing else.
int raw_terminal = -1;
termios cooked_mode;
termios raw_mode;
std::atomic<int> news_end = -1;

void on_ending(int number) {
  tcsetattr(raw_terminal, TCSANOW, &cooked_mode);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void on_stop(int) {
  const int before = errno;
  tcsetattr(raw_terminal, TCSANOW, &cooked_mode);
  kill(getpid(), SIGSTOP);
  errno = before;
}

void on_continue(int) {
  const int before = errno;
  tcsetattr(raw_terminal, TCSANOW, &raw_mode);
  errno = before;
}

void on_resize(int) {
  const int before = errno;
  const char what = 'w';
  if (const int end = news_end; end >= 0 && write(end, &what, 1) < 0) errno = 0;
  errno = before;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

RawMode::RawMode(int terminal) {
  if (tcgetattr(terminal, &cooked_mode) != 0) return;
  raw_mode = cooked_mode;
  cfmakeraw(&raw_mode);
  raw_terminal = terminal;
  for (const int number : kEnding) handle(number, on_ending);
  handle(SIGTSTP, on_stop);
  handle(SIGCONT, on_continue);
  tcsetattr(terminal, TCSADRAIN, &raw_mode);
}

RawMode::~RawMode() {
  if (raw_terminal < 0) return;
  tcsetattr(raw_terminal, TCSADRAIN, &cooked_mode);
  for (const int number : kEnding) handle(number, SIG_DFL);
  handle(SIGTSTP, SIG_DFL);
  handle(SIGCONT, SIG_DFL);
  raw_terminal = -1;
}

ConsoleNews::ConsoleNews() {
  if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) return;
  news_end = ends_[1];
  handle(SIGWINCH, on_resize);
}

ConsoleNews::~ConsoleNews() {
  handle(SIGWINCH, SIG_DFL);
  news_end = -1;
  for (const int end : ends_)
    if (end >= 0) close(end);
}

void ConsoleNews::tell(char what) const {
  while (write(ends_[1], &what, 1) < 0 && errno == EINTR) continue;
}

char ConsoleNews::take() const {
  char what = 0;
  return read(ends_[0], &what, 1) == 1 ? what : '\0';
}

std::optional<api::WindowSize> window_of(int terminal) {
  winsize size{};
  if (ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  api::WindowSize out;
  out.set_columns(size.ws_col);
  out.set_rows(size.ws_row);
  return out;
}

bool write_all(int descriptor, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto put = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (put >= 0) {
      done += static_cast<std::size_t>(put);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    pollfd ready{descriptor, POLLOUT, 0};
    poll(&ready, 1, -1);
  }
  return true;
}

}  // namespace cloudless::cli
