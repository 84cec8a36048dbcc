#include "messages/codec/api_mask.hpp"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>

#include "messages/codec/violations.hpp"

namespace cloudless::codec {
namespace {

constexpr int kMaxPaths = 256;

using google::protobuf::util::FieldMaskUtil;

std::string path_error(const std::string& path) {
  if (path.rfind("spec.", 0) == 0 && FieldMaskUtil::IsValidPath<api::WorkloadSpec>(path.substr(5)))
    return "is '" + path + "': paths are within the spec, write '" + path.substr(5) + "'";
  return "is '" + path.substr(0, 200) +
         "', which is not a field of the spec (items of lists and maps cannot be named)";
}

}  // namespace

bool keeps_replicas(const api::WorkloadSpec& patch, const google::protobuf::FieldMask& mask) {
  if (mask.paths_size() == 0) return !patch.has_replicas();
  return std::find(mask.paths().begin(), mask.paths().end(), "replicas") == mask.paths().end();
}

Result<api::WorkloadSpec> merge(const api::WorkloadSpec& current, const api::WorkloadSpec& patch,
                                const google::protobuf::FieldMask& mask) {
  Violations violations;
  violations.check_count("update_mask.paths", static_cast<std::size_t>(mask.paths_size()), kMaxPaths);
  for (int i = 0; i < std::min(mask.paths_size(), kMaxPaths); ++i) {
    if (!FieldMaskUtil::IsValidPath<api::WorkloadSpec>(mask.paths(i)) || mask.paths(i).empty())
      violations.add(item("update_mask.paths", static_cast<std::size_t>(i)), path_error(mask.paths(i)));
  }
  if (auto error = violations.error("the update mask")) return fail(std::move(*error));
  if (mask.paths_size() == 0) {
    auto out = patch;
    if (!patch.has_replicas() && current.has_replicas()) out.set_replicas(current.replicas());
    return out;
  }
  auto out = current;
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(patch, mask, options, &out);
  return out;
}

}  // namespace cloudless::codec
