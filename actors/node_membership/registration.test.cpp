#include "actors/node_membership/registration.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "actors/node_membership/node_command.hpp"

namespace cloudless::node_membership {
namespace {

Hello good_hello() {
  Hello hello;
  hello.description.id = NodeId{"n1"};
  hello.description.machine_uid = "machine-1";
  hello.description.labels = {{"disk", "ssd"}, {"rack", "r1"}};
  hello.description.taints = {{"gpu", "yes", TaintEffect::no_schedule}};
  hello.description.capacity = {4000, 8, 8, 8, 1};
  hello.description.allocatable = {3000, 4, 4, 4, 1};
  hello.boot_id = 42;
  return hello;
}

/// Registers and commands, one stamp each.
class RegistrationTest {
 public:
  RegistrationTest() { head.apply(put(std::make_shared<const ClusterMeta>(ClusterMeta{"cluster-a"}))); }
  Errc say(const Hello& hello) {
    ++stamp;
    auto judged = judge_hello(head, hello, stamp, {1000 * static_cast<WallMillis>(stamp), moment});
    if (!judged) {
      error = judged.error();
      return error.code;
    }
    changed = judged->changed;
    keep(judged->node);
    return Errc::none;
  }
  template <class Action>
  Errc command(Action action) {
    action.node = NodeId{"n1"};
    auto after = apply(head, NodeCommand{{}, std::move(action)}, ++stamp, moment);
    if (!after) {
      error = after.error();
      return error.code;
    }
    keep(*after);
    return Errc::none;
  }
  void set_state(NodeState state) {
    Node n = now();
    n.state = state;
    keep(n);
  }
  void keep(const Node& n) { head.apply(put(std::make_shared<const Node>(n))); }
  Node now() const { return *head.node(NodeId{"n1"}); }

  Snapshot head;
  Revision stamp = 10;
  Millis moment = 5000;  // store time
  bool changed = false;
  Error error;
};

TEST_CASE_FIXTURE(RegistrationTest, "a first hello makes the node") {
  REQUIRE(say(good_hello()) == Errc::none);
  CHECK(changed);
  const Node n = now();
  CHECK(n.description == good_hello().description);
  CHECK(n.revision == 11);
  CHECK(n.schedulable_revision == 11);
  CHECK(n.incarnation == 1);
  CHECK(n.boot_id == 42);
  CHECK(n.state == NodeState::ready);
  CHECK(n.labels == good_hello().description.labels);
  CHECK(n.taints == good_hello().description.taints);
  CHECK(n.registered_at == 11000);
}

TEST_CASE_FIXTURE(RegistrationTest,
                  "the same process keeps its incarnation and changes nothing; another one gets the next") {
  say(good_hello());
  REQUIRE(say(good_hello()) == Errc::none);
  CHECK_FALSE(changed);
  CHECK(now().revision == 11);
  auto restarted = good_hello();
  restarted.boot_id = 43;
  REQUIRE(say(restarted) == Errc::none);
  CHECK(changed);
  CHECK(now().incarnation == 2);
  CHECK(now().revision == 13);
  CHECK(now().schedulable_revision == 11);
  CHECK(now().registered_at == 11000);
}

TEST_CASE_FIXTURE(RegistrationTest, "a hello brings a node back, which the scheduler must notice") {
  say(good_hello());
  set_state(NodeState::offline);
  REQUIRE(say(good_hello()) == Errc::none);
  CHECK(changed);
  CHECK(now().state == NodeState::ready);
  CHECK(now().incarnation == 1);
  CHECK(now().schedulable_revision == 12);
}

TEST_CASE_FIXTURE(RegistrationTest, "a name belongs to its machine until that is OFFLINE") {
  say(good_hello());
  auto other = good_hello();
  other.description.machine_uid = "machine-2";
  for (const NodeState state : {NodeState::ready, NodeState::suspect}) {
    set_state(state);
    CHECK(say(other) == Errc::already_exists);
    CHECK(error.message.find("machine-1") != std::string::npos);
  }
  set_state(NodeState::offline);
  CHECK(say(other) == Errc::none);
  CHECK(now().incarnation == 2);
  CHECK(now().description.machine_uid == "machine-2");
}

TEST_CASE_FIXTURE(RegistrationTest, "an agent of another cluster is refused, with the way out") {
  auto hello = good_hello();
  hello.pinned_cluster = "cluster-b";
  CHECK(say(hello) == Errc::failed_precondition);
  CHECK(error.message.find("--accept-cluster") != std::string::npos);
  hello.pinned_cluster = "cluster-a";
  CHECK(say(hello) == Errc::none);
}

TEST_CASE_FIXTURE(RegistrationTest, "a description that makes no sense is refused, with every fault") {
  auto hello = good_hello();
  hello.description.id = NodeId{"-n1"};
  hello.description.machine_uid.clear();
  hello.description.capacity.cpu_millicores = -1;
  REQUIRE(say(hello) == Errc::invalid_argument);
  std::set<std::string> paths;
  for (const auto& violation : error.violations) paths.insert(violation.path);
  CHECK(paths == std::set<std::string>{"node.name", "machine_uid", "capacity", "allocatable"});
}

TEST_CASE("node names") {
  for (const char* good : {"a", "n1", "node-1.zone-a.example", "0"}) CHECK_MESSAGE(is_node_name(good), good);
  for (const char* bad : {"", "N1", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a-.b", "a_b", "a b"})
    CHECK_MESSAGE(!is_node_name(bad), bad);
  CHECK(is_node_name(std::string(63, 'a')));
  CHECK_FALSE(is_node_name(std::string(64, 'a')));
}

TEST_CASE_FIXTURE(RegistrationTest,
                  "the scheduler's revision moves exactly when something it looks at does") {
  struct Case {
    const char* what;
    std::function<void(NodeDescription&)> change;
    bool moves;
  };
  const std::vector<Case> cases{
      {"capacity", [](NodeDescription& d) { d.capacity.cpu_millicores = 5000; }, true},
      {"allocatable", [](NodeDescription& d) { d.allocatable.cpu_millicores = 2000; }, true},
      {"labels", [](NodeDescription& d) { d.labels["rack"] = "r2"; }, true},
      {"taints", [](NodeDescription& d) { d.taints.clear(); }, true},
      {"zone", [](NodeDescription& d) { d.zone = "z2"; }, true},
      {"region", [](NodeDescription& d) { d.region = "r2"; }, true},
      {"cost", [](NodeDescription& d) { d.cost_milli = 7; }, true},
      {"address", [](NodeDescription& d) { d.agent_address = "10.0.0.9:9092"; }, false},
      {"version", [](NodeDescription& d) { d.agent_version = "0.2"; }, false},
  };
  say(good_hello());
  auto hello = good_hello();
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const Node before = now();
    c.change(hello.description);
    ++hello.boot_id;
    REQUIRE(say(hello) == Errc::none);
    CHECK(now().revision == stamp);
    CHECK(now().schedulable_revision == (c.moves ? stamp : before.schedulable_revision));
  }
}

TEST_CASE_FIXTURE(RegistrationTest,
                  "an operator's labels and taints lie over the agent's and outlive its registrations") {
  say(good_hello());
  UpdateNode update;
  update.set_labels = {{"rack", "r9"}, {"team", "a"}};
  update.remove_labels = {"disk", "never-there"};
  update.set_taints = {{"maintenance", "", TaintEffect::no_schedule}};
  update.remove_taints = {"gpu"};
  REQUIRE(command(update) == Errc::none);
  const Labels labels{{"rack", "r9"}, {"team", "a"}};
  const std::vector<Taint> taints{{"maintenance", "", TaintEffect::no_schedule}};
  CHECK(now().labels == labels);
  CHECK(now().taints == taints);
  CHECK(now().schedulable_revision == stamp);

  auto restarted = good_hello();
  restarted.boot_id = 43;
  restarted.description.labels["rack"] = "r2";
  restarted.description.labels["new"] = "1";
  say(restarted);
  CHECK(now().labels == Labels{{"new", "1"}, {"rack", "r9"}, {"team", "a"}});
  CHECK(now().taints == taints);

  UpdateNode undo;
  undo.remove_labels = {"team", "rack"};
  undo.set_labels = {{"disk", "hdd"}};
  undo.set_taints = {{"gpu", "no", TaintEffect::prefer_no_schedule}};
  undo.remove_taints = {"maintenance"};
  REQUIRE(command(undo) == Errc::none);
  CHECK(now().labels == Labels{{"disk", "hdd"}, {"new", "1"}});
  CHECK(now().taints == std::vector<Taint>{{"gpu", "no", TaintEffect::prefer_no_schedule}});
}

TEST_CASE_FIXTURE(RegistrationTest,
                  "since when a node evicts is kept, by the taint's key, until the taint is gone") {
  using Since = std::map<std::string, Millis>;
  auto hello = good_hello();
  hello.description.taints = {{"gpu", "", TaintEffect::no_schedule}, {"own", "", TaintEffect::no_execute}};
  say(hello);
  CHECK(now().no_execute_since == Since{{"own", 5000}});

  moment = 6000;
  UpdateNode set;
  set.set_taints = {{"broken", "disk", TaintEffect::no_execute}};
  REQUIRE(command(set) == Errc::none);
  CHECK(now().no_execute_since == Since{{"broken", 6000}, {"own", 5000}});

  moment = 7000;
  hello.boot_id = 43;
  say(hello);
  set.set_taints = {{"broken", "fan", TaintEffect::no_execute}, {"gpu", "", TaintEffect::no_execute}};
  REQUIRE(command(set) == Errc::none);
  CHECK(now().no_execute_since == Since{{"broken", 6000}, {"gpu", 7000}, {"own", 5000}});

  hello.description.taints = {};
  say(hello);
  UpdateNode softer;
  softer.remove_taints = {"broken"};
  softer.set_taints = {{"gpu", "", TaintEffect::no_schedule}};
  REQUIRE(command(softer) == Errc::none);
  CHECK(now().no_execute_since.empty());

  moment = 8000;
  set.set_taints = {{"broken", "", TaintEffect::no_execute}};
  REQUIRE(command(set) == Errc::none);
  CHECK(now().no_execute_since == Since{{"broken", 8000}});
}

TEST_CASE_FIXTURE(RegistrationTest, "a command that changes nothing moves nothing") {
  say(good_hello());
  CHECK(command(CordonNode{{}, false, 0}) == Errc::none);
  CHECK(command(UpdateNode{}) == Errc::none);
  CHECK(now().revision == 11);
  CHECK(command(CordonNode{{}, true, 0}) == Errc::none);
  CHECK(now().cordoned);
  CHECK(now().schedulable_revision == stamp);
  const Revision cordoned = now().revision;
  CHECK(command(CordonNode{{}, true, 0}) == Errc::none);
  CHECK(now().revision == cordoned);
}

TEST_CASE_FIXTURE(RegistrationTest, "a drain lasts over registrations until the node is uncordoned") {
  CHECK(command(DrainNode{}) == Errc::not_found);
  say(good_hello());
  CHECK(command(DrainNode{{}, 99}) == Errc::aborted);
  REQUIRE(command(DrainNode{{}, now().revision}) == Errc::none);
  CHECK(now().draining);
  CHECK_FALSE(now().cordoned);
  CHECK_FALSE(now().schedulable());
  CHECK(now().schedulable_revision == stamp);
  const Revision drained = now().revision;
  REQUIRE(command(DrainNode{}) == Errc::none);
  CHECK(now().revision == drained);
  auto restarted = good_hello();
  restarted.boot_id = 43;
  say(restarted);
  CHECK(now().draining);
  REQUIRE(command(CordonNode{{}, true, 0}) == Errc::none);
  CHECK(now().draining);
  REQUIRE(command(CordonNode{{}, false, 0}) == Errc::none);
  CHECK_FALSE(now().draining);
  CHECK(now().schedulable());
  CHECK(now().schedulable_revision == stamp);
}

TEST_CASE_FIXTURE(RegistrationTest, "commands are refused with a reason") {
  CHECK(command(CordonNode{}) == Errc::not_found);
  say(good_hello());
  CHECK(command(CordonNode{{}, true, 99}) == Errc::aborted);
  CHECK(error.message.find("revision " + std::to_string(now().revision)) != std::string::npos);
  CHECK(command(CordonNode{{}, true, now().revision}) == Errc::none);
  UpdateNode contradiction;
  contradiction.set_labels = {{"a", "1"}, {"", "2"}};
  contradiction.remove_labels = {"a"};
  contradiction.set_taints = {{"t", "", TaintEffect::no_schedule}, {"t", "x", TaintEffect::no_schedule}};
  contradiction.remove_taints = {"t"};
  REQUIRE(command(contradiction) == Errc::invalid_argument);
  CHECK(error.violations.size() == 5);
}

}  // namespace
}  // namespace cloudless::node_membership
