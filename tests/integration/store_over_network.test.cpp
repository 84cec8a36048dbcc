// A store followed from another actor system over CAF's network, as a gateway process does.
#include <doctest/doctest.h>

#include "tests/integration/network_fixture.test.hpp"

namespace cloudless::network_test {
namespace {

Change node(const std::string& id, Revision schedulable, std::size_t padding = 0) {
  Node out;
  out.description.id = NodeId{id};
  out.schedulable_revision = schedulable;
  out.labels["padding"] = std::string(padding, 'x');
  return put(std::make_shared<const Node>(std::move(out)));
}

void check_equal(const Snapshot& mirrored, const Snapshot& expected) {
  CHECK(mirrored.cluster_id() == expected.cluster_id());
  CHECK(mirrored.nodes().size() == expected.nodes().size());
  expected.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& n) {
    CAPTURE(id.value);
    REQUIRE(mirrored.node(id) != nullptr);
    CHECK(*mirrored.node(id) == *n);
  });
}

Snapshot stored(const std::shared_ptr<store::MemoryContents>& contents) {
  return *store::load_snapshot(*store::memory_engine(contents));
}

TEST_CASE("a mirror in another process loads the store and gets every commit once and in order") {
  const auto contents = std::make_shared<store::MemoryContents>();
  StoreProcess coordinator(contents);
  for (int i = 0; i < 200; ++i) coordinator.commit({node("n" + std::to_string(i), 1, 4000)});
  MirrorProcess gateway(coordinator.port());
  gateway.received->await(201);
  CHECK(gateway.received->loads() == 1);
  Revision last = 0;
  for (int i = 0; i < 300; ++i)
    last = coordinator.commit({node("n" + std::to_string(i % 220), 2, static_cast<std::size_t>(i) * 10)});
  const auto mirrored = gateway.received->await(last);
  CHECK(gateway.received->loads() == 1);
  check_equal(*mirrored, stored(contents));
}

TEST_CASE("a mirror outlives its store and goes on with the next one, also over other contents") {
  const auto contents = std::make_shared<store::MemoryContents>();
  auto coordinator = std::make_unique<StoreProcess>(contents);
  const auto port = coordinator->port();
  coordinator->commit({node("a", 1)});
  MirrorProcess gateway(port);
  gateway.received->await(2);
  coordinator.reset();

  coordinator = std::make_unique<StoreProcess>(contents, port);
  const auto last = coordinator->commit({node("b", 1)});
  check_equal(*gateway.received->await(last), stored(contents));
  CHECK(gateway.received->loads() == 2);
  coordinator.reset();

  // A restored backup: the same revisions mean something else, and must not be taken for what the mirror has.
  const auto others = std::make_shared<store::MemoryContents>();
  coordinator = std::make_unique<StoreProcess>(others, port);
  for (const auto* id : {"x", "y", "z"}) coordinator->commit({node(id, 7)});
  const auto mirrored = gateway.received->await(4);
  check_equal(*mirrored, stored(others));
}

}  // namespace
}  // namespace cloudless::network_test
