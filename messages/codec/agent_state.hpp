// Bytes of what an agent keeps on its disk. As in wire.hpp: encode never fails, decode is false for bytes
// that are not ours.
#pragma once

#include <string>
#include <string_view>

#include "messages/domain/agent_state.hpp"

namespace cloudless::codec {

std::string encode(const AgentState& value);
bool decode(std::string_view bytes, AgentState& value);

}  // namespace cloudless::codec
