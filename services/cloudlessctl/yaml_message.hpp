// A YAML tree as a message of the API, by its schema: unknown fields, wrong types and doubled fields are
// problems with their place. Names may be written in camelCase or snake_case, enum values with or without
// their prefix.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <vector>

#include "services/cloudlessctl/yaml_tree.hpp"

namespace cloudless::cli {

/// Where each field of the API's path ("spec.env[2].name") was written.
using Positions = std::map<std::string, Position>;

/// Fills `out` and `positions`, and appends everything that is wrong to `problems`. `path` is the message's
/// own. Kind to people: an IntOrPercent may be 3 or 25%; in resource lists cpu may be 2, 0.5 or 500m (cores)
/// and memory and storage 64Mi.
void fill(const YamlValue& value, const std::string& path, google::protobuf::Message& out,
          Positions& positions, std::vector<Problem>& problems);

/// ", did you mean 'image'?" if one of `known` is close to `word`, else nothing.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace cloudless::cli
