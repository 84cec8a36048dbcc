// cloudlessctl: the command line of Cloudless.
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "services/cloudlessctl/app.hpp"

int main(int argc, char** argv) {
  // Tables measure and print UTF-8, also where no locale is set.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  std::signal(SIGPIPE, SIG_IGN);
  cloudless::cli::Terminal terminal{std::cin, std::cout, std::cerr, isatty(STDERR_FILENO) == 1,
                                    isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr};
  const auto environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  return cloudless::cli::run({argv + 1, argv + argc}, terminal, environment);
}
