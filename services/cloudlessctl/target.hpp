// TARGET on the command line: the name of a workload, or the id of a replica or a container.
#pragma once

#include <optional>
#include <string>

#include "services/cloudlessctl/context.hpp"

namespace cloudless::cli {

/// Exactly one of workload, replica and container is not empty.
struct NamedTarget {
  std::string ns;
  std::string workload;
  std::string replica;
  std::string container;
};

/// A workload's name may look like a replica's id, so that is asked first.
Answer<NamedTarget> find_target(Context& context, const std::string& word);

/// Fills in a request's namespace, workload, replica_id and container_id.
template <class Request>
std::optional<Failure> set_target(Context& context, const std::string& word, Request& request) {
  const auto found = find_target(context, word);
  if (!found) return found.error();
  request.set_namespace_(found->ns);
  request.set_workload(found->workload);
  request.set_replica_id(found->replica);
  request.set_container_id(found->container);
  return std::nullopt;
}

}  // namespace cloudless::cli
