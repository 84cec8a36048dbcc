// Runs one command in a running container and collects what it says. Blocking.
#pragma once

#include <string>

#include "actors/runtime/containerd/client.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/session.hpp"

namespace cloudless::runtime {

/// `state_dir`: where pipes are made for the time being. The process is killed when query.timeout is over.
/// NOT_FOUND or FAILED_PRECONDITION when the container does not run, or the command is not in it.
Result<ExecResult> run_exec(Client& client, const std::string& state_dir, const ExecQuery& query);

/// Removes pipes that an agent left when it was killed. Nothing must be under way.
void forget_execs(const std::string& state_dir);

}  // namespace cloudless::runtime
