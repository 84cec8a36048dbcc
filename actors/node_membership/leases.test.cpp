#include "actors/node_membership/leases.hpp"

#include <doctest/doctest.h>

#include "actors/node_membership/detector.hpp"

namespace cloudless::node_membership {
namespace {

constexpr Millis kDuration = 1000;
constexpr Millis kPeriod = 100;
const NodeId kNode{"n1"};

/// A detector that runs on time.
class LeasesTest {
 public:
  void pass(Millis time) {
    for (const Millis end = now + time; now < end;) {
      now += kPeriod;
      leases.advance(now);
    }
  }
  std::optional<NodeState> verdict() const { return leases.verdict(kNode, now); }
  Leases leases{kDuration, kPeriod};
  Millis now = 5000;
};

TEST_CASE_FIXTURE(LeasesTest, "a lease runs out in two steps and starts anew with every renewal") {
  CHECK(verdict() == std::nullopt);
  leases.grant(kNode, 1, now);
  CHECK(verdict() == NodeState::ready);
  pass(kDuration / 2 - kPeriod);
  CHECK(verdict() == NodeState::ready);
  pass(kPeriod);
  CHECK(verdict() == NodeState::suspect);
  pass(kDuration / 2 - kPeriod);
  CHECK(verdict() == NodeState::suspect);
  pass(kPeriod);
  CHECK(verdict() == NodeState::offline);
  CHECK(leases.silence(kNode, now) == kDuration);
  CHECK(leases.renew(kNode, 1, now));
  CHECK(verdict() == NodeState::ready);
}

TEST_CASE_FIXTURE(LeasesTest, "a lease is renewed by its own incarnation only") {
  leases.grant(kNode, 2, now);
  pass(kDuration);
  CHECK_FALSE(leases.renew(kNode, 1, now));
  CHECK_FALSE(leases.renew(kNode, 3, now));
  CHECK_FALSE(leases.renew(NodeId{"other"}, 2, now));
  CHECK(verdict() == NodeState::offline);
}

TEST_CASE_FIXTURE(LeasesTest, "a presumed lease keeps nobody alive for longer, and makes nobody READY") {
  leases.presume(kNode, 1, now);
  CHECK(verdict() == std::nullopt);
  pass(kDuration / 2);
  CHECK(verdict() == NodeState::suspect);
  CHECK(leases.renew(kNode, 1, now));
  CHECK(verdict() == NodeState::ready);
}

TEST_CASE_FIXTURE(LeasesTest, "when the detector itself is late, every lease is extended by as much") {
  leases.advance(now);
  leases.grant(kNode, 1, now);
  pass(200);
  now += 60000 + kPeriod;
  leases.advance(now);
  CHECK(verdict() == NodeState::ready);
  CHECK(leases.silence(kNode, now) == 300);
  pass(kDuration - 300);
  CHECK(verdict() == NodeState::offline);

  // A lease from after the delay is not extended by it.
  leases.grant(kNode, 1, now);
  pass(kDuration);
  CHECK(verdict() == NodeState::offline);
}

TEST_CASE_FIXTURE(LeasesTest, "the detector commits what the leases say, and nothing else") {
  const auto put_node = [](Snapshot& s, const std::string& id, NodeState state) {
    Node n;
    n.description.id = NodeId{id};
    n.state = state;
    n.incarnation = 1;
    n.revision = n.schedulable_revision = 5;
    s.apply(put(std::make_shared<const Node>(std::move(n))));
  };
  struct Case {
    NodeState state;
    bool heard;
    Millis silence;
    NodeState expected;
  };
  const std::vector<Case> cases{
      {NodeState::ready, true, 0, NodeState::ready},
      {NodeState::ready, true, 500, NodeState::suspect},
      {NodeState::ready, true, 1000, NodeState::offline},
      {NodeState::suspect, true, 0, NodeState::ready},
      {NodeState::suspect, true, 500, NodeState::suspect},
      {NodeState::suspect, true, 1000, NodeState::offline},
      {NodeState::offline, true, 0, NodeState::ready},
      {NodeState::offline, true, 500, NodeState::offline},
      {NodeState::suspect, false, 0, NodeState::suspect},
      {NodeState::ready, false, 1000, NodeState::offline},
      {NodeState::offline, false, 0, NodeState::offline},
  };
  for (const auto& c : cases) {
    CAPTURE(to_string(c.state));
    CAPTURE(c.heard);
    CAPTURE(c.silence);
    Snapshot head;
    put_node(head, "n1", c.state);
    Leases fresh{kDuration, kPeriod};
    presume_all(fresh, head, 0);
    if (c.heard) fresh.grant(kNode, 1, 0);
    owner::Plan plan(head);
    detect(plan, fresh, c.silence, 9, 77);
    const auto node = plan.now().node(kNode);
    CHECK(node->state == c.expected);
    const bool changed = c.expected != c.state;
    CHECK(plan.empty() == !changed);
    CHECK(node->revision == (changed ? 9 : 5));
    CHECK(node->schedulable_revision == (changed ? 9 : 5));
    CHECK(node->reason.empty() == (!changed || c.expected == NodeState::ready));
  }
}

TEST_CASE("losses of a node are counted, and half of them forgotten with each day") {
  constexpr WallMillis kDay = 86'400'000;
  Node node;
  node.description.id = kNode;
  node.incarnation = 1;
  Snapshot head;
  head.apply(put(std::make_shared<const Node>(node)));
  const auto lose = [&](WallMillis wall) {
    Leases leases{kDuration, kPeriod};
    presume_all(leases, head, 0);
    owner::Plan plan(head);
    detect(plan, leases, kDuration, 9, wall);
    Node back = *plan.now().node(kNode);
    CHECK(back.last_lost_at == wall);
    back.state = NodeState::ready;
    head.apply(put(std::make_shared<const Node>(back)));
    return back.recent_losses;
  };
  const WallMillis begin = 20'000 * kDay;
  CHECK(lose(begin) == 1);
  CHECK(lose(begin + 10) == 2);
  CHECK(lose(begin + kDay) == 3);
  CHECK(lose(begin + 2 * kDay) == 2);
  CHECK(lose(begin + 40 * kDay) == 1);
  CHECK(lose(begin) == 2);
}

TEST_CASE("the loss of many nodes at once is committed in bounded units") {
  Snapshot head;
  Leases leases{kDuration, kPeriod};
  for (int i = 0; i < 250; ++i) {
    Node n;
    n.description.id = NodeId{"n" + std::to_string(i)};
    head.apply(put(std::make_shared<const Node>(std::move(n))));
  }
  presume_all(leases, head, 0);
  owner::Plan plan(head);
  detect(plan, leases, kDuration, 1, 1);
  std::size_t changes = 0;
  for (const auto& unit : plan.take_units()) {
    CHECK(unit.changes.size() <= owner::kMaxUnitChanges);
    changes += unit.changes.size();
  }
  CHECK(changes == 250);
}

}  // namespace
}  // namespace cloudless::node_membership
