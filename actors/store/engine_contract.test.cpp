// What every engine promises, shown on each of them.
#include <doctest/doctest.h>

#include "actors/store/engine_fixture.test.hpp"

namespace cloudless::store {
namespace {

Key replica(const std::string& id) {
  return {RecordKind::replica, id};
}
Key idempotency(const std::string& id) {
  return {RecordKind::idempotency, id};
}

EncodedCommit put_one(Revision revision, Key key, std::string value, WallMillis expires_at = 0) {
  return {revision, {{std::move(key), std::move(value), expires_at}}};
}

std::vector<std::string> ids(const std::vector<StoredRecord>& records) {
  std::vector<std::string> out;
  for (const auto& record : records) out.push_back(record.key.id);
  return out;
}

TEST_CASE("an engine that nobody wrote to is at revision 0 and empty") {
  for_each_engine([](EngineFixture& fixture) {
    auto engine = fixture.open();
    const auto state = engine->load();
    REQUIRE(state);
    CHECK(state->revision == 0);
    CHECK(state->records.empty());
  });
}

TEST_CASE("what was committed is there after reopening, in the order of its keys") {
  for_each_engine([](EngineFixture& fixture) {
    {
      auto engine = fixture.open();
      REQUIRE(engine->commit(
          {put_one(1, replica("b"), "old"), put_one(2, {RecordKind::node, "n"}, std::string("\0x", 2))}, 0));
      REQUIRE(engine->commit({{3, {{replica("b"), "new"}, {replica("a"), ""}}}}, 0));
    }
    const auto state = fixture.open()->load();
    REQUIRE(state);
    CHECK(state->revision == 3);
    CHECK(state->records == std::vector<StoredRecord>{{replica("a"), ""},
                                                      {replica("b"), "new"},
                                                      {{RecordKind::node, "n"}, std::string("\0x", 2)}});
  });
}

TEST_CASE("a deleted key is gone, and deleting what is not there is no error") {
  for_each_engine([](EngineFixture& fixture) {
    auto engine = fixture.open();
    REQUIRE(engine->commit({put_one(1, replica("a"), "x")}, 0));
    REQUIRE(engine->commit({{2, {{replica("a"), std::nullopt}, {replica("never"), std::nullopt}}}}, 0));
    const auto state = engine->load();
    REQUIRE(state);
    CHECK(state->revision == 2);
    CHECK(state->records.empty());
  });
}

TEST_CASE("of several changes of a key in one batch the last one counts") {
  for_each_engine([](EngineFixture& fixture) {
    auto engine = fixture.open();
    REQUIRE(engine->commit(
        {put_one(1, replica("a"), "1"), {2, {{replica("a"), std::nullopt}}}, put_one(3, replica("a"), "3")},
        0));
    CHECK(engine->load()->records == std::vector<StoredRecord>{{replica("a"), "3"}});
  });
}

TEST_CASE("a batch that does not follow the stored revision is refused as a whole") {
  for (const auto& revisions : std::vector<std::vector<Revision>>{{1}, {3}, {2, 4}, {2, 2}, {0}}) {
    CAPTURE(revisions.front());
    CAPTURE(revisions.size());
    for_each_engine([&](EngineFixture& fixture) {
      {
        auto engine = fixture.open();
        REQUIRE(engine->commit({put_one(1, replica("a"), "first")}, 0));
        std::vector<EncodedCommit> batch;
        for (const auto revision : revisions) batch.push_back(put_one(revision, replica("a"), "wrong"));
        const auto refused = engine->commit(batch, 0);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::internal);
      }
      const auto state = fixture.open()->load();
      REQUIRE(state);
      CHECK(state->revision == 1);
      CHECK(state->records == std::vector<StoredRecord>{{replica("a"), "first"}});
    });
  }
}

TEST_CASE("events and idempotency rows are not loaded but read in pages") {
  for_each_engine([](EngineFixture& fixture) {
    auto engine = fixture.open();
    EncodedCommit commit{1, {{{RecordKind::event, "e"}, "event"}}};
    for (const auto* id : {"d", "a", "c", "b"}) commit.changes.push_back({idempotency(id), id});
    REQUIRE(engine->commit({commit}, 0));
    CHECK(engine->load()->records.empty());
    CHECK(ids(*engine->range(RecordKind::idempotency, "", 3)) == std::vector<std::string>{"a", "b", "c"});
    CHECK(ids(*engine->range(RecordKind::idempotency, "c", 3)) == std::vector<std::string>{"d"});
    CHECK(engine->range(RecordKind::idempotency, "d", 3)->empty());
    CHECK(*engine->range(RecordKind::event, "", 10) ==
          std::vector<StoredRecord>{{{RecordKind::event, "e"}, "event"}});
  });
}

TEST_CASE("rows that have expired go with later commits, and no others") {
  for_each_engine([](EngineFixture& fixture) {
    auto engine = fixture.open();
    REQUIRE(engine->commit({{1,
                             {{idempotency("ends at 10"), "", 10},
                              {idempotency("ends at 20"), "", 20},
                              {idempotency("never"), "", 0}}}},
                           0));
    REQUIRE(engine->commit({put_one(2, replica("a"), "")}, 9));
    CHECK(engine->range(RecordKind::idempotency, "", 10)->size() == 3);
    REQUIRE(engine->commit({put_one(3, replica("a"), "")}, 10));
    CHECK(ids(*engine->range(RecordKind::idempotency, "", 10)) ==
          std::vector<std::string>{"ends at 20", "never"});
    REQUIRE(engine->commit({put_one(4, idempotency("ends at 20"), "", 99)}, 15));
    REQUIRE(engine->commit({put_one(5, replica("a"), "")}, 50));
    CHECK(ids(*engine->range(RecordKind::idempotency, "", 10)) ==
          std::vector<std::string>{"ends at 20", "never"});
  });
}

TEST_CASE("pruning keeps up with a row per commit that expires") {
  for_each_engine([](EngineFixture& fixture) {
    auto engine = fixture.open();
    for (Revision r = 1; r <= 300; ++r)
      REQUIRE(
          engine->commit({put_one(r, idempotency(std::to_string(r)), "", static_cast<WallMillis>(r) + 50)},
                         static_cast<WallMillis>(r)));
    CHECK(engine->range(RecordKind::idempotency, "", 1000)->size() == 50);
  });
}

}  // namespace
}  // namespace cloudless::store
