// The small cores of the link: when sets are sent, how long to wait, what fits a link, who has which session.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/node_link/reconnect.hpp"
#include "actors/node_link/session_table.hpp"
#include "actors/node_link/session_window.hpp"
#include "actors/node_link/set_delivery.hpp"

namespace cloudless::node_link {
namespace {

/// One replica of each of these workloads.
HeldSet set_of(Revision revision, const std::vector<std::string>& workloads) {
  static std::map<std::string, CommonPart> parts;
  HeldSet set;
  set.cluster_id = "c1";
  set.revision = revision;
  for (const auto& name : workloads) {
    auto& part = parts[name];
    if (!part) {
      Assignment common;
      common.workload = WorkloadUid{name};
      common.workload_name = name;
      part = std::make_shared<const Assignment>(common);
    }
    set.assignments.push_back({part, 0, StopCause::none, {}});
  }
  return set;
}

TEST_CASE("changes go out at once, against the set sent before") {
  SetDelivery delivery;
  CHECK(delivery.welcomed(set_of(5, {"a"}), 0).full);
  CHECK_FALSE(delivery.changed(set_of(6, {"a"}), 10));
  const auto first = delivery.changed(set_of(7, {"a", "b"}), 20);
  REQUIRE(first);
  CHECK(first->base_revision == 5);
  CHECK(first->revision == 7);
  const auto second = delivery.changed(set_of(8, {"b"}), 30);
  REQUIRE(second);
  CHECK(second->base_revision == 7);
  CHECK(second->removed.size() == 1);
}

TEST_CASE(
    "a node that shows another set for too long gets the whole one, ever more slowly, until it has it") {
  SetDelivery delivery;
  delivery.welcomed(set_of(5, {"a"}), 0);
  CHECK_FALSE(delivery.leased(5, 5000));
  delivery.changed(set_of(7, {"a", "b"}), 6000);
  CHECK_FALSE(delivery.leased(5, 6000 + kFirstPatience - 1));
  std::vector<Millis> sent;
  for (Millis now = 6000; now < 60000; now += 100)
    if (const auto set = delivery.leased(5, now)) {
      CHECK(set->full);
      CHECK(set->revision == 7);
      sent.push_back(now);
    }
  CHECK(sent == std::vector<Millis>{7000, 9000, 13000, 21000, 31000, 41000, 51000});
  CHECK_FALSE(delivery.leased(7, 100000));
  // A node that lost its disk shows revision 0.
  CHECK(delivery.leased(0, 200000));
}

TEST_CASE("a change that was lost is made good although more changes come all the time") {
  SetDelivery delivery;
  Revision newest = 5;
  delivery.welcomed(set_of(newest, {"a"}), 0);
  CHECK_FALSE(delivery.leased(5, 100));
  const auto next_change = [&](Millis now) {
    ++newest;
    return delivery.changed(set_of(newest, {std::to_string(newest), "x"}), now);
  };
  Millis now = 200;
  std::optional<AssignmentSet> whole;
  for (; now < 20000 && !whole; now += 100) {
    REQUIRE(next_change(now));
    whole = delivery.leased(5, now + 50);
  }
  REQUIRE(whole);
  CHECK(whole->full);
  CHECK(whole->revision == newest);
  CHECK(now <= 200 + kFirstPatience + 200);
  // One that keeps up, a step behind, is sent nothing whole.
  for (; now < 60000; now += 100) {
    REQUIRE(next_change(now));
    CHECK_FALSE(delivery.leased(newest - 1, now + 50));
  }
}

TEST_CASE("the wait before the next attempt doubles up to a bound, with jitter of up to a half") {
  for (const std::uint64_t random : {0u, 1u, 12345u, 4294967295u}) {
    Millis last = 0;
    for (std::uint32_t failures = 0; failures < 100; ++failures) {
      const auto low = reconnect_delay(failures, 0);
      const auto wait = reconnect_delay(failures, random);
      CHECK(low >= last);
      CHECK(low >= kShortestReconnect);
      CHECK(low <= kLongestReconnect);
      CHECK(wait >= low);
      CHECK(wait <= low + low / 2);
      last = low;
    }
    CHECK(last == kLongestReconnect);
  }
}

TEST_CASE("session data beyond the window waits, in order, and beyond the backlog is not taken") {
  SessionWindow window{100, 200};
  const std::string frame(60, 'a');
  CHECK(window.push(frame));
  CHECK(window.push(std::string(60, 'b')));
  CHECK(window.push(std::string(60, 'c')));
  CHECK_FALSE(window.push(frame));
  CHECK(window.pop()->front() == 'a');
  CHECK_FALSE(window.pop());
  window.acknowledged(60);
  CHECK(window.pop()->front() == 'b');
  CHECK_FALSE(window.pop());
  window.acknowledged(60);
  CHECK(window.pop()->front() == 'c');
  window.acknowledged(1000);
  CHECK(window.push(std::string(150, 'd')));
  CHECK(window.pop()->front() == 'd');
  CHECK(window.push(frame));
  window.clear();
  CHECK_FALSE(window.pop());
}

TEST_CASE("sessions are known once, counted per node, and closed with their node or sink") {
  SessionTable table;
  const NodeId a{"a"};
  const NodeId b{"b"};
  CHECK(table.open(SessionId{"1"}, a, 1) == SessionTable::Opening::opened);
  CHECK(table.open(SessionId{"1"}, b, 2) == SessionTable::Opening::repeated);
  CHECK(table.open(SessionId{"2"}, b, 2) == SessionTable::Opening::opened);
  CHECK(table.find(SessionId{"1"})->sink == 1);
  CHECK(table.close_node(a).size() == 1);
  CHECK(table.find(SessionId{"1"}) == nullptr);
  CHECK(table.close_sink(2).size() == 1);
  CHECK(table.size() == 0);
  for (std::size_t i = 0; i < kMaxSessionsPerNode; ++i)
    CHECK(table.open(SessionId{std::to_string(i)}, a, i) == SessionTable::Opening::opened);
  CHECK(table.open(SessionId{"x"}, a, 0) == SessionTable::Opening::too_many);
  CHECK(table.open(SessionId{"x"}, b, 0) == SessionTable::Opening::opened);
  table.close(SessionId{"7"});
  CHECK(table.open(SessionId{"y"}, a, 0) == SessionTable::Opening::opened);
}

}  // namespace
}  // namespace cloudless::node_link
