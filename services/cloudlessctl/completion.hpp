// Completion scripts for shells, made from the command line's own description.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cloudless::cli {

/// `shell` is "bash", "zsh" or "fish".
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace cloudless::cli
