// The frame around what an agent keeps on its disk: a magic line, a length and a SHA-256, so that a torn,
// truncated or edited file is known for what it is. A file that cannot be read is not an empty set
// (ARCHITECTURE.md, rule 10).
#pragma once

#include <string>
#include <string_view>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// The bytes of a file around an encoded AgentState.
std::string frame_agent_file(std::string_view payload);

/// The encoded AgentState inside. DATA_LOSS if the file is torn or changed; UNIMPLEMENTED if a newer version
/// wrote it.
Result<std::string> unframe_agent_file(std::string_view bytes);

}  // namespace cloudless::runtime
