// The OCI process of an exec: the container's own, with another command, and a terminal if it is to have one.
#pragma once

#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/session.hpp"

namespace cloudless::runtime {

/// `spec`: the container's, as make_spec made it. DATA_LOSS if it is not JSON, FAILED_PRECONDITION if the command is
/// not UTF-8.
Result<std::string> exec_process(const std::string& spec, const ExecQuery& query);

}  // namespace cloudless::runtime
