// Cuts the input of a command that is there as a whole into the chunks of a session. Used by ExecCommand of
// gateways and agents.
#pragma once

#include <deque>
#include <string>

#include "messages/domain/session.hpp"

namespace cloudless::gateway {

/// Numbered from 0; the last one says so, also if there is nothing in it.
inline std::deque<SessionInput> cut_input(std::string input) {
  std::deque<SessionInput> out;
  for (std::size_t at = 0; at < input.size() || out.empty(); at += kMaxSessionChunk)
    out.push_back({out.size(), input.substr(at, kMaxSessionChunk), false});
  out.back().last = true;
  return out;
}

}  // namespace cloudless::gateway
