#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "services/cloudlessctl/app.hpp"
#include "services/cloudlessctl/fake_server.test.hpp"

namespace cloudless::cli {
namespace {

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

Ran ctl_rollout(const FakeServer& server, std::vector<std::string> arguments, bool terminal = false,
                const std::string& input = {}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Terminal ends{in, out, err, terminal};
  const auto environment = [&](const char* name) -> std::optional<std::string> {
    if (std::string(name) == "CLOUDLESS_SERVER") return server.address();
    return std::nullopt;
  };
  const int code = run(std::move(arguments), ends, environment);
  return {code, out.str(), err.str()};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

api::Rollout rollout(std::uint64_t number, api::Rollout::Phase phase, const std::string& waiting = {}) {
  api::Rollout out;
  out.set_namespace_("default");
  out.set_name("web");
  out.set_number(number);
  out.set_cause(api::Rollout::UPDATED);
  out.set_from_version(number - 1);
  out.set_to_version(number);
  out.set_phase(phase);
  out.set_wanted(4);
  out.set_available(4);
  out.set_waiting_for(waiting);
  if (phase == api::Rollout::FAILED) {
    out.set_reason("web-4: image not found");
    out.mutable_ended_at()->set_seconds(9);
  }
  return out;
}

api::WorkloadVersion version(std::uint64_t number, bool current) {
  api::WorkloadVersion out;
  out.set_number(number);
  out.set_image("web:" + std::to_string(number));
  out.set_current(current);
  out.mutable_spec()->set_image(out.image());
  return out;
}

}  // namespace

TEST_CASE("rollout status describes the newest rollout; json is what the API answered") {
  FakeServer server;
  server.rollouts = {rollout(2, api::Rollout::IN_PROGRESS, "waiting for the next batch")};
  auto ran = ctl_rollout(server, {"rollout", "status", "web"});
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "IN_PROGRESS"));
  CHECK(has(ran.out, "Waiting:    waiting for the next batch"));
  CHECK(has(ran.out, "1 -> 2"));
  ran = ctl_rollout(server, {"rollout", "status", "web", "-o", "json"});
  const auto json = nlohmann::json::parse(ran.out);
  CHECK(json["phase"] == "IN_PROGRESS");
  CHECK(json["wanted"] == 4);
  CHECK(json["reason"] == "");
  server.rollouts.clear();
  CHECK(ctl_rollout(server, {"rollout", "status", "web"}).code == 4);
}

TEST_CASE("rollout status --watch says each new thing once, and its exit code is the rollout's end") {
  FakeServer server;
  server.watched = {{rollout(2, api::Rollout::STARTING, "waiting for web-4 for 1 s"),
                     rollout(2, api::Rollout::STARTING, "waiting for web-4 for 2 s"),
                     rollout(2, api::Rollout::COMPLETED)}};
  auto ran = ctl_rollout(server, {"rollout", "status", "web", "--watch"});
  CHECK(ran.code == 0);
  CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 2);
  CHECK(has(ran.out, "COMPLETED"));

  auto back = rollout(3, api::Rollout::ROLLING_BACK);
  auto done = rollout(3, api::Rollout::COMPLETED);
  server.watched = {{rollout(2, api::Rollout::STARTING), rollout(2, api::Rollout::FAILED), back, done}};
  ran = ctl_rollout(server, {"rollout", "status", "web", "--watch"});
  CHECK(ran.code == 7);
  CHECK(has(ran.out, "rollout 2: FAILED: web-4: image not found"));
  CHECK(has(ran.out, "rollout 3: COMPLETED"));

  server.watched = {{rollout(2, api::Rollout::STARTING)}, {rollout(2, api::Rollout::COMPLETED)}};
  ran = ctl_rollout(server, {"rollout", "status", "web", "--watch"});
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "waiting for the server"));
  CHECK(ctl_rollout(server, {"rollout", "status", "web", "--watch"}).code == 4);
}

TEST_CASE("rollout status --watch draws over itself in a terminal") {
  FakeServer server;
  server.watched = {{rollout(2, api::Rollout::STARTING, "waiting"), rollout(2, api::Rollout::COMPLETED)}};
  const auto ran = ctl_rollout(server, {"rollout", "status", "web", "--watch"}, true);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "available ["));
  CHECK(has(ran.err, "\033[4A"));
  CHECK(ran.out.empty());
}

TEST_CASE("rollout history lists rollouts and versions, diff compares two templates") {
  FakeServer server;
  server.rollouts = {rollout(2, api::Rollout::COMPLETED)};
  server.versions = {version(2, true), version(1, false)};
  auto ran = ctl_rollout(server, {"rollout", "history", "web"});
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "ROLLOUT"));
  CHECK(has(ran.out, "2 (current)"));
  CHECK(has(ran.out, "web:1"));
  const auto json =
      nlohmann::json::parse(ctl_rollout(server, {"rollout", "history", "web", "-o", "json"}).out);
  CHECK(json["rollouts"].size() == 1);
  CHECK(json["versions"][1]["image"] == "web:1");

  ran = ctl_rollout(server, {"rollout", "diff", "web"});
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "--- version 1\n+++ version 2\n"));
  CHECK(has(ran.out, "-image: web:1\n"));
  CHECK(has(ran.out, "+image: web:2\n"));
  ran = ctl_rollout(server, {"rollout", "diff", "web", "--from", "2", "--to", "2"});
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "the same template"));
  CHECK(ctl_rollout(server, {"rollout", "diff", "web", "--from", "9"}).code == 4);
  CHECK(ctl_rollout(server, {"rollout", "diff", "web", "--to", "1"}).code == 4);
}

TEST_CASE("rollouts are controlled by a word each, and refusals come as the server said them") {
  FakeServer server;
  server.rollouts = {rollout(2, api::Rollout::PAUSED)};
  for (const char* verb : {"pause", "resume", "promote", "abort", "restart"})
    CHECK(ctl_rollout(server, {"rollout", verb, "web"}).code == 0);
  CHECK(has(ctl_rollout(server, {"rollout", "undo", "web", "--to-version", "1"}).out,
            "default/web rollout 2: PAUSED"));
  CHECK(server.controls == std::vector<std::string>{"Pause default/web", "Resume default/web",
                                                    "Promote default/web", "Abort default/web",
                                                    "Restart default/web", "Undo 1 default/web"});
  server.refusal = {grpc::StatusCode::FAILED_PRECONDITION, "rollout 2 is over"};
  const auto ran = ctl_rollout(server, {"rollout", "pause", "web"});
  CHECK(ran.code == 1);
  CHECK(has(ran.err, "FAILED_PRECONDITION: rollout 2 is over"));
}

TEST_CASE("node drain shows what is left until nothing is, and says when somebody ended it") {
  FakeServer server;
  const auto step = [](std::uint32_t left, bool draining = true) {
    api::Node node;
    node.set_id("n1");
    node.set_draining(draining);
    if (draining) node.mutable_drain()->set_replicas_left(left);
    for (std::uint32_t i = 0; i < left; ++i) {
      auto& item = *node.mutable_drain()->add_left();
      item.set_replica_id("web-" + std::to_string(i));
      item.set_waiting_for("waiting for its turn to stop");
    }
    return node;
  };
  server.drain_steps = {step(2), step(1), step(0)};
  auto ran = ctl_rollout(server, {"node", "drain", "n1"});
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "2 replicas left; web-0: waiting for its turn to stop"));
  CHECK(has(ran.out, "node n1 drained"));
  server.drain_steps = {step(1)};
  CHECK(has(ctl_rollout(server, {"node", "drain", "n1", "--no-wait"}).out, "draining: 1 replica left"));
  ran = ctl_rollout(server, {"node", "drain", "n1", "--timeout", "0.1"});
  CHECK(ran.code == 7);
  CHECK(has(ran.err, "not drained within 0.1 s"));
  server.drain_steps = {step(1), step(0, false)};
  ran = ctl_rollout(server, {"node", "drain", "n1"});
  CHECK(ran.code == 7);
  CHECK(has(ran.err, "uncordoned"));
  server.drain_steps.clear();
  CHECK(ctl_rollout(server, {"node", "drain", "n1"}).code == 4);
}

TEST_CASE("workload apply --wait goes by the rollout and fails with its reason") {
  FakeServer server;
  const std::string manifest =
      "apiVersion: cloudless.io/v1\nkind: Workload\nmetadata: {name: web}\nspec: {image: a, replicas: 2}\n";
  auto going = rollout(1, api::Rollout::STARTING, "waiting for web-0");
  going.set_workload_revision(2);
  server.rollouts = {going, going, rollout(1, api::Rollout::FAILED)};
  auto ran = ctl_rollout(server, {"workload", "apply", "-f", "-", "--wait"}, false, manifest);
  CHECK(ran.code == 7);
  CHECK(has(ran.err, "rollout 1: FAILED: web-4: image not found"));
  going.set_workload_revision(3);
  server.rollouts = {going, going, rollout(1, api::Rollout::COMPLETED)};
  const auto other = manifest.substr(0, manifest.find("image: a")) + "image: b, replicas: 2}\n";
  ran = ctl_rollout(server, {"workload", "apply", "-f", "-", "--wait"}, false, other);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "STARTING"));
}

}  // namespace cloudless::cli
