// Manifests: `apiVersion: cloudless.io/v1`, `kind: Workload`, `metadata`, `spec`, in YAML or JSON, several to
// a text. A manifest that is returned has every field in the schema with the right type; whether the values
// are good is judged by the server, whose words are put beside the line they are about (locate).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cloudless/api/workload.pb.h"
#include "messages/domain/error.hpp"
#include "services/cloudlessctl/yaml_message.hpp"

namespace cloudless::cli {

struct Manifest {
  std::string file;
  Position at;     ///< of the document
  std::string ns;  ///< empty: not given
  std::string name;
  api::WorkloadSpec spec;  ///< metadata.labels are in its labels
  Positions positions;     ///< of "metadata.name", "spec.image", ...
};

/// At least one; or everything that is wrong with the text.
tl::expected<std::vector<Manifest>, std::vector<Problem>> parse_manifests(std::string_view text,
                                                                          const std::string& file);

/// What the server says of a field, with the place in the manifest where the field, or what holds it, was
/// written.
Problem locate(const Manifest& manifest, const Violation& violation);

}  // namespace cloudless::cli
