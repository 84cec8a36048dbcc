#include "messages/codec/api_command.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <set>

#include "messages/codec/api_mask.hpp"
#include "messages/codec/api_spec.hpp"
#include "messages/codec/bounds.hpp"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/spec_message.hpp"
#include "messages/codec/violations.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxKey = 128;
constexpr std::size_t kMaxNodeItems = 64;

std::string sha256(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {digest.begin(), digest.begin() + size};
}

std::string namespace_of(const std::string& ns) {
  return ns.empty() ? "default" : ns;
}

void check_name(const std::string& ns, const std::string& name, Violations& v) {
  if (!is_dns_label(namespace_of(ns))) v.add("namespace", kLabelRule);
  if (!is_dns_label(name)) v.add("name", name.empty() ? "is required" : kLabelRule);
}

void check_node(const std::string& id, Violations& v) {
  if (id.empty())
    v.add("node_id", "is required");
  else if (!is_dns_subdomain(id))
    v.add("node_id", "must be a DNS subdomain of 1-63 characters");
}

void check_key(const std::string& key, Violations& v) {
  const bool visible = std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (key.size() > kMaxKey || !visible)
    v.add("idempotency_key", "must be at most 128 visible ASCII characters");
}

template <class Request>
CommandContext context_of(const Request& request, const char* method, const std::string& ns,
                          const std::string& principal) {
  CommandContext out{principal, method, ns, request.idempotency_key(), {}};
  if (!out.idempotency_key.empty()) out.request_hash = sha256(to_bytes(request));
  return out;
}

void check_taints(const api::UpdateNodeRequest& request, Violations& v) {
  v.check_count("set_taints", static_cast<std::size_t>(request.set_taints_size()), kMaxNodeItems);
  v.check_count("remove_taints", static_cast<std::size_t>(request.remove_taints_size()), kMaxNodeItems);
  std::set<std::pair<std::string, int>> seen;
  for (int i = 0; i < request.set_taints_size(); ++i) {
    const auto& taint = request.set_taints(i);
    const auto path = item("set_taints", static_cast<std::size_t>(i));
    if (!is_label_key(taint.key())) v.add(path + ".key", "must be 1-63 characters of [A-Za-z0-9._/-]");
    if (!is_label_value(taint.value())) v.add(path + ".value", "must be 0-63 characters of [A-Za-z0-9._/-]");
    if (!api::TaintEffect_IsValid(taint.effect()) || taint.effect() == api::TAINT_EFFECT_UNSPECIFIED)
      v.add(path + ".effect",
            "is required: TAINT_EFFECT_NO_SCHEDULE, TAINT_EFFECT_PREFER_NO_SCHEDULE or "
            "TAINT_EFFECT_NO_EXECUTE");
    if (!seen.emplace(taint.key(), taint.effect()).second)
      v.add(path, "is there twice, with the same key and effect");
  }
  for (int i = 0; i < request.remove_taints_size(); ++i) {
    if (!is_label_key(request.remove_taints(i)))
      v.add(item("remove_taints", static_cast<std::size_t>(i)), "must be 1-63 characters of [A-Za-z0-9._/-]");
  }
}

void check_removed_labels(const api::UpdateNodeRequest& request, Violations& v) {
  v.check_count("remove_labels", static_cast<std::size_t>(request.remove_labels_size()), kMaxNodeItems);
  for (int i = 0; i < request.remove_labels_size(); ++i) {
    const auto& key = request.remove_labels(i);
    const auto path = item("remove_labels", static_cast<std::size_t>(i));
    if (!is_label_key(key)) v.add(path, "must be 1-63 characters of [A-Za-z0-9._/-]");
    if (request.set_labels().contains(key)) v.add(path, "is '" + key + "', which set_labels sets");
  }
}

template <class Request>
Result<NodeCommand> parse_cordon(const Request& request, bool cordoned, const char* method,
                                 const std::string& principal) {
  Violations v;
  check_node(request.node_id(), v);
  check_key(request.idempotency_key(), v);
  v.check_known(request, "");
  if (auto error = v.error(method)) return fail(std::move(*error));
  return NodeCommand{context_of(request, method, "", principal),
                     CordonNode{NodeId{request.node_id()}, cordoned, request.expected_revision()}};
}

template <class Request>
Result<WorkloadCommand> parse_control(const Request& request, RolloutAction action, const char* method,
                                      const std::string& principal, std::uint64_t to_version = 0) {
  Violations v;
  check_name(request.namespace_(), request.name(), v);
  check_key(request.idempotency_key(), v);
  v.check_known(request, "");
  if (auto error = v.error(method)) return fail(std::move(*error));
  const auto ns = namespace_of(request.namespace_());
  return WorkloadCommand{context_of(request, method, ns, principal),
                         ControlRollout{ns, request.name(), action, to_version, request.expected_revision()}};
}

}  // namespace

Result<QualifiedName> parse_name(const std::string& ns, const std::string& name) {
  Violations v;
  check_name(ns, name, v);
  if (auto error = v.error("the workload's name")) return fail(std::move(*error));
  return QualifiedName{namespace_of(ns), name};
}

Result<WorkloadCommand> parse_command(const api::CreateWorkloadRequest& request,
                                      const std::string& principal) {
  Violations v;
  check_name(request.namespace_(), request.name(), v);
  check_key(request.idempotency_key(), v);
  if (request.has_spec()) {
    check_spec(request.spec(), "spec", v);
  } else {
    v.add("spec", "is required");
  }
  v.check_known(request, "");
  if (auto error = v.error("CreateWorkload")) return fail(std::move(*error));
  const auto ns = namespace_of(request.namespace_());
  CreateWorkload command{ns, request.name(), {}};
  if (!read(request.spec(), command.spec)) return fail(Errc::internal, "a checked spec has no domain value");
  return WorkloadCommand{context_of(request, "CreateWorkload", ns, principal), std::move(command)};
}

Result<WorkloadCommand> parse_command(const api::ScaleWorkloadRequest& request,
                                      const std::string& principal) {
  Violations v;
  check_name(request.namespace_(), request.name(), v);
  check_key(request.idempotency_key(), v);
  if (request.has_replicas()) {
    v.check_range("replicas", request.replicas(), 0, kMaxReplicas);
  } else {
    v.add("replicas", "is required");
  }
  v.check_known(request, "");
  if (auto error = v.error("ScaleWorkload")) return fail(std::move(*error));
  const auto ns = namespace_of(request.namespace_());
  return WorkloadCommand{context_of(request, "ScaleWorkload", ns, principal),
                         ScaleWorkload{ns, request.name(), request.replicas(), request.expected_revision()}};
}

Result<WorkloadCommand> parse_command(const api::DeleteWorkloadRequest& request,
                                      const std::string& principal) {
  Violations v;
  check_name(request.namespace_(), request.name(), v);
  check_key(request.idempotency_key(), v);
  v.check_known(request, "");
  if (auto error = v.error("DeleteWorkload")) return fail(std::move(*error));
  const auto ns = namespace_of(request.namespace_());
  return WorkloadCommand{context_of(request, "DeleteWorkload", ns, principal),
                         DeleteWorkload{ns, request.name(), request.expected_revision()}};
}

Result<QualifiedName> parse_target(const api::UpdateWorkloadRequest& request) {
  Violations v;
  check_name(request.namespace_(), request.name(), v);
  check_key(request.idempotency_key(), v);
  if (!request.has_spec()) v.add("spec", "is required");
  if (request.has_spec() && request.update_mask().paths_size() == 0) check_spec(request.spec(), "spec", v);
  if (auto merged = merge({}, {}, request.update_mask()); !merged) {
    for (auto& violation : merged.error().violations)
      v.add(std::move(violation.path), std::move(violation.reason));
  }
  v.check_known(request, "");
  if (auto error = v.error("UpdateWorkload")) return fail(std::move(*error));
  return QualifiedName{namespace_of(request.namespace_()), request.name()};
}

Result<WorkloadCommand> parse_command(const api::UpdateWorkloadRequest& request, const Workload& current,
                                      const std::string& principal) {
  const auto target = parse_target(request);
  if (!target) return fail(target.error());
  const auto merged = merge(to_api(current.spec), request.spec(), request.update_mask());
  if (!merged) return fail(merged.error());
  auto spec = parse_spec(*merged);
  if (!spec) return fail(std::move(spec.error()));
  const bool masked = request.update_mask().paths_size() > 0;
  const Revision expected = request.expected_revision() != 0 ? request.expected_revision()
                            : masked                         ? current.revision
                                                             : 0;
  return WorkloadCommand{context_of(request, "UpdateWorkload", target->ns, principal),
                         UpdateWorkload{target->ns, target->name, std::move(*spec),
                                        keeps_replicas(request.spec(), request.update_mask()), expected}};
}

Result<NodeCommand> parse_command(const api::UpdateNodeRequest& request, const std::string& principal) {
  Violations v;
  check_node(request.node_id(), v);
  check_key(request.idempotency_key(), v);
  check_labels(request.set_labels(), "set_labels", v);
  check_removed_labels(request, v);
  check_taints(request, v);
  v.check_known(request, "");
  if (auto error = v.error("UpdateNode")) return fail(std::move(*error));
  UpdateNode out;
  out.node = NodeId{request.node_id()};
  read_labels(request.set_labels(), out.set_labels);
  out.remove_labels.assign(request.remove_labels().begin(), request.remove_labels().end());
  out.remove_taints.assign(request.remove_taints().begin(), request.remove_taints().end());
  out.expected_revision = request.expected_revision();
  for (const auto& taint : request.set_taints()) {
    if (!read(taint, out.set_taints.emplace_back()))
      return fail(Errc::internal, "a checked taint has no domain value");
  }
  return NodeCommand{context_of(request, "UpdateNode", "", principal), std::move(out)};
}

Result<NodeCommand> parse_command(const api::CordonNodeRequest& request, const std::string& principal) {
  return parse_cordon(request, true, "CordonNode", principal);
}

Result<NodeCommand> parse_command(const api::UncordonNodeRequest& request, const std::string& principal) {
  return parse_cordon(request, false, "UncordonNode", principal);
}

Result<NodeCommand> parse_command(const api::DrainNodeRequest& request, const std::string& principal) {
  Violations v;
  check_node(request.node_id(), v);
  check_key(request.idempotency_key(), v);
  v.check_known(request, "");
  if (auto error = v.error("DrainNode")) return fail(std::move(*error));
  return NodeCommand{context_of(request, "DrainNode", "", principal),
                     DrainNode{NodeId{request.node_id()}, request.expected_revision()}};
}

Result<WorkloadCommand> parse_command(const api::PauseRolloutRequest& request, const std::string& principal) {
  return parse_control(request, RolloutAction::pause, "PauseRollout", principal);
}

Result<WorkloadCommand> parse_command(const api::ResumeRolloutRequest& request,
                                      const std::string& principal) {
  return parse_control(request, RolloutAction::resume, "ResumeRollout", principal);
}

Result<WorkloadCommand> parse_command(const api::PromoteRolloutRequest& request,
                                      const std::string& principal) {
  return parse_control(request, RolloutAction::promote, "PromoteRollout", principal);
}

Result<WorkloadCommand> parse_command(const api::AbortRolloutRequest& request, const std::string& principal) {
  return parse_control(request, RolloutAction::abort, "AbortRollout", principal);
}

Result<WorkloadCommand> parse_command(const api::RestartRolloutRequest& request,
                                      const std::string& principal) {
  return parse_control(request, RolloutAction::restart, "RestartRollout", principal);
}

Result<WorkloadCommand> parse_command(const api::UndoRolloutRequest& request, const std::string& principal) {
  return parse_control(request, RolloutAction::undo, "UndoRollout", principal, request.to_version());
}

}  // namespace cloudless::codec
