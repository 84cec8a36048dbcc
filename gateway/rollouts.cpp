// Rollouts and versions of workloads: read from the mirror, controlled by way of their owner.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "gateway/answers.hpp"
#include "gateway/unary.hpp"
#include "messages/codec/api_objects.hpp"

namespace cloudless::gateway {
namespace {

/// By what a request names; NOT_FOUND, INVALID_ARGUMENT.
template <class Request>
Result<std::shared_ptr<const Workload>> named_workload(const Snapshot& snapshot, const Request& request) {
  const auto name = codec::parse_name(request.namespace_(), request.name());
  if (!name) return fail(name.error());
  if (auto workload = snapshot.workload(name->ns, name->name)) return workload;
  return fail(Errc::not_found, "workload " + name->ns + "/" + name->name + " does not exist");
}

Result<std::shared_ptr<const Rollout>> numbered_rollout(const Snapshot& snapshot, const Workload& workload,
                                                        std::uint64_t number) {
  const auto title = "workload " + workload.ns + "/" + workload.name;
  if (number == 0 && workload.rollout == 0) return fail(Errc::not_found, title + " has had no rollout yet");
  if (auto rollout = snapshot.rollout(workload.uid, number == 0 ? workload.rollout : number)) return rollout;
  return fail(Errc::not_found, title + " has no rollout " + std::to_string(number) +
                                   ", or does not keep it any more; the newest one is " +
                                   std::to_string(workload.rollout));
}

}  // namespace

grpc::ServerUnaryReactor* Service::GetRollout(Context* context, const api::GetRolloutRequest* request,
                                              api::Rollout* reply) {
  return read(context, Method::get_rollout, 0,
              [this, request, reply](const Snapshot& snapshot) -> Result<void> {
                const auto workload = named_workload(snapshot, *request);
                if (!workload) return fail(workload.error());
                const auto rollout = numbered_rollout(snapshot, **workload, request->number());
                if (!rollout) return fail(rollout.error());
                *reply = describe(snapshot, **workload, **rollout, now_of(parts_), snapshot.revision());
                return {};
              });
}

grpc::ServerUnaryReactor* Service::ListRollouts(Context* context, const api::ListRolloutsRequest* request,
                                                api::ListRolloutsReply* reply) {
  return read(context, Method::list_rollouts, 0,
              [this, request, reply](const Snapshot& snapshot) -> Result<void> {
                const auto workload = named_workload(snapshot, *request);
                if (!workload) return fail(workload.error());
                auto rollouts = snapshot.rollouts_of((*workload)->uid);
                std::reverse(rollouts.begin(), rollouts.end());
                for (const auto& rollout : rollouts)
                  *reply->add_rollouts() = describe(snapshot, **workload, *rollout, now_of(parts_));
                reply->set_store_revision(snapshot.revision());
                return {};
              });
}

grpc::ServerUnaryReactor* Service::ListVersions(Context* context, const api::ListVersionsRequest* request,
                                                api::ListVersionsReply* reply) {
  return read(context, Method::list_versions, 0, [request, reply](const Snapshot& snapshot) -> Result<void> {
    const auto workload = named_workload(snapshot, *request);
    if (!workload) return fail(workload.error());
    std::map<std::uint64_t, std::uint32_t> live;
    for (const auto& replica : snapshot.replicas_of((*workload)->uid))
      if (!is_terminal(replica->phase)) ++live[replica->version];
    auto versions = snapshot.versions_of((*workload)->uid);
    std::reverse(versions.begin(), versions.end());
    for (const auto& version : versions)
      *reply->add_versions() = codec::to_api(*version, **workload, live[version->number]);
    reply->set_store_revision(snapshot.revision());
    return {};
  });
}

template <class Request>
grpc::ServerUnaryReactor* Service::control(Context* context, Method method, const Request* request,
                                           api::Rollout* reply) {
  return write<CommandReply>(
      context, method, request, [this, reply](const CommandReply& done, const Snapshot& snapshot) {
        // A repeated request gets its first answer, also when much has happened since.
        auto workload = snapshot.workload(done.workload.uid);
        if (!workload) workload = std::make_shared<const Workload>(done.workload);
        auto rollout = snapshot.rollout(workload->uid, done.workload.rollout);
        if (!rollout) rollout = snapshot.rollout(workload->uid, workload->rollout);
        if (!rollout)
          rollout = std::make_shared<const Rollout>(Rollout{.workload = workload->uid,
                                                            .number = done.workload.rollout,
                                                            .to_version = done.workload.version,
                                                            .state = RolloutState::superseded});
        *reply = describe(snapshot, *workload, *rollout, now_of(parts_), snapshot.revision());
      });
}

grpc::ServerUnaryReactor* Service::PauseRollout(Context* context, const api::PauseRolloutRequest* request,
                                                api::Rollout* reply) {
  return control(context, Method::pause_rollout, request, reply);
}

grpc::ServerUnaryReactor* Service::ResumeRollout(Context* context, const api::ResumeRolloutRequest* request,
                                                 api::Rollout* reply) {
  return control(context, Method::resume_rollout, request, reply);
}

grpc::ServerUnaryReactor* Service::PromoteRollout(Context* context, const api::PromoteRolloutRequest* request,
                                                  api::Rollout* reply) {
  return control(context, Method::promote_rollout, request, reply);
}

grpc::ServerUnaryReactor* Service::AbortRollout(Context* context, const api::AbortRolloutRequest* request,
                                                api::Rollout* reply) {
  return control(context, Method::abort_rollout, request, reply);
}

grpc::ServerUnaryReactor* Service::UndoRollout(Context* context, const api::UndoRolloutRequest* request,
                                               api::Rollout* reply) {
  return control(context, Method::undo_rollout, request, reply);
}

grpc::ServerUnaryReactor* Service::RestartRollout(Context* context, const api::RestartRolloutRequest* request,
                                                  api::Rollout* reply) {
  return control(context, Method::restart_rollout, request, reply);
}

}  // namespace cloudless::gateway
