// Writes: parsed here, carried out by their owner, answered when this gateway's mirror shows them.
#include <algorithm>
#include <limits>
#include <utility>

#include "gateway/answers.hpp"
#include "gateway/unary.hpp"
#include "messages/codec/api_command.hpp"

namespace cloudless::gateway {
namespace {

/// Rounds of reading and writing a masked update until it meets no other writer.
constexpr int kMostAttempts = 8;

/// How long an update waits for the mirror to show what it collided with.
constexpr Millis kNewerWithin = 250;

/// Stands for a workload that is not there (any more): no owner takes a change of it.
std::shared_ptr<const Workload> unknown_workload() {
  Workload workload;
  workload.revision = std::numeric_limits<Revision>::max();
  workload.spec.pod.image = "unknown";
  return std::make_shared<const Workload>(std::move(workload));
}

}  // namespace

grpc::ServerUnaryReactor* Service::CreateWorkload(Context* context, const api::CreateWorkloadRequest* request,
                                                  api::Workload* reply) {
  return write<CommandReply>(context, Method::create_workload, request,
                             [reply](const CommandReply& done, const Snapshot& snapshot) {
                               *reply = describe(snapshot, done.workload, snapshot.revision());
                             });
}

grpc::ServerUnaryReactor* Service::ScaleWorkload(Context* context, const api::ScaleWorkloadRequest* request,
                                                 api::Workload* reply) {
  return write<CommandReply>(context, Method::scale_workload, request,
                             [reply](const CommandReply& done, const Snapshot& snapshot) {
                               *reply = describe(snapshot, done.workload, snapshot.revision());
                             });
}

grpc::ServerUnaryReactor* Service::DeleteWorkload(Context* context, const api::DeleteWorkloadRequest* request,
                                                  api::DeleteWorkloadReply* reply) {
  return write<CommandReply>(context, Method::delete_workload, request,
                             [reply](const CommandReply& done, const Snapshot& snapshot) {
                               reply->set_uid(done.workload.uid.value);
                               reply->set_store_revision(snapshot.revision());
                             });
}

grpc::ServerUnaryReactor* Service::UpdateNode(Context* context, const api::UpdateNodeRequest* request,
                                              api::Node* reply) {
  return write<NodeReply>(context, Method::update_node, request,
                          [this, reply](const NodeReply& done, const Snapshot& snapshot) {
                            *reply = describe(snapshot, done.node, now_of(parts_), snapshot.revision());
                          });
}

grpc::ServerUnaryReactor* Service::CordonNode(Context* context, const api::CordonNodeRequest* request,
                                              api::Node* reply) {
  return write<NodeReply>(context, Method::cordon_node, request,
                          [this, reply](const NodeReply& done, const Snapshot& snapshot) {
                            *reply = describe(snapshot, done.node, now_of(parts_), snapshot.revision());
                          });
}

grpc::ServerUnaryReactor* Service::UncordonNode(Context* context, const api::UncordonNodeRequest* request,
                                                api::Node* reply) {
  return write<NodeReply>(context, Method::uncordon_node, request,
                          [this, reply](const NodeReply& done, const Snapshot& snapshot) {
                            *reply = describe(snapshot, done.node, now_of(parts_), snapshot.revision());
                          });
}

grpc::ServerUnaryReactor* Service::DrainNode(Context* context, const api::DrainNodeRequest* request,
                                             api::Node* reply) {
  return write<NodeReply>(context, Method::drain_node, request,
                          [this, reply](const NodeReply& done, const Snapshot& snapshot) {
                            *reply = describe(snapshot, done.node, now_of(parts_), snapshot.revision());
                          });
}

/// An UpdateWorkload on its way: the mask is merged into what the mirror has, and the owner takes it only if
/// that is still so.
struct Service::Update {
  Context* context;
  const api::UpdateWorkloadRequest* request;
  api::Workload* reply;
  Ending end;
  QualifiedName name;
  Millis deadline = 0;
  int attempts = 0;
};

grpc::ServerUnaryReactor* Service::UpdateWorkload(Context* context, const api::UpdateWorkloadRequest* request,
                                                  api::Workload* reply) {
  const auto end = begin(context, Method::update_workload);
  auto target = codec::parse_target(*request);
  if (auto small = small_enough(*request); !small) {
    end(small);
  } else if (!target) {
    end(fail(target.error()));
  } else {
    attempt(std::make_shared<Update>(Update{context, request, reply, end, std::move(*target),
                                            parts_.clock.steady() + budget_of(*context)}));
  }
  return end.reactor;
}

void Service::attempt(const std::shared_ptr<Update>& update) {
  const auto& request = *update->request;
  const auto snapshot = parts_.mirror->present();
  auto current = snapshot ? snapshot->workload(update->name.ns, update->name.name) : nullptr;
  const bool masked = request.update_mask().paths_size() > 0;
  // A mask must not be merged into something older than what the user has seen.
  if (current && masked && current->revision < request.expected_revision())
    return again(update, *snapshot,
                 {Errc::aborted,
                  "expected revision " + std::to_string(request.expected_revision()) + ", but it is " +
                      std::to_string(current->revision),
                  {}});
  if (!current) {
    // A repeated request has its first answer at the owner, whatever became of the workload since.
    if (request.idempotency_key().empty())
      return update->end(
          fail(Errc::not_found, "workload " + update->name.ns + "/" + update->name.name + " does not exist"));
    current = unknown_workload();
  }
  auto command = codec::parse_command(request, *current, principal_of(*update->context));
  if (!command) return update->end(fail(command.error()));
  ask(update->context, Carried(std::move(*command)), [this, update, snapshot](Result<Answer> answer) {
    if (!answer && answer.error().code == Errc::aborted && update->request->expected_revision() == 0)
      return again(update, *snapshot, answer.error());
    show<CommandReply>(update->end, std::move(answer),
                       [update](const CommandReply& done, const Snapshot& shown) {
                         *update->reply = describe(shown, done.workload, shown.revision());
                       });
  });
}

void Service::again(const std::shared_ptr<Update>& update, const Snapshot& seen, const Error& why) {
  const auto now = parts_.clock.steady();
  if (++update->attempts >= kMostAttempts || now >= update->deadline) return update->end(fail(why));
  parts_.mirror->when(seen.revision() + 1, std::min(update->deadline, now + kNewerWithin),
                      [this, update](bool) { attempt(update); });
}

}  // namespace cloudless::gateway
