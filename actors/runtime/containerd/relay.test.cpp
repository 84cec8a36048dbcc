#include "actors/runtime/containerd/relay.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <optional>

namespace cloudless::runtime {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

/// A relay in a loop of its own, and what it told.
struct Heard {
  explicit Heard(Relay::Options options) : relay(std::make_shared<Relay>(options, events())) {
    loop->add(relay);
  }
  ~Heard() { loop->stop(); }

  Relay::Events events() {
    Relay::Events out;
    out.output = [this](std::string text, bool is_stderr) {
      tell([&] { (is_stderr ? err : this->out) += text; });
    };
    out.taken = [this](std::uint64_t bytes) { tell([&] { taken += bytes; }); };
    out.input_closed = [this] { tell([&] { input_closed = true; }); };
    out.output_closed = [this] { tell([&] { output_closed = true; }); };
    out.over = [this](Relay::Over how) { tell([&] { over = how; }); };
    return out;
  }
  template <class Change>
  void tell(Change change) {
    const std::lock_guard lock(mutex);
    change();
    changed.notify_all();
  }
  template <class Condition>
  bool await(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, condition);
  }
  bool ends(Relay::Over how) {
    return await([&] { return over.has_value(); }) && *over == how;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::string out, err;
  std::uint64_t taken = 0;
  bool input_closed = false, output_closed = false;
  std::optional<Relay::Over> over;
  std::shared_ptr<RelayLoop> loop = RelayLoop::start();
  std::shared_ptr<Relay> relay;
};

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
  }
  Descriptor read_end, write_end;
};

void say(const Descriptor& to, const std::string& text) {
  REQUIRE(::write(to.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

TEST_CASE("output is delivered as far as it was granted, and both outputs apart") {
  Heard heard({10, 0, {}});
  Pipe out, err;
  heard.relay->attach_pipes({}, std::move(out.read_end), std::move(err.read_end));
  say(out.write_end, "123456");
  REQUIRE(heard.await([&] { return heard.out == "123456"; }));
  say(err.write_end, "abcdefgh");
  REQUIRE(heard.await([&] { return heard.err == "abcd"; }));
  heard.relay->grant(100);
  REQUIRE(heard.await([&] { return heard.err == "abcdefgh"; }));
  out.write_end.reset();
  err.write_end.reset();
  heard.relay->ended(std::chrono::hours(1));
  CHECK(heard.ends(Relay::Over::ended));
}

TEST_CASE("what comes after a command's end is waited for, but not for ever") {
  Heard heard({1000, 0, {}});
  Pipe out;
  heard.relay->attach_pipes({}, std::move(out.read_end), {});
  heard.relay->ended(std::chrono::hours(1));
  say(out.write_end, "late");
  REQUIRE(heard.await([&] { return heard.out == "late"; }));
  heard.relay->ended(std::chrono::milliseconds(1));  // somebody else holds the pipe
  CHECK(heard.ends(Relay::Over::ended));
}

TEST_CASE("beyond the limit of its output it is dropped, and said to be") {
  Heard heard({1000, 5, {}});
  Pipe out;
  heard.relay->attach_pipes({}, std::move(out.read_end), {});
  say(out.write_end, "12345678");
  out.write_end.reset();
  heard.relay->ended(std::chrono::hours(1));
  CHECK(heard.ends(Relay::Over::ended));
  CHECK(heard.out == "12345");
  CHECK(heard.relay->truncated());
}

TEST_CASE("input goes as far as it is read, in order, and then its end") {
  Heard heard({0, 0, {}});
  Pipe in;
  heard.relay->push("before it was there ");
  Descriptor reader = std::move(in.read_end);
  heard.relay->attach_pipes(std::move(in.write_end), {}, {});
  const std::string much(1 << 20, 'x');
  heard.relay->push(much);
  heard.relay->end_input();
  CHECK_FALSE(heard.input_closed);
  std::string got;
  char piece[65536];
  while (got.size() < much.size() + 20) {
    const auto n = ::read(reader.number(), piece, sizeof piece);
    if (n > 0) got.append(piece, static_cast<std::size_t>(n));
  }
  CHECK((got == "before it was there " + much));
  CHECK(heard.await([&] { return heard.taken == got.size() && heard.input_closed; }));
}

TEST_CASE("input that nobody reads any more counts as taken") {
  Heard heard({0, 0, {}});
  Pipe in;
  in.read_end.reset();
  heard.relay->attach_pipes(std::move(in.write_end), {}, {});
  heard.relay->push("for nobody");
  CHECK(heard.await([&] { return heard.taken == 10; }));
}

TEST_CASE("a connection ends when both sides have ended, and each side's end is passed on") {
  int ends[2] = {-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  Descriptor other(ends[1]);
  Heard heard({1000, 0, {}});
  heard.relay->attach_connection(Descriptor(ends[0]));
  say(other, "hello");
  REQUIRE(shutdown(other.number(), SHUT_WR) == 0);
  REQUIRE(heard.await([&] { return heard.output_closed; }));
  CHECK(heard.out == "hello");
  CHECK_FALSE(heard.over);
  heard.relay->push("and back");
  heard.relay->end_input();
  CHECK(heard.ends(Relay::Over::ended));
  char piece[64];
  CHECK(std::string(piece, static_cast<std::size_t>(::read(other.number(), piece, sizeof piece))) ==
        "and back");
  CHECK(::read(other.number(), piece, sizeof piece) == 0);
}

TEST_CASE("time, nobody's interest and the loop's end are ends, too") {
  SUBCASE("time") {
    Heard heard({0, 0, std::chrono::milliseconds(1)});
    CHECK(heard.ends(Relay::Over::timed_out));
  }
  SUBCASE("nobody's interest") {
    Heard heard({0, 0, {}});
    heard.relay->abandon();
    CHECK(heard.ends(Relay::Over::abandoned));
  }
  SUBCASE("the loop's end, also for those that come later") {
    Heard heard({0, 0, {}});
    heard.loop->stop();
    CHECK(heard.ends(Relay::Over::abandoned));
    heard.over.reset();
    heard.loop->add(heard.relay);
    CHECK(heard.ends(Relay::Over::abandoned));
  }
}

}  // namespace
}  // namespace cloudless::runtime
