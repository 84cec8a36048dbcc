// What a node looks like to people who want to know everything about it. Pure; now_ms is the wall clock.
#pragma once

#include <cstdint>
#include <string>

#include "cloudless/api/node.pb.h"

namespace cloudless::cli {

/// What replicas may reserve of an amount that is allocatable, with the node's over-commit. 0 per cent: an
/// older server, which does not say it.
std::uint64_t reservable(std::uint64_t allocatable, std::uint32_t percent);

/// One line per fact.
std::string node_description(const api::Node& node, std::int64_t now_ms);

}  // namespace cloudless::cli
