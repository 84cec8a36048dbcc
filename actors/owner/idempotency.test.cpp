#include "actors/owner/idempotency.hpp"

#include <doctest/doctest.h>

namespace cloudless::owner {
namespace {

using Verdict = IdempotencyTable::Verdict;

CommandContext context(const std::string& key, const std::string& hash = "h",
                       const std::string& method = "CreateWorkload") {
  return {"someone", method, "default", key, hash};
}
std::shared_ptr<const IdempotencyRow> row(const CommandContext& c, const std::string& reply,
                                          WallMillis now = 0) {
  return std::make_shared<const IdempotencyRow>(row_for(c, reply, now));
}

class IdempotencyTest {
 public:
  Verdict look_up(const CommandContext& c, WallMillis now = 0) {
    return table.look_up(c, now, [this](const Result<std::string>& reply) {
      trace += (reply ? *reply : reply.error().message) + " ";
    });
  }
  IdempotencyTable table;
  std::string trace;
};

TEST_CASE_FIXTURE(IdempotencyTest, "a key answers for its request alone") {
  table.keep(row(context("k"), "reply"), 0);
  CHECK(look_up(context("k")) == Verdict::repeated);
  CHECK(trace == "reply ");
  CHECK(look_up(context("k", "other request")) == Verdict::conflict);
  CHECK(look_up(context("other key")) == Verdict::fresh);
  CHECK(look_up(context("k", "h", "ScaleWorkload")) == Verdict::fresh);
  CommandContext stranger = context("k");
  stranger.principal = "somebody else";
  CHECK(look_up(stranger) == Verdict::fresh);
}

TEST_CASE_FIXTURE(IdempotencyTest, "a repeat waits for the first, and gets its answer or its error") {
  table.begin(context("k"));
  CHECK(look_up(context("k")) == Verdict::repeated);
  CHECK(look_up(context("k")) == Verdict::repeated);
  CHECK(look_up(context("k", "other request")) == Verdict::conflict);
  CHECK(trace.empty());
  SUBCASE("answer") {
    table.finish(context("k"), row(context("k"), "reply"), 0);
    CHECK(trace == "reply reply ");
    CHECK(look_up(context("k")) == Verdict::repeated);
  }
  SUBCASE("error: the key is free again") {
    table.finish(context("k"), Error{Errc::unavailable, "full", {}});
    CHECK(trace == "full full ");
    CHECK(look_up(context("k", "other request")) == Verdict::fresh);
  }
}

TEST_CASE_FIXTURE(IdempotencyTest, "a row expires after its lifetime, not earlier") {
  table.keep(row(context("k"), "reply", 1000), 1000);
  CHECK(look_up(context("k"), 1000 + kIdempotencyLifetime - 1) == Verdict::repeated);
  CHECK(look_up(context("k"), 1000 + kIdempotencyLifetime) == Verdict::fresh);
  CHECK(table.size() == 0);
}

TEST_CASE("a full table forgets the oldest rows") {
  IdempotencyTable table(3);
  for (int i = 0; i < 5; ++i) table.keep(row(context(std::to_string(i)), "reply", i), i);
  CHECK(table.size() == 3);
  const auto ignore = [](const Result<std::string>&) {};
  CHECK(table.look_up(context("1"), 5, ignore) == Verdict::fresh);
  CHECK(table.look_up(context("2"), 5, ignore) == Verdict::repeated);
  CHECK(table.look_up(context("4"), 5, ignore) == Verdict::repeated);
}

}  // namespace
}  // namespace cloudless::owner
