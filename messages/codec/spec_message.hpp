// Specs as messages of the API schema; the same form is stored and sent between our processes. read() takes
// bytes of ours and of parse_spec: it fills in defaults, and is false for what no domain value can hold.
// Words of users go through messages/codec/api_spec.hpp first, which says what is wrong with them.
#pragma once

#include "cloudless/api/node.pb.h"
#include "cloudless/api/workload.pb.h"
#include "messages/domain/node.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// Every default is written out.
void write(const WorkloadSpec& spec, api::WorkloadSpec& out);
bool read(const api::WorkloadSpec& wire, WorkloadSpec& out);

/// Only the fields of a template.
void write(const Template& pod, api::WorkloadSpec& out);
bool read(const api::WorkloadSpec& wire, Template& out);

/// All five amounts are written. Absent ones keep what `out` has.
void write(const Resources& resources, api::ResourceList& out);
bool read(const api::ResourceList& wire, Resources& out);

/// Only limits; an absent one keeps what `out` has.
void write(const ResourceLimits& limits, api::Resources& out);
bool read(const api::Resources& wire, ResourceLimits& out);

void write(const Taint& taint, api::Taint& out);
bool read(const api::Taint& wire, Taint& out);

}  // namespace cloudless::codec
