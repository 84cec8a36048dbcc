#include "messages/domain/placement.hpp"

#include <doctest/doctest.h>

#include "messages/domain/node.hpp"

using namespace cloudless;

TEST_CASE("an expression over a label holds as its operator says, also where the label is missing") {
  const Labels labels{{"disk", "ssd"}, {"cores", "16"}, {"word", "16x"}};
  const auto holds = [&](const char* key, LabelOperator op, std::vector<std::string> values = {}) {
    return LabelExpression{key, op, std::move(values)}.matches(labels);
  };
  CHECK(holds("disk", LabelOperator::in, {"hdd", "ssd"}));
  CHECK_FALSE(holds("disk", LabelOperator::in, {"hdd"}));
  CHECK_FALSE(holds("none", LabelOperator::in, {""}));
  CHECK_FALSE(holds("disk", LabelOperator::not_in, {"ssd"}));
  CHECK(holds("none", LabelOperator::not_in, {"ssd"}));
  CHECK(holds("disk", LabelOperator::exists));
  CHECK_FALSE(holds("none", LabelOperator::exists));
  CHECK(holds("none", LabelOperator::does_not_exist));
  CHECK(holds("cores", LabelOperator::greater, {"15"}));
  CHECK_FALSE(holds("cores", LabelOperator::greater, {"16"}));
  CHECK(holds("cores", LabelOperator::less, {"17"}));
  CHECK_FALSE(holds("cores", LabelOperator::less, {"16"}));
  CHECK_FALSE(holds("word", LabelOperator::greater, {"1"}));
  CHECK_FALSE(holds("none", LabelOperator::less, {"1"}));
}

TEST_CASE("a toleration puts up with what it names, and with everything where it names nothing") {
  const Taint taint{"gpu", "true", TaintEffect::no_schedule};
  CHECK_FALSE(tolerates({}, taint));
  CHECK(tolerates({{"gpu", "true", TaintEffect::no_schedule, {}}}, taint));
  CHECK(tolerates({{"gpu", "", {}, {}}}, taint));
  CHECK(tolerates({{"", "", {}, {}}}, taint));
  CHECK_FALSE(tolerates({{"gpu", "false", {}, {}}}, taint));
  CHECK_FALSE(tolerates({{"gpu", "true", TaintEffect::no_execute, {}}}, taint));
  CHECK(tolerates({{"x", "", {}, {}}, {"gpu", "", {}, {}}}, taint));
}

TEST_CASE("a NO_EXECUTE taint is put up with as long as the most patient toleration says") {
  Node node;
  node.taints = {{"old", "", TaintEffect::no_execute}, {"soft", "", TaintEffect::no_schedule}};
  node.no_execute_since["old"] = 5000;
  CHECK(has_to_leave_at(node, {}) == 5000);
  CHECK_FALSE(has_to_leave_at(node, {{"old", "", {}, {}}}));
  CHECK(has_to_leave_at(node, {{"old", "", {}, 10}, {"old", "", {}, 20}}) == 25000);
  CHECK_FALSE(has_to_leave_at(node, {{"old", "", {}, 10}, {"", "", {}, {}}}));
  node.taints.push_back({"new", "", TaintEffect::no_execute});
  node.no_execute_since["new"] = 9000;
  CHECK(has_to_leave_at(node, {{"old", "", {}, {}}}) == 9000);
  node.taints.clear();
  CHECK_FALSE(has_to_leave_at(node, {}));
}

TEST_CASE("replicas may reserve more than is allocatable only by a node's own word") {
  NodeDescription node;
  node.allocatable = {3000, 1001, 7, 8, 9};
  CHECK(node.reservable() == node.allocatable);
  node.cpu_overcommit_percent = 150;
  node.memory_overcommit_percent = 200;
  CHECK(node.reservable() == Resources{4500, 2002, 7, 8, 9});
}
