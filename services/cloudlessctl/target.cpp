#include "services/cloudlessctl/target.hpp"

#include "messages/domain/names.hpp"
#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/quantity.hpp"

namespace cloudless::cli {
namespace {

/// "<replica id>-<attempt>".
bool looks_like_container(const std::string& word) {
  const auto dash = word.rfind('-');
  return dash != std::string::npos && parse_whole_number(std::string_view(word).substr(dash + 1)) &&
         is_replica_id(word.substr(0, dash));
}

}  // namespace

Answer<NamedTarget> find_target(Context& context, const std::string& word) {
  const bool replica = is_replica_id(word);
  if (replica || looks_like_container(word)) {
    const auto workload = find_workload(context, word);
    if (workload) return NamedTarget{context.ns, word, {}, {}};
    if (workload.error().code != grpc::StatusCode::NOT_FOUND) return tl::make_unexpected(workload.error());
    return replica ? NamedTarget{{}, {}, word, {}} : NamedTarget{{}, {}, {}, word};
  }
  if (!is_workload_uid(word)) return NamedTarget{context.ns, word, {}, {}};
  const auto workload = find_workload(context, word);
  if (!workload) return tl::make_unexpected(workload.error());
  return NamedTarget{workload->namespace_(), workload->name(), {}, {}};
}

}  // namespace cloudless::cli
