#include "messages/codec/api_command.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include "messages/codec/api_mask.hpp"
#include "messages/codec/api_spec.hpp"
#include "messages/codec/api_stream.hpp"

namespace cloudless::codec {
namespace {

template <class Message>
Message message_of(const std::string& text) {
  Message out;
  REQUIRE_MESSAGE(google::protobuf::TextFormat::ParseFromString(text, &out), text);
  return out;
}

template <class T>
std::vector<std::string> bad_paths(const Result<T>& result) {
  std::vector<std::string> out;
  if (!result) {
    CHECK(result.error().code == Errc::invalid_argument);
    for (const auto& violation : result.error().violations) out.push_back(violation.path);
  }
  return out;
}

template <class Request>
std::vector<std::string> bad_paths_of(const std::string& text) {
  return bad_paths(parse_command(message_of<Request>(text), "me"));
}

using Paths = std::vector<std::string>;

Workload current() {
  Workload out;
  out.uid = WorkloadUid{"0123456789"};
  out.ns = "default";
  out.name = "web";
  out.revision = 7;
  out.spec.pod.image = "nginx:1";
  out.spec.pod.env = {{"A", "1"}};
  out.spec.replicas = 5;
  return out;
}

Result<UpdateWorkload> updated(const std::string& text) {
  auto command = parse_command(message_of<api::UpdateWorkloadRequest>(text), current(), "me");
  if (!command) return fail(command.error());
  return std::get<UpdateWorkload>(command->action);
}

}  // namespace

TEST_CASE("requests become commands with their context") {
  const auto create = parse_command(
      message_of<api::CreateWorkloadRequest>(R"(name: "web" spec { image: "a" } idempotency_key: "k")"),
      "me");
  REQUIRE(create.has_value());
  CHECK(create->context.principal == "me");
  CHECK(create->context.method == "CreateWorkload");
  CHECK(create->context.ns == "default");
  CHECK(create->context.idempotency_key == "k");
  CHECK(create->context.request_hash.size() == 32);
  CHECK(std::get<CreateWorkload>(create->action).name == "web");
  const auto other = parse_command(
      message_of<api::CreateWorkloadRequest>(R"(name: "web" spec { image: "b" } idempotency_key: "k")"),
      "me");
  CHECK(other->context.request_hash != create->context.request_hash);
  CHECK(parse_command(message_of<api::CreateWorkloadRequest>(R"(name: "web" spec { image: "b" })"), "me")
            ->context.request_hash.empty());

  const auto scale = parse_command(
      message_of<api::ScaleWorkloadRequest>(R"(namespace: "x" name: "web" replicas: 0 expected_revision: 4)"),
      "me");
  REQUIRE(scale.has_value());
  CHECK(std::get<ScaleWorkload>(scale->action) == ScaleWorkload{"x", "web", 0, 4});
  const auto gone = parse_command(message_of<api::DeleteWorkloadRequest>(R"(name: "web")"), "me");
  CHECK(std::get<DeleteWorkload>(gone->action) == DeleteWorkload{"default", "web", 0});
  const auto uncordon = parse_command(message_of<api::UncordonNodeRequest>(R"(node_id: "n1")"), "me");
  CHECK(std::get<CordonNode>(uncordon->action) == CordonNode{NodeId{"n1"}, false, 0});
  const auto node =
      parse_command(message_of<api::UpdateNodeRequest>(R"(node_id: "n1" set_labels { key: "a" value: "b" }
      remove_labels: "c" set_taints { key: "t" effect: TAINT_EFFECT_NO_EXECUTE } remove_taints: "u" expected_revision: 3)"),
                    "me");
  REQUIRE(node.has_value());
  CHECK(std::get<UpdateNode>(node->action) ==
        UpdateNode{NodeId{"n1"}, {{"a", "b"}}, {"c"}, {{"t", "", TaintEffect::no_execute}}, {"u"}, 3});
}

TEST_CASE("everything that is wrong with a request is said at once") {
  using Create = api::CreateWorkloadRequest;
  CHECK(bad_paths_of<Create>("") == Paths{"name", "spec"});
  CHECK(bad_paths_of<Create>(
            R"(namespace: "A" name: "Bad_Name" spec { image: "a b" } idempotency_key: "\n")") ==
        Paths{"namespace", "name", "idempotency_key", "spec.image"});
  CHECK(bad_paths_of<api::ScaleWorkloadRequest>(R"(name: "a")") == Paths{"replicas"});
  CHECK(bad_paths_of<api::ScaleWorkloadRequest>(R"(replicas: 10001)") == Paths{"name", "replicas"});
  CHECK(bad_paths_of<api::DeleteWorkloadRequest>(R"(name: "-a" idempotency_key: ")" + std::string(129, 'k') +
                                                 "\"") == Paths{"name", "idempotency_key"});
  CHECK(bad_paths_of<api::CordonNodeRequest>("") == Paths{"node_id"});
  CHECK(bad_paths_of<api::UpdateNodeRequest>(
            R"(node_id: "N" set_labels { key: "a" value: "b" } set_labels { key: "x y" value: "" }
      remove_labels: "a" remove_labels: "" set_taints { key: "t" } set_taints { key: "" value: " " effect: 9 }
      remove_taints: " ")") == Paths{"node_id", "set_labels[x y]", "remove_labels[0]", "remove_labels[1]",
                                     "set_taints[0].effect", "set_taints[1].key", "set_taints[1].value",
                                     "set_taints[1].effect", "remove_taints[0]"});
  Create unknown = message_of<Create>(R"(name: "a" spec { image: "a" })");
  unknown.GetReflection()->MutableUnknownFields(&unknown)->AddVarint(77, 1);
  CHECK(bad_paths(parse_command(unknown, "me")) == Paths{"#77"});
}

TEST_CASE("an update takes the fields that its mask names and leaves the others") {
  auto update = updated(
      R"(name: "web" spec { image: "nginx:2" replicas: 9 env { name: "B" } } update_mask { paths: "image" })");
  REQUIRE(update.has_value());
  CHECK(update->spec.pod.image == "nginx:2");
  CHECK(update->spec.pod.env == current().spec.pod.env);
  CHECK(update->spec.replicas == 5);
  CHECK(update->keep_replicas);
  CHECK(update->expected_revision == 7);

  update = updated(R"(name: "web" spec { replicas: 9 rollout { max_surge { absolute: 2 } } }
      update_mask { paths: "replicas" paths: "rollout.max_surge" } expected_revision: 3)");
  REQUIRE(update.has_value());
  CHECK(update->spec.replicas == 9);
  CHECK_FALSE(update->keep_replicas);
  CHECK(update->spec.rollout.max_surge == IntOrPercent{2, false});
  CHECK(update->spec.pod.image == "nginx:1");
  CHECK(update->expected_revision == 3);

  update = updated(R"(name: "web" spec {} update_mask { paths: "env" })");
  REQUIRE(update.has_value());
  CHECK(update->spec.pod.env.empty());
}

TEST_CASE("an update without a mask is the whole spec, and keeps the replicas unless it names them") {
  auto update = updated(R"(name: "web" spec { image: "nginx:2" })");
  REQUIRE(update.has_value());
  CHECK(update->spec.pod.env.empty());
  CHECK(update->spec.replicas == 5);
  CHECK(update->keep_replicas);
  CHECK(update->expected_revision == 0);
  update = updated(R"(name: "web" spec { image: "nginx:2" replicas: 2 })");
  CHECK(update->spec.replicas == 2);
  CHECK_FALSE(update->keep_replicas);
}

TEST_CASE("masks and merged specs that are wrong are refused") {
  CHECK(
      bad_paths(updated(
          R"(name: "web" spec { image: "a" } update_mask { paths: "image" paths: "spec.image" paths: "env.name"
      paths: "labels.a" paths: "nothing" paths: "" })")) ==
      Paths{"update_mask.paths[1]", "update_mask.paths[2]", "update_mask.paths[3]", "update_mask.paths[4]",
            "update_mask.paths[5]"});
  CHECK(bad_paths(updated(R"(name: "web" update_mask { paths: "image" })")) == Paths{"spec"});
  CHECK(bad_paths(updated(R"(name: "web" spec {} update_mask { paths: "image" })")) == Paths{"spec.image"});
  CHECK(bad_paths(updated(R"(name: "web" spec { replicas: 10001 } update_mask { paths: "replicas" })")) ==
        Paths{"spec.replicas"});
  const auto later = updated(R"(name: "web" spec { exclusive: true } update_mask { paths: "exclusive" })");
  REQUIRE_FALSE(later.has_value());
  CHECK(later.error().code == Errc::unimplemented);
  CHECK(later.error().violations[0].path == "spec.exclusive");
}

TEST_CASE("a log or exec request names one target and is bounded") {
  const auto logs = parse_logs(message_of<api::StreamLogsRequest>(
      R"(workload: "web" follow: true tail_lines: 0 since { seconds: 2 nanos: 5000000 } stream: "stderr")"));
  REQUIRE(logs.has_value());
  CHECK(logs->target.workload == QualifiedName{"default", "web"});
  CHECK(logs->query.tail_lines == 0);
  CHECK(logs->query.since == 2005);
  CHECK_FALSE(logs->query.want_stdout);
  CHECK(logs->query.want_stderr);
  CHECK(bad_paths(parse_logs(message_of<api::StreamLogsRequest>(R"(stream: "x" since { seconds: -1 })"))) ==
        Paths{"workload", "since", "stream"});
  CHECK(parse_logs(message_of<api::StreamLogsRequest>(R"(replica_id: "r" previous: true)"))->query.previous);
  CHECK(bad_paths(parse_logs(message_of<api::StreamLogsRequest>(
            R"(container_id: "c" previous: true follow: true)"))) == Paths{"previous", "previous"});
  CHECK(bad_paths(parse_logs(message_of<api::StreamLogsRequest>(R"(workload: "a" replica_id: "b")"))) ==
        Paths{"workload"});

  const auto exec = parse_exec(
      message_of<api::ExecCommandRequest>(R"(container_id: "c" command: "ls" timeout_ms: 5 stdin: "\377")"));
  REQUIRE(exec.has_value());
  CHECK(exec->query == ExecQuery{{}, ContainerId{"c"}, {"ls"}, 5, true});
  CHECK(exec->input == "\xff");
  CHECK(bad_paths(parse_exec(message_of<api::ExecCommandRequest>(R"(replica_id: "r" timeout_ms: 0)"))) ==
        Paths{"command", "timeout_ms"});
}

TEST_CASE("what users do with rollouts and drains becomes commands, with the context of their method") {
  const auto control_of = [](const auto& request, const char* method) {
    const auto command = parse_command(request, "me");
    REQUIRE(command.has_value());
    CHECK(command->context.method == method);
    CHECK(command->context.ns == "default");
    CHECK(command->context.principal == "me");
    CHECK(command->context.request_hash.size() == 32);
    return std::get<ControlRollout>(command->action);
  };
  const std::string text = R"(name: "web" expected_revision: 9 idempotency_key: "k")";
  const auto expect = [](RolloutAction action, std::uint64_t to = 0) {
    return ControlRollout{"default", "web", action, to, 9};
  };
  CHECK(control_of(message_of<api::PauseRolloutRequest>(text), "PauseRollout") ==
        expect(RolloutAction::pause));
  CHECK(control_of(message_of<api::ResumeRolloutRequest>(text), "ResumeRollout") ==
        expect(RolloutAction::resume));
  CHECK(control_of(message_of<api::PromoteRolloutRequest>(text), "PromoteRollout") ==
        expect(RolloutAction::promote));
  CHECK(control_of(message_of<api::AbortRolloutRequest>(text), "AbortRollout") ==
        expect(RolloutAction::abort));
  CHECK(control_of(message_of<api::RestartRolloutRequest>(text), "RestartRollout") ==
        expect(RolloutAction::restart));
  CHECK(control_of(message_of<api::UndoRolloutRequest>(text + " to_version: 3"), "UndoRollout") ==
        expect(RolloutAction::undo, 3));
  const auto drain =
      parse_command(message_of<api::DrainNodeRequest>(R"(node_id: "n1" expected_revision: 4)"), "me");
  REQUIRE(drain.has_value());
  CHECK(drain->context.method == "DrainNode");
  CHECK(std::get<DrainNode>(drain->action) == DrainNode{NodeId{"n1"}, 4});

  CHECK(bad_paths_of<api::UndoRolloutRequest>(R"(namespace: "A_" to_version: 1)") ==
        Paths{"namespace", "name"});
  CHECK(bad_paths_of<api::PauseRolloutRequest>("name: 'web' idempotency_key: '\\n'") ==
        Paths{"idempotency_key"});
  CHECK(bad_paths_of<api::DrainNodeRequest>("") == Paths{"node_id"});
}

}  // namespace cloudless::codec
