// What rollouts and versions look like to people. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cloudless/api/node.pb.h"
#include "cloudless/api/rollout.pb.h"

namespace cloudless::cli {

/// "rollout 3: IN_PROGRESS, 2 of 4 updated, 4 available: waiting for web-1 to stop".
std::string rollout_line(const api::Rollout& rollout);
/// Without how long something has lasted or will: two lines with the same key say nothing new.
std::string key_of_line(const std::string& line);
/// For a terminal: the same with bars, no line longer than `width` characters.
std::vector<std::string> rollout_block(const api::Rollout& rollout, std::size_t width);
std::string rollout_description(const api::Rollout& rollout, std::int64_t now_ms);
std::string rollout_table(const std::vector<api::Rollout>& rollouts, std::int64_t now_ms);
std::string version_table(const std::vector<api::WorkloadVersion>& versions, std::int64_t now_ms);

/// The lines of both texts, " ", "-" or "+" before each; far from a change they are left out. Empty if there
/// is no difference.
std::string text_diff(const std::string& from, const std::string& to);

/// For a terminal: how far a drain is, one line per replica that is left, at most `most` of them.
std::vector<std::string> drain_block(const api::Node& node, std::size_t width, std::size_t most);
/// "3 replicas left".
std::string drain_line(const api::Node& node);

}  // namespace cloudless::cli
