// cloudlessctl as a function: arguments in, exit code out. main.cpp gives it the process, tests give it their
// own ends.
#pragma once

#include <string>
#include <vector>

#include "services/cloudlessctl/context.hpp"
#include "services/cloudlessctl/defaults.hpp"

namespace cloudless::cli {

/// `arguments` without the program's name. Never throws.
int run(std::vector<std::string> arguments, Terminal& terminal, const Environment& environment);

}  // namespace cloudless::cli
