#include "gateway/spec_diff.hpp"

#include <google/protobuf/util/json_util.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace cloudless::gateway {
namespace {

using Json = nlohmann::json;

/// "env/2/value" as people write it. Keys of maps may hold a slash or a dot: these stand in brackets.
std::string path_in_words(const Json::json_pointer& pointer, const Json& spec) {
  std::vector<std::string> tokens;
  for (auto at = pointer; !at.empty(); at.pop_back()) tokens.insert(tokens.begin(), at.back());
  std::string out;
  const Json* here = &spec;
  for (const auto& token : tokens) {
    const bool plain = token.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (here->is_array() || !plain)
      out += "[" + token + "]";
    else
      out += (out.empty() ? "" : ".") + token;
    here = here->is_array() ? &here->at(std::stoul(token)) : &here->at(token);
  }
  return out;
}

using Leaves = std::map<std::string, std::string>;

void collect(const Json& spec, const Json& value, const Json::json_pointer& at, Leaves& out) {
  if (value.is_structured() && !value.empty()) {
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i) collect(spec, value[i], at / i, out);
    else
      for (const auto& [key, inner] : value.items()) collect(spec, inner, at / key, out);
    return;
  }
  if (!value.is_structured()) out[path_in_words(at, spec)] = value.dump();
}

Leaves leaves_of(const api::WorkloadSpec& spec) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(spec, &text, options).ok()) return {};
  const Json json = Json::parse(text);
  Leaves out;
  collect(json, json, Json::json_pointer(), out);
  return out;
}

}  // namespace

std::vector<SpecDifference> differences(const api::WorkloadSpec& before, const api::WorkloadSpec& after) {
  const auto old_leaves = leaves_of(before);
  const auto new_leaves = leaves_of(after);
  std::set<std::string> paths;
  for (const auto& [path, value] : old_leaves) paths.insert(path);
  for (const auto& [path, value] : new_leaves) paths.insert(path);
  std::vector<SpecDifference> out;
  const auto value_in = [](const Leaves& leaves, const std::string& path) {
    const auto found = leaves.find(path);
    return found == leaves.end() ? std::string() : found->second;
  };
  for (const auto& path : paths) {
    SpecDifference difference{path, value_in(old_leaves, path), value_in(new_leaves, path)};
    if (difference.before != difference.after) out.push_back(std::move(difference));
  }
  return out;
}

}  // namespace cloudless::gateway
