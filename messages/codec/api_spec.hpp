// Users' words about a workload: from the API's message to a valid domain value, with everything that is
// wrong said at once; and back, with defaults filled in. Used by gateways; the bounds are those of the
// comments in proto/cloudless/api/workload.proto.
#pragma once

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// Defaults are filled in. INVALID_ARGUMENT names every bad field ("spec.env[2].name"); else UNIMPLEMENTED
/// names every field that is set and that this version does not carry out.
Result<WorkloadSpec> parse_spec(const api::WorkloadSpec& spec);

/// The same checks for one of several parts of a request, but for unknown fields (Violations::check_known of
/// the whole request finds them). `path` is the spec's own.
void check_spec(const api::WorkloadSpec& spec, const std::string& path, Violations& violations);

/// Every default is written out; parse_spec takes it back as it is.
api::WorkloadSpec to_api(const WorkloadSpec& spec);

/// Labels or node labels: keys and values by the grammar, at most 64.
void check_labels(const google::protobuf::Map<std::string, std::string>& labels, const std::string& path,
                  Violations& violations);

}  // namespace cloudless::codec
