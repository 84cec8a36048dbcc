#include "actors/store/sqlite_engine.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "actors/store/engine_fixture.test.hpp"
#include "actors/store/sqlite_schema.hpp"

namespace cloudless::store {
namespace {

EncodedCommit commit_of(Revision revision) {
  return {revision,
          {{{RecordKind::replica, std::to_string(revision % 100)},
            std::string(500, 'x') + std::to_string(revision)}}};
}

/// Commits for ever, and writes each revision to the pipe once it is acknowledged.
[[noreturn]] void commit_until_killed(const std::string& path, int pipe) {
  auto engine = open_sqlite_engine(path);
  if (!engine) _exit(1);
  Revision revision = (*engine)->load()->revision;
  while ((*engine)->commit({commit_of(revision + 1)}, 0)) {
    ++revision;
    if (write(pipe, &revision, sizeof revision) != sizeof revision) _exit(2);
  }
  _exit(3);
}

/// Reads acknowledged revisions until at least `wanted` of them came, kills the child, reads the rest; the
/// last one.
Revision kill_after(pid_t child, int pipe, int wanted) {
  Revision last = 0;
  Revision next = 0;
  int count = 0;
  while (read(pipe, &next, sizeof next) == sizeof next) {
    last = next;
    if (++count == wanted) kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  return last;
}

TEST_CASE("nothing acknowledged is lost when the process is killed") {
  const TemporaryDirectory directory;
  const auto path = directory.file("store.db");
  Revision before = 0;
  for (int wanted : {1, 50, 300, 7, 120}) {
    CAPTURE(wanted);
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) commit_until_killed(path, pipe[1]);
    close(pipe[1]);
    const Revision acknowledged = kill_after(child, pipe[0], wanted);
    close(pipe[0]);
    CHECK(acknowledged >= before + static_cast<Revision>(wanted));
    auto engine = open_sqlite_engine(path);
    REQUIRE(engine.has_value());
    const auto state = (*engine)->load();
    REQUIRE(state.has_value());
    CHECK(state->revision >= acknowledged);
    for (const auto& record : state->records) {
      const Revision revision = std::stoull(record.value.substr(500));
      CHECK(record.key.id == std::to_string(revision % 100));
      CHECK(revision + 100 > state->revision);
    }
    before = state->revision;
  }
}

TEST_CASE("a second coordinator cannot open a store that is in use, in this process or in another") {
  const TemporaryDirectory directory;
  const auto path = directory.file("store.db");
  auto first = open_sqlite_engine(path);
  REQUIRE(first.has_value());
  const auto second = open_sqlite_engine(path);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::unavailable);
  CHECK(second.error().message.find("stop the other coordinator") != std::string::npos);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(open_sqlite_engine(path).has_value() ? 1 : 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  first->reset();
  CHECK(open_sqlite_engine(path).has_value());
}

TEST_CASE("a store of a newer version is refused with a word on what to do, and left alone") {
  const TemporaryDirectory directory;
  const auto path = directory.file("store.db");
  REQUIRE((*open_sqlite_engine(path))->commit({commit_of(1)}, 0));
  auto newer = store_migrations();
  newer.push_back("CREATE TABLE from_the_future (x)");
  REQUIRE(migrate(**SqliteDatabase::open(path, ""), newer));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto refused = open_sqlite_engine(path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::failed_precondition);
    CHECK(refused.error().message.find("schema version 2, this coordinator knows up to 1") !=
          std::string::npos);
    CHECK(refused.error().message.find("start the newer coordinator") != std::string::npos);
  }
  CHECK(*(*SqliteDatabase::open(path, ""))->query_integer("SELECT count(*) FROM from_the_future") == 0);
}

TEST_CASE("an older store is brought forward step by step, and a step that fails leaves it as it was") {
  const TemporaryDirectory directory;
  const auto path = directory.file("store.db");
  auto database = SqliteDatabase::open(path, "");
  REQUIRE(database.has_value());
  Migrations steps{"CREATE TABLE a (x)"};
  REQUIRE(migrate(**database, steps));
  steps.push_back("INSERT INTO a VALUES (1)");
  steps.push_back("ALTER TABLE nowhere ADD COLUMN y");
  CHECK_FALSE(migrate(**database, steps).has_value());
  CHECK(*(*database)->query_integer("SELECT count(*) FROM a") == 0);
  steps.back() = "INSERT INTO a VALUES (2)";
  REQUIRE(migrate(**database, steps));
  REQUIRE(migrate(**database, steps));
  CHECK(*(*database)->query_integer("SELECT count(*) FROM a") == 2);
  CHECK(*(*database)->query_integer("SELECT max(version) FROM schema_history") == 3);
}

TEST_CASE("what is not a store of ours is refused and left alone") {
  const TemporaryDirectory directory;
  SUBCASE("another program's database") {
    const auto path = directory.file("other.db");
    REQUIRE(
        (*SqliteDatabase::open(path, ""))->execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"));
    const auto refused = open_sqlite_engine(path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::data_loss);
    CHECK(refused.error().message.find("another program") != std::string::npos);
    CHECK(*(*SqliteDatabase::open(path, ""))->query_integer("SELECT count(*) FROM sqlite_schema") == 1);
  }
  SUBCASE("a file of something else") {
    const auto path = directory.file("notes.txt");
    std::ofstream(path) << std::string(5000, 'x');
    const auto refused = open_sqlite_engine(path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::data_loss);
    CHECK(refused.error().message.find(path) != std::string::npos);
  }
  SUBCASE("a directory that does not exist") {
    const auto refused = open_sqlite_engine(directory.file("none/store.db"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().message.find("check that its directory exists") != std::string::npos);
  }
}

}  // namespace
}  // namespace cloudless::store
