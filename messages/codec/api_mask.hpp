// UpdateWorkload's field mask: which fields of the spec take the request's values.
#pragma once

#include <google/protobuf/field_mask.pb.h>

#include "cloudless/api/workload.pb.h"
#include "messages/domain/error.hpp"

namespace cloudless::codec {

/// `current` with the fields that the mask names taken from `patch`: whole messages, lists and maps are
/// replaced, and what is unset in `patch` becomes unset. An empty mask takes all of `patch`, but keeps
/// current.replicas if patch has none. INVALID_ARGUMENT names every path that the spec does not have
/// ("update_mask.paths[1]").
Result<api::WorkloadSpec> merge(const api::WorkloadSpec& current, const api::WorkloadSpec& patch,
                                const google::protobuf::FieldMask& mask);

/// The request says nothing about the number of replicas.
bool keeps_replicas(const api::WorkloadSpec& patch, const google::protobuf::FieldMask& mask);

}  // namespace cloudless::codec
