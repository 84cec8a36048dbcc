// Reads: answered in gRPC's callback, from the mirror.
#include <algorithm>
#include <utility>

#include "gateway/answers.hpp"
#include "gateway/page_token.hpp"
#include "gateway/unary.hpp"
#include "messages/codec/api_objects.hpp"
#include "messages/domain/selector.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::uint32_t kDefaultPage = 100;
constexpr std::uint32_t kMostPerPage = 1000;

Result<std::size_t> page_size(std::uint32_t asked) {
  if (asked > kMostPerPage)
    return fail(Error{Errc::invalid_argument, "page_size is too large", {{"page_size", "is above 1000"}}});
  return asked == 0 ? kDefaultPage : asked;
}

/// What both lists have in common: how many, which, and from where.
struct Paging {
  std::string list;
  std::size_t size = kDefaultPage;
  Selector selector;
  PageToken from;
};

template <class Request>
Result<Paging> paging_of(const Request& request, const std::string& list) {
  Paging paging;
  paging.list = list + "\n" + request.label_selector();
  auto size = page_size(request.page_size());
  if (!size) return fail(size.error());
  paging.size = *size;
  auto selector = parse_selector(request.label_selector());
  if (!selector) return fail(selector.error());
  paging.selector = std::move(*selector);
  if (request.page_token().empty()) return paging;
  auto token = decode_token(request.page_token(), paging.list);
  if (!token) return fail(token.error());
  paging.from = std::move(*token);
  return paging;
}

/// One step past the size: there is a next page.
template <class Reply>
bool page_is_full(Reply& reply, int size, const Paging& paging, Revision revision, const std::string& last) {
  if (static_cast<std::size_t>(size) < paging.size) return false;
  reply.set_next_page_token(encode_token({revision, last}, paging.list));
  return true;
}

QualifiedName position_of(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return {text, ""};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

void list_workloads(const Snapshot& snapshot, const std::string& ns, const Paging& paging,
                    api::ListWorkloadsReply& reply) {
  const auto after = paging.from.position.empty() ? QualifiedName{ns, ""} : position_of(paging.from.position);
  std::string last;
  reply.set_store_revision(snapshot.revision());
  snapshot.names().visit_from(after, [&](const QualifiedName& name, const WorkloadUid& uid) {
    if (!ns.empty() && name.ns != ns) return false;
    if (name == after) return true;
    const auto workload = snapshot.workload(uid);
    if (!workload || !paging.selector.matches(workload->spec.labels)) return true;
    if (page_is_full(reply, reply.workloads_size(), paging, snapshot.revision(), last)) return false;
    *reply.add_workloads() = describe(snapshot, *workload);
    last = name.ns + "/" + name.name;
    return true;
  });
}

void list_nodes(const Snapshot& snapshot, const Paging& paging, const StatusTime& now,
                api::ListNodesReply& reply) {
  const NodeId after{paging.from.position};
  std::string last;
  reply.set_store_revision(snapshot.revision());
  snapshot.nodes().visit_from(after, [&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    if (id == after || !paging.selector.matches(node->labels)) return true;
    if (page_is_full(reply, reply.nodes_size(), paging, snapshot.revision(), last)) return false;
    *reply.add_nodes() = describe(snapshot, *node, now);
    last = id.value;
    return true;
  });
}

}  // namespace

grpc::ServerUnaryReactor* Service::GetWorkload(Context* context, const api::GetWorkloadRequest* request,
                                               api::Workload* reply) {
  return read(context, Method::get_workload, 0, [request, reply](const Snapshot& snapshot) -> Result<void> {
    const std::string ns = request->namespace_().empty() ? "default" : request->namespace_();
    std::shared_ptr<const Workload> workload;
    if (!request->uid().empty())
      workload = snapshot.workload(WorkloadUid{request->uid()});
    else if (!request->name().empty())
      workload = snapshot.workload(ns, request->name());
    else
      return fail(
          Error{Errc::invalid_argument, "no workload is named", {{"name", "is empty, and so is uid"}}});
    if (!workload && !request->uid().empty())
      return fail(Errc::not_found, "workload with uid " + request->uid() + " does not exist");
    if (!workload) return fail(Errc::not_found, "workload " + ns + "/" + request->name() + " does not exist");
    *reply = describe(snapshot, *workload, snapshot.revision());
    return {};
  });
}

grpc::ServerUnaryReactor* Service::ListWorkloads(Context* context, const api::ListWorkloadsRequest* request,
                                                 api::ListWorkloadsReply* reply) {
  auto paging = paging_of(*request, "ListWorkloads\n" + request->namespace_());
  if (!paging) {
    const auto end = begin(context, Method::list_workloads);
    end(fail(paging.error()));
    return end.reactor;
  }
  return read(context, Method::list_workloads, paging->from.revision,
              [request, reply, paging = std::move(*paging)](const Snapshot& snapshot) -> Result<void> {
                list_workloads(snapshot, request->namespace_(), paging, *reply);
                return {};
              });
}

grpc::ServerUnaryReactor* Service::GetNode(Context* context, const api::GetNodeRequest* request,
                                           api::Node* reply) {
  return read(context, Method::get_node, 0, [this, request, reply](const Snapshot& snapshot) -> Result<void> {
    if (request->node_id().empty())
      return fail(Error{Errc::invalid_argument, "no node is named", {{"node_id", "is empty"}}});
    const auto node = snapshot.node(NodeId{request->node_id()});
    if (!node) return fail(Errc::not_found, "node " + request->node_id() + " does not exist");
    *reply = describe(snapshot, *node, now_of(parts_), snapshot.revision());
    return {};
  });
}

grpc::ServerUnaryReactor* Service::ListNodes(Context* context, const api::ListNodesRequest* request,
                                             api::ListNodesReply* reply) {
  auto paging = paging_of(*request, "ListNodes");
  if (!paging) {
    const auto end = begin(context, Method::list_nodes);
    end(fail(paging.error()));
    return end.reactor;
  }
  return read(context, Method::list_nodes, paging->from.revision,
              [this, reply, paging = std::move(*paging)](const Snapshot& snapshot) -> Result<void> {
                list_nodes(snapshot, paging, now_of(parts_), *reply);
                return {};
              });
}

grpc::ServerUnaryReactor* Service::ListEvents(Context* context, const api::ListEventsRequest* request,
                                              api::ListEventsReply* reply) {
  const auto end = begin(context, Method::list_events);
  if (request->limit() > kMostPerPage) {
    end(fail(Error{Errc::invalid_argument, "limit is too large", {{"limit", "is above 1000"}}}));
    return end.reactor;
  }
  EventQuery query{request->namespace_(), request->workload(), NodeId{request->node_id()},
                   request->after_revision(), request->limit() == 0 ? kDefaultPage : request->limit()};
  ask(context, Carried<EventQuery>(std::move(query)), [end, reply](Result<Answer> answer) {
    if (!answer) return end(fail(answer.error()));
    for (const auto& event : std::get<Carried<EventList>>(*answer)->events)
      *reply->add_events() = codec::to_api(event);
    end({});
  });
  return end.reactor;
}

}  // namespace cloudless::gateway
