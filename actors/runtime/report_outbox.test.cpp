#include "actors/runtime/report_outbox.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

ReplicaReport report(const std::string& replica, Phase phase) {
  ReplicaReport out;
  out.replica = ReplicaId{replica};
  out.phase = phase;
  return out;
}

ReportAck acknowledge(const NodeReport& sent) {
  ReportAck ack{sent.incarnation, 1, {}};
  for (const auto& r : sent.replicas) ack.items.push_back({r.replica, r.sequence});
  return ack;
}

}  // namespace

TEST_CASE("a report is repeated until it is acknowledged") {
  ReportOutbox outbox{NodeId{"node-1"}};
  outbox.put(report("r1", Phase::running), 0);
  CHECK(outbox.take_due(0).empty());
  outbox.link_up(7);
  const auto first = outbox.take_due(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].incarnation == 7);
  CHECK(outbox.take_due(ReportOutbox::kRepeat - 1).empty());
  CHECK(outbox.next_due() == ReportOutbox::kRepeat);
  CHECK(outbox.take_due(ReportOutbox::kRepeat) == first);
  outbox.acknowledge(acknowledge(first[0]));
  CHECK(outbox.acknowledged(ReplicaId{"r1"}));
  CHECK_FALSE(outbox.next_due());
}

TEST_CASE("an acknowledgement of an older state or incarnation does not count") {
  ReportOutbox outbox{NodeId{"node-1"}};
  outbox.link_up(1);
  outbox.put(report("r1", Phase::stopping), 0);
  const auto old = outbox.take_due(0);
  outbox.put(report("r1", Phase::running), 0);
  outbox.acknowledge(acknowledge(old[0]));
  CHECK_FALSE(outbox.acknowledged(ReplicaId{"r1"}));
  const auto newer = outbox.take_due(0);
  REQUIRE(newer.size() == 1);
  CHECK(newer[0].replicas[0].sequence > old[0].replicas[0].sequence);
  outbox.link_up(2);
  outbox.acknowledge(acknowledge(newer[0]));
  CHECK_FALSE(outbox.acknowledged(ReplicaId{"r1"}));
}

TEST_CASE("the same state again is not news") {
  ReportOutbox outbox{NodeId{"node-1"}};
  outbox.link_up(1);
  outbox.put(report("r1", Phase::running), 0);
  outbox.acknowledge(acknowledge(outbox.take_due(0)[0]));
  outbox.put(report("r1", Phase::running), 0);
  CHECK(outbox.take_due(10'000).empty());
}

TEST_CASE("a new link hears every state, at most 100 in one report") {
  ReportOutbox outbox{NodeId{"node-1"}};
  outbox.link_up(1);
  for (int n = 0; n < 250; ++n) outbox.put(report("r" + std::to_string(n), Phase::running), 0);
  for (const auto& sent : outbox.take_due(0)) outbox.acknowledge(acknowledge(sent));
  outbox.link_down();
  CHECK(outbox.take_due(100'000).empty());
  outbox.link_up(2);
  const auto again = outbox.take_due(100'000);
  REQUIRE(again.size() == 3);
  CHECK(again[0].replicas.size() == 100);
  CHECK(again[2].replicas.size() == 50);
}

TEST_CASE("a passing phase is told only if it lasts") {
  ReportOutbox outbox{NodeId{"node-1"}};
  outbox.link_up(1);
  outbox.put(report("quick", Phase::preparing), 1000);
  outbox.put(report("slow", Phase::starting), 1000);
  CHECK(outbox.take_due(1000).empty());
  outbox.put(report("quick", Phase::running), 1100);
  const auto first = outbox.take_due(1100);
  REQUIRE(first.size() == 1);
  REQUIRE(first[0].replicas.size() == 1);
  CHECK(first[0].replicas[0].phase == Phase::running);
  CHECK(outbox.next_due() == 1000 + ReportOutbox::kSettle);
  CHECK(outbox.take_due(1000 + ReportOutbox::kSettle)[0].replicas[0].phase == Phase::starting);
}

TEST_CASE("a replica that flips is told at once, then once a second, and its last state always") {
  ReportOutbox outbox{NodeId{"node-1"}};
  outbox.link_up(1);
  auto flipping = report("r1", Phase::running);
  outbox.put(flipping, 0);
  int sent = 0;
  ReplicaReport last;
  const auto take = [&](Millis now) {
    for (const auto& taken : outbox.take_due(now)) {
      ++sent;
      last = taken.replicas[0];
      outbox.acknowledge(acknowledge(taken));
    }
  };
  take(0);
  flipping.ready = true;
  outbox.put(flipping, 50);
  take(50);
  CHECK(sent == 2);
  for (Millis now = 100; now < 10'000; now += 100) {
    flipping.ready = !flipping.ready;
    outbox.put(flipping, now);
    take(now);
  }
  CHECK(sent <= 12);
  CHECK(sent >= 10);
  take(20'000);
  CHECK(last.ready == flipping.ready);
  SUBCASE("a new phase is told at once") {
    flipping.phase = Phase::stopping;
    outbox.put(flipping, 20'001);
    take(20'001);
    CHECK(last.phase == Phase::stopping);
  }
}

}  // namespace cloudless::runtime
