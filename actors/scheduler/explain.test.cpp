#include "actors/scheduler/explain.hpp"

#include <doctest/doctest.h>

using namespace cloudless;
using namespace cloudless::scheduler;

namespace {

Node node(const std::string& id) {
  Node n;
  n.description.id = NodeId{id};
  return n;
}
constexpr std::int64_t kMebi = 1 << 20;

}  // namespace

TEST_CASE("Without nodes the reason says that none has registered") {
  CHECK(explain({}, Resources{}) == "no node has registered");
}

TEST_CASE("The reason names the short resource, the nearest node, and what keeps the others closed") {
  const Node a = node("node-1"), b = node("node-2"), c = node("node-3");
  Node d = node("node-4");
  d.cordoned = true;
  const Resources wanted{500, 64 * kMebi, 0, 0, 0};
  const std::vector<Offer> offers{{&a, {0, 100 * kMebi, 0, 0, 0}},
                                  {&b, {250, 100 * kMebi, 0, 0, 0}},
                                  {&c, {100, 100 * kMebi, 0, 0, 0}},
                                  {&d, {9000, 100 * kMebi, 0, 0, 0}}};
  CHECK(explain(offers, wanted) ==
        "no node fits: 3 of 4 nodes lack cpu, nearest is node-2 short of 250 millicores; 1 is cordoned");
}

TEST_CASE("Every kind of shortage and every closed door has its words") {
  struct Case {
    const char* name;
    Resources free, wanted;
    void (*change)(Node&);
    const char* reason;
  };
  const auto same = [](Node&) {};
  const std::vector<Case> cases{
      {"memory",
       {100, kMebi, 0, 0, 0},
       {100, 3 * kMebi, 0, 0, 0},
       same,
       "no node fits: 1 of 1 node lacks memory, nearest is n short of 2 MiB of memory"},
      {"less than a mebibyte",
       {100, 10, 0, 0, 0},
       {100, 11, 0, 0, 0},
       same,
       "no node fits: 1 of 1 node lacks memory, nearest is n short of 1 bytes of memory"},
      {"storage",
       {0, 0, 0, 0, 0},
       {0, 0, kMebi, 0, 0},
       same,
       "no node fits: 1 of 1 node lacks storage, nearest is n short of 1 MiB of storage"},
      {"bandwidth",
       {0, 0, 0, 5, 0},
       {0, 0, 0, 9, 0},
       same,
       "no node fits: 1 of 1 node lacks bandwidth, nearest is n short of 4 bit/s"},
      {"gpu",
       {0, 0, 0, 0, 0},
       {0, 0, 0, 0, 2},
       same,
       "no node fits: 1 of 1 node lacks gpu, nearest is n short of 2 GPUs"},
      {"two at once",
       {0, 0, 0, 0, 0},
       {7, 0, 0, 0, 1},
       same,
       "no node fits: 1 of 1 node lacks cpu, 1 of 1 node lacks gpu, nearest is n short of 7 millicores and 1 "
       "GPU"},
      {"cordoned",
       {9, 9, 9, 9, 9},
       {1, 0, 0, 0, 0},
       [](Node& n) { n.cordoned = true; },
       "no node fits: 1 is cordoned"},
      {"suspect",
       {9, 9, 9, 9, 9},
       {1, 0, 0, 0, 0},
       [](Node& n) { n.state = NodeState::suspect; },
       "no node fits: 1 is not ready"},
      {"tainted",
       {9, 9, 9, 9, 9},
       {1, 0, 0, 0, 0},
       [](Node& n) {
         n.taints.push_back({"k", "v", TaintEffect::no_execute});
       },
       "no node fits: 1 is tainted"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Node n = node("n");
    c.change(n);
    CHECK(explain({{&n, c.free}}, c.wanted) == c.reason);
  }
}

TEST_CASE("A taint that only prefers other nodes closes nothing") {
  Node n = node("n");
  n.taints.push_back({"k", "v", TaintEffect::prefer_no_schedule});
  CHECK(closing_taint(n) == nullptr);
  n.taints.push_back({"k2", "v", TaintEffect::no_schedule});
  REQUIRE(closing_taint(n) != nullptr);
  CHECK(closing_taint(n)->key == "k2");
}
