// The OCI process of an exec: the container's own, with another command, and a terminal if it is to have one.
#pragma once

#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/session.hpp"

namespace cloudless::runtime {

/// The variable by which the processes of one exec are known, in their environment.
inline constexpr char kExecVariable[] = "CLOUDLESS_EXEC";

/// `spec`: the container's, as make_spec made it. `id`: what kExecVariable becomes. DATA_LOSS if it is not
/// JSON, FAILED_PRECONDITION if the command is not UTF-8.
Result<std::string> exec_process(const std::string& spec, const ExecQuery& query, const std::string& id);

}  // namespace cloudless::runtime
