#include "services/cloudlessctl/fake_server.test.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace cloudless::cli {
namespace {

using grpc::Status;
using grpc::StatusCode;

std::string key_of(const std::string& ns, const std::string& name) {
  return (ns.empty() ? "default" : ns) + "/" + name;
}

Status missing(const std::string& what) {
  return {StatusCode::NOT_FOUND, what + " does not exist"};
}

}  // namespace

FakeServer::FakeServer(std::shared_ptr<grpc::ServerCredentials> credentials) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", std::move(credentials), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (!server_ || port == 0) throw std::runtime_error("no free port on 127.0.0.1");
  address_ = "127.0.0.1:" + std::to_string(port);
}

void FakeServer::make_ready(api::Workload& workload) {
  auto& status = *workload.mutable_status();
  status.Clear();
  const auto wanted = workload.spec().replicas();
  status.set_phase(api::WorkloadStatus::RUNNING);
  status.set_version(1);
  status.set_replicas_wanted(wanted);
  status.set_ready_replicas(wanted);
  status.set_updated_replicas(wanted);
  for (std::uint32_t i = 0; i < wanted; ++i) {
    auto& replica = *status.add_replicas();
    replica.set_id(workload.name() + "-" + workload.uid() + "-" + std::to_string(i));
    replica.set_state(api::Replica::RUNNING);
    replica.set_ready(true);
    replica.set_node_id("n1");
  }
}

Status FakeServer::write(const std::string& ns, const std::string& name, const api::WorkloadSpec& spec,
                         api::Workload* reply) {
  auto& workload = workloads[key_of(ns, name)];
  if (workload.uid().empty()) {
    const auto number = std::to_string(++revision_);
    workload.set_uid(std::string(10 - number.size(), '0') + number);
    workload.set_namespace_(ns.empty() ? "default" : ns);
    workload.set_name(name);
  }
  const auto replicas = spec.has_replicas()              ? spec.replicas()
                        : workload.spec().has_replicas() ? workload.spec().replicas()
                                                         : 1;
  auto wanted = spec;
  wanted.set_replicas(replicas);
  if (wanted.SerializeAsString() != workload.spec().SerializeAsString()) workload.set_revision(++revision_);
  *workload.mutable_spec() = wanted;
  *reply = workload;
  return Status::OK;
}

Status FakeServer::CreateWorkload(grpc::ServerContext*, const api::CreateWorkloadRequest* request,
                                  api::Workload* reply) {
  const std::lock_guard lock(mutex_);
  if (!refusal.ok()) return refusal;
  if (workloads.contains(key_of(request->namespace_(), request->name())))
    return {StatusCode::ALREADY_EXISTS,
            "workload " + key_of(request->namespace_(), request->name()) + " exists"};
  return write(request->namespace_(), request->name(), request->spec(), reply);
}

Status FakeServer::UpdateWorkload(grpc::ServerContext*, const api::UpdateWorkloadRequest* request,
                                  api::Workload* reply) {
  const std::lock_guard lock(mutex_);
  if (!refusal.ok()) return refusal;
  if (!workloads.contains(key_of(request->namespace_(), request->name()))) return missing("workload");
  return write(request->namespace_(), request->name(), request->spec(), reply);
}

Status FakeServer::ScaleWorkload(grpc::ServerContext*, const api::ScaleWorkloadRequest* request,
                                 api::Workload* reply) {
  const std::lock_guard lock(mutex_);
  if (!refusal.ok()) return refusal;
  const auto found = workloads.find(key_of(request->namespace_(), request->name()));
  if (found == workloads.end()) return missing("workload");
  auto spec = found->second.spec();
  spec.set_replicas(request->replicas());
  return write(request->namespace_(), request->name(), spec, reply);
}

Status FakeServer::DeleteWorkload(grpc::ServerContext*, const api::DeleteWorkloadRequest* request,
                                  api::DeleteWorkloadReply* reply) {
  const std::lock_guard lock(mutex_);
  const auto found = workloads.find(key_of(request->namespace_(), request->name()));
  if (found == workloads.end()) return missing("workload");
  reply->set_uid(found->second.uid());
  workloads.erase(found);
  return Status::OK;
}

Status FakeServer::GetWorkload(grpc::ServerContext*, const api::GetWorkloadRequest* request,
                               api::Workload* reply) {
  const std::lock_guard lock(mutex_);
  ++reads;
  for (const auto& [key, workload] : workloads) {
    if (request->uid().empty() ? key != key_of(request->namespace_(), request->name())
                               : workload.uid() != request->uid())
      continue;
    *reply = workload;
    settle(*reply);
    return Status::OK;
  }
  return missing("workload " +
                 (request->uid().empty() ? key_of(request->namespace_(), request->name()) : request->uid()));
}

Status FakeServer::ListWorkloads(grpc::ServerContext*, const api::ListWorkloadsRequest* request,
                                 api::ListWorkloadsReply* reply) {
  const std::lock_guard lock(mutex_);
  last_list = *request;
  std::size_t index = 0;
  const std::size_t first = request->page_token().empty() ? 0 : std::stoul(request->page_token());
  for (const auto& [key, workload] : workloads) {
    if (!request->namespace_().empty() && workload.namespace_() != request->namespace_()) continue;
    if (index++ < first) continue;
    if (reply->workloads_size() == static_cast<int>(page_size)) {
      reply->set_next_page_token(std::to_string(index - 1));
      break;
    }
    settle(*reply->add_workloads() = workload);
  }
  return Status::OK;
}

api::Node* FakeServer::find_node(const std::string& id) {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node.id() == id; });
  return found == nodes.end() ? nullptr : &*found;
}

Status FakeServer::GetRollout(grpc::ServerContext*, const api::GetRolloutRequest*, api::Rollout* reply) {
  const std::lock_guard lock(mutex_);
  if (rollouts.empty()) return missing("rollout");
  *reply = rollouts.front();
  if (rollouts.size() > 1) rollouts.erase(rollouts.begin());
  return Status::OK;
}

Status FakeServer::ListRollouts(grpc::ServerContext*, const api::ListRolloutsRequest*,
                                api::ListRolloutsReply* reply) {
  const std::lock_guard lock(mutex_);
  if (rollouts.empty()) return missing("workload");
  for (const auto& rollout : rollouts) *reply->add_rollouts() = rollout;
  return Status::OK;
}

Status FakeServer::ListVersions(grpc::ServerContext*, const api::ListVersionsRequest*,
                                api::ListVersionsReply* reply) {
  const std::lock_guard lock(mutex_);
  for (const auto& version : versions) *reply->add_versions() = version;
  return Status::OK;
}

Status FakeServer::WatchRollout(grpc::ServerContext*, const api::WatchRolloutRequest*,
                                grpc::ServerWriter<api::Rollout>* writer) {
  const std::lock_guard lock(mutex_);
  if (watched.empty()) return missing("workload");
  const auto said = watched.front();
  watched.erase(watched.begin());
  for (const auto& rollout : said) writer->Write(rollout);
  // All but the last stream break.
  return watched.empty() ? Status::OK : Status(StatusCode::UNAVAILABLE, "going away");
}

Status FakeServer::control(const std::string& what, const std::string& ns, const std::string& name,
                           api::Rollout* reply) {
  const std::lock_guard lock(mutex_);
  if (!refusal.ok()) return refusal;
  controls.push_back(what + " " + key_of(ns, name));
  if (!rollouts.empty()) *reply = rollouts.front();
  return Status::OK;
}

Status FakeServer::DrainNode(grpc::ServerContext*, const api::DrainNodeRequest* request, api::Node* reply) {
  const std::lock_guard lock(mutex_);
  if (drain_steps.empty()) return missing("node " + request->node_id());
  *reply = drain_steps.front();
  return Status::OK;
}

Status FakeServer::GetNode(grpc::ServerContext*, const api::GetNodeRequest* request, api::Node* reply) {
  const std::lock_guard lock(mutex_);
  if (!drain_steps.empty()) {
    *reply = drain_steps.front();
    if (drain_steps.size() > 1) drain_steps.erase(drain_steps.begin());
    return Status::OK;
  }
  const auto* node = find_node(request->node_id());
  if (node == nullptr) return missing("node " + request->node_id());
  *reply = *node;
  return Status::OK;
}

Status FakeServer::ListNodes(grpc::ServerContext*, const api::ListNodesRequest*, api::ListNodesReply* reply) {
  const std::lock_guard lock(mutex_);
  for (const auto& node : nodes) *reply->add_nodes() = node;
  return Status::OK;
}

Status FakeServer::UpdateNode(grpc::ServerContext*, const api::UpdateNodeRequest* request, api::Node* reply) {
  const std::lock_guard lock(mutex_);
  auto* node = find_node(request->node_id());
  if (node == nullptr) return missing("node " + request->node_id());
  for (const auto& taint : request->set_taints()) *node->add_taints() = taint;
  for (const auto& key : request->remove_taints()) {
    auto& taints = *node->mutable_taints();
    taints.erase(std::remove_if(taints.begin(), taints.end(), [&](const auto& t) { return t.key() == key; }),
                 taints.end());
  }
  *reply = *node;
  return Status::OK;
}

Status FakeServer::CordonNode(grpc::ServerContext*, const api::CordonNodeRequest* request, api::Node* reply) {
  const std::lock_guard lock(mutex_);
  auto* node = find_node(request->node_id());
  if (node == nullptr) return missing("node " + request->node_id());
  node->set_cordoned(true);
  *reply = *node;
  return Status::OK;
}

Status FakeServer::UncordonNode(grpc::ServerContext*, const api::UncordonNodeRequest* request,
                                api::Node* reply) {
  const std::lock_guard lock(mutex_);
  auto* node = find_node(request->node_id());
  if (node == nullptr) return missing("node " + request->node_id());
  node->set_cordoned(false);
  *reply = *node;
  return Status::OK;
}

Status FakeServer::ListEvents(grpc::ServerContext*, const api::ListEventsRequest* request,
                              api::ListEventsReply* reply) {
  const std::lock_guard lock(mutex_);
  last_events = *request;
  for (const auto& event : events) *reply->add_events() = event;
  return Status::OK;
}

Status FakeServer::StreamLogs(grpc::ServerContext*, const api::StreamLogsRequest* request,
                              grpc::ServerWriter<api::StreamLogsReply>* writer) {
  const std::lock_guard lock(mutex_);
  last_logs = *request;
  if (!refusal.ok()) return refusal;
  for (const auto& line : lines) {
    api::StreamLogsReply reply;
    *reply.add_lines() = line;
    writer->Write(reply);
  }
  return Status::OK;
}

Status FakeServer::Exec(grpc::ServerContext*,
                        grpc::ServerReaderWriter<api::ExecOutput, api::ExecInput>* stream) {
  api::ExecInput message;
  if (!stream->Read(&message)) return {grpc::StatusCode::INVALID_ARGUMENT, "no opening"};
  const auto open = message.open();
  std::string input;
  bool more = open.stdin();
  while (more && stream->Read(&message)) {
    input += message.stdin();
    more = !message.close_stdin();
  }
  const std::lock_guard lock(mutex_);
  last_exec = open;
  exec_input = input;
  if (!refusal.ok()) return refusal;
  for (const auto& output : exec_outputs) stream->Write(output);
  return Status::OK;
}

}  // namespace cloudless::cli
