// cloudlessctl: the command line of Cloudless.
#include <grpc/support/log.h>
#include <termios.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "services/cloudlessctl/app.hpp"

namespace {

/// From the terminal itself, with its echo off.
std::optional<std::string> ask_hidden(const std::string& prompt) {
  std::ifstream in("/dev/tty");
  std::ofstream out("/dev/tty");
  termios shown{};
  if (!in || !out || tcgetattr(STDIN_FILENO, &shown) != 0) return std::nullopt;
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  out << prompt << std::flush;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string answer;
  const bool read = static_cast<bool>(std::getline(in, answer));
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  out << "\n";
  return read ? std::optional(answer) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  // Tables measure and print UTF-8, also where no locale is set.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  std::signal(SIGPIPE, SIG_IGN);
  // What gRPC has to say comes with the call's status.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
  cloudless::cli::Terminal terminal{std::cin,
                                    std::cout,
                                    std::cerr,
                                    isatty(STDERR_FILENO) == 1,
                                    isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr,
                                    ask_hidden,
                                    STDIN_FILENO,
                                    STDOUT_FILENO,
                                    STDERR_FILENO};
  const auto environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  return cloudless::cli::run({argv + 1, argv + argc}, terminal, environment);
}
