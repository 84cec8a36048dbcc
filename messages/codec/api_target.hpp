// What the requests of StreamLogs, ExecCommand, Exec, PortForward and Copy have in common: whom they are for,
// and commands. Only included by messages/codec.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "messages/codec/api_stream.hpp"
#include "messages/codec/violations.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {

/// `path` is what the fields' paths begin with: "" or "open.".
template <class Request>
StreamTarget target_of(const Request& request, Violations& v, const std::string& path = "") {
  const int named =
      !request.workload().empty() + !request.replica_id().empty() + !request.container_id().empty();
  if (named == 0) v.add(path + "workload", "or replica_id or container_id is required");
  if (named > 1) v.add(path + "workload", "replica_id and container_id exclude each other: give one of them");
  StreamTarget out;
  if (!request.workload().empty()) {
    out.workload = {request.namespace_().empty() ? "default" : request.namespace_(), request.workload()};
    if (!is_dns_label(out.workload.ns)) v.add(path + "namespace", "must be a DNS label of 1-63 characters");
    if (!is_dns_label(out.workload.name)) v.add(path + "workload", "must be a DNS label of 1-63 characters");
  }
  // An id that nothing can have is not found, rather than wrong; only its size is bounded here.
  if (request.replica_id().size() > 128) v.add(path + "replica_id", "is longer than 128 characters");
  if (request.container_id().size() > 128) v.add(path + "container_id", "is longer than 128 characters");
  out.replica = ReplicaId{request.replica_id()};
  out.container = ContainerId{request.container_id()};
  return out;
}

/// 1-256 words without NUL, the first not empty, together at most 128 KiB.
std::vector<std::string> command_of(const google::protobuf::RepeatedPtrField<std::string>& words,
                                    const std::string& path, Violations& v);

}  // namespace cloudless::codec
