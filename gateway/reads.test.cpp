#include <doctest/doctest.h>

#include <future>
#include <set>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

std::string uid_of(int i) {
  std::string digits = std::to_string(i);
  return std::string(10 - digits.size(), '0') + digits;
}

}  // namespace

TEST_CASE("gateway: a workload is found by name, and by uid also while it is being deleted") {
  Fixture f;
  auto deleted = workload("old", "bbbbbbbbbb", 2);
  deleted.deleted = true;
  f.commit({put_workload(workload("web", "aaaaaaaaaa", 1)), put_workload(deleted)});
  api::GetWorkloadRequest request;
  api::Workload reply;
  request.set_name("web");
  {
    CallContext context;
    REQUIRE(f.stub->GetWorkload(&context, request, &reply).ok());
  }
  CHECK(reply.uid() == "aaaaaaaaaa");
  CHECK(reply.namespace_() == "default");
  CHECK(reply.store_revision() == 1);
  request.set_name("old");
  {
    CallContext context;
    const auto status = f.stub->GetWorkload(&context, request, &reply);
    CHECK(status.error_code() == grpc::StatusCode::NOT_FOUND);
    CHECK(status.error_message().find("default/old") != std::string::npos);
  }
  request.clear_name();
  request.set_uid("bbbbbbbbbb");
  {
    CallContext context;
    REQUIRE(f.stub->GetWorkload(&context, request, &reply).ok());
    CHECK(reply.status().phase() == api::WorkloadStatus::DELETING);
  }
  CallContext context;
  CHECK(f.stub->GetWorkload(&context, {}, &reply).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("gateway: pages of a list hold every workload once, in order, and only those that are asked for") {
  Fixture f;
  std::vector<Change> changes;
  for (int i = 0; i < 25; ++i) {
    auto w = workload("w" + uid_of(i), uid_of(i), 1, {{"parity", i % 2 ? "odd" : "even"}});
    if (i >= 20) w.ns = "other";
    changes.push_back(put_workload(w));
  }
  f.commit(std::move(changes));
  struct Case {
    const char* ns;
    const char* selector;
    std::uint32_t page;
    std::size_t expected;
  };
  for (const auto& c : {Case{"", "", 4, 25}, Case{"default", "", 7, 20}, Case{"other", "", 5, 5},
                        Case{"", "parity=odd", 3, 12}, Case{"default", "parity!=odd", 100, 10},
                        Case{"none", "", 10, 0}, Case{"", "", 25, 25}}) {
    CAPTURE(c.ns);
    CAPTURE(c.selector);
    api::ListWorkloadsRequest request;
    request.set_namespace_(c.ns);
    request.set_label_selector(c.selector);
    request.set_page_size(c.page);
    std::vector<std::string> seen;
    do {
      CallContext context;
      api::ListWorkloadsReply reply;
      REQUIRE(f.stub->ListWorkloads(&context, request, &reply).ok());
      CHECK(static_cast<std::uint32_t>(reply.workloads_size()) <= c.page);
      for (const auto& w : reply.workloads()) seen.push_back(w.namespace_() + "/" + w.name());
      request.set_page_token(reply.next_page_token());
    } while (!request.page_token().empty());
    CHECK(seen.size() == c.expected);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == seen.size());
  }
}

TEST_CASE("gateway: wrong selectors, sizes and tokens of a list are refused by their field") {
  Fixture f;
  f.commit({});
  struct Case {
    const char* selector;
    std::uint32_t page;
    const char* token;
    const char* field;
  };
  for (const auto& c : {Case{"a=b=c,,", 10, "", "label_selector"}, Case{"", 1001, "", "page_size"},
                        Case{"", 10, "zzz", "page_token"}}) {
    api::ListWorkloadsRequest request;
    request.set_label_selector(c.selector);
    request.set_page_size(c.page);
    request.set_page_token(c.token);
    CallContext context;
    api::ListWorkloadsReply reply;
    const auto status = f.stub->ListWorkloads(&context, request, &reply);
    CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(status.error_message().find(c.field) != std::string::npos);
  }
}

TEST_CASE("gateway: a node shows what its live replicas reserve") {
  Fixture f;
  Node node;
  node.description.id = NodeId{"n1"};
  Version version;
  version.workload = WorkloadUid{"aaaaaaaaaa"};
  version.pod.requests = {250, 1 << 20, 0, 0, 0};
  auto replica = [](std::uint64_t ordinal, Phase phase) {
    Replica r;
    r.workload = WorkloadUid{"aaaaaaaaaa"};
    r.ordinal = ordinal;
    r.id = replica_id("web", r.workload, ordinal);
    r.node = NodeId{"n1"};
    r.phase = phase;
    return put(std::make_shared<const Replica>(r));
  };
  f.commit({put(std::make_shared<const Node>(node)), put_workload(workload("web", "aaaaaaaaaa", 1)),
            put(std::make_shared<const Version>(version)), replica(0, Phase::running),
            replica(1, Phase::assigned), replica(2, Phase::stopped)});
  api::GetNodeRequest request;
  request.set_node_id("n1");
  api::Node reply;
  CallContext context;
  REQUIRE(f.stub->GetNode(&context, request, &reply).ok());
  CHECK(reply.replicas() == 2);
  CHECK(reply.reserved().cpu_millicores() == 500);
  CHECK(reply.reserved().memory_bytes() == 2 << 20);
  CallContext list_context;
  api::ListNodesReply nodes;
  REQUIRE(f.stub->ListNodes(&list_context, {}, &nodes).ok());
  REQUIRE(nodes.nodes_size() == 1);
  CHECK(nodes.nodes(0).id() == "n1");
}

TEST_CASE("gateway: a read with a minimum revision is answered when the gateway has seen it, not before") {
  Fixture f;
  f.commit({put_workload(workload("web", "aaaaaaaaaa", 1))});
  api::GetWorkloadRequest request;
  request.set_name("web");
  api::Workload reply;
  auto waiting = std::async(std::launch::async, [&] {
    CallContext context;
    context.AddMetadata("cloudless-min-revision", "3");
    return f.stub->GetWorkload(&context, request, &reply);
  });
  f.commit({});
  CHECK(waiting.wait_for(50ms) == std::future_status::timeout);
  f.commit({put_workload(workload("web", "aaaaaaaaaa", 3))});
  REQUIRE(waiting.get().ok());
  CHECK(reply.revision() == 3);
  CHECK(reply.store_revision() == 3);
  CallContext context;
  context.AddMetadata("cloudless-min-revision", "3x");
  CHECK(f.stub->GetWorkload(&context, request, &reply).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("gateway: events come from the event log, with the query as it was asked") {
  Fixture f;
  f.commit({});
  f.script.with([](Script& s) {
    s.events.events.push_back(
        {7, 1000, Severity::warning, "NodeLost", "", "", {}, NodeId{"n1"}, "node n1 is OFFLINE"});
  });
  api::ListEventsRequest request;
  request.set_node_id("n1");
  request.set_after_revision(3);
  api::ListEventsReply reply;
  CallContext context;
  REQUIRE(f.stub->ListEvents(&context, request, &reply).ok());
  REQUIRE(reply.events_size() == 1);
  CHECK(reply.events(0).kind() == "NodeLost");
  CHECK(f.script.event_query == EventQuery{"", "", NodeId{"n1"}, 3, 100});
}

TEST_CASE("gateway: calls are counted by method and code") {
  Fixture f;
  f.commit({});
  api::GetWorkloadRequest request;
  request.set_name("none");
  api::Workload reply;
  CallContext context;
  (void)f.stub->GetWorkload(&context, request, &reply);
  CHECK(f.metrics.text().find("cloudless_api_calls_total{code=\"NOT_FOUND\",method=\"GetWorkload\"} 1") !=
        std::string::npos);
}
