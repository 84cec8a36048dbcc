#include "actors/runtime/prober/plain_http.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace cloudless::runtime {
namespace {

using State = PlainAnswer::State;

constexpr const char* kWhere = "10.0.0.2:80";

HttpCheck asks(std::string path, std::map<std::string, std::string> headers = {}) {
  return {false, 80, std::move(path), std::move(headers)};
}

struct Reading {
  State state = State::partial;
  std::optional<long> status;
  std::string body;
};

/// In pieces of at most `most` bytes, then the end if it is to come.
Reading read(std::string_view bytes, std::size_t most, bool ends) {
  PlainAnswer answer;
  State state = State::partial;
  while (state == State::partial && !bytes.empty()) {
    state = answer.take(bytes.substr(0, most));
    bytes.remove_prefix(std::min(most, bytes.size()));
  }
  if (state == State::partial && ends) state = answer.take_end();
  return {state, answer.status(), answer.body()};
}

}  // namespace

TEST_CASE("a plain question is a GET with its headers, each known one once") {
  CHECK(plain_request(asks("/a?b=%20"), kWhere) ==
        "GET /a?b=%20 HTTP/1.1\r\nHost: 10.0.0.2:80\r\nUser-Agent: cloudless-probe\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n");
  CHECK(
      plain_request(
          asks("/", {{"accept", "x/y"}, {"HOST", "web"}, {"User-Agent", "me"}, {"X-A", "b c"}, {"X-E", ""}}),
          kWhere) ==
      "GET / HTTP/1.1\r\nHOST: web\r\nUser-Agent: me\r\naccept: x/y\r\nConnection: close\r\nX-A: b "
      "c\r\nX-E:\r\n\r\n");
}

TEST_CASE("a question that is not plain is left to libcurl") {
  auto https = asks("/");
  https.https = true;
  CHECK_FALSE(plain_request(https, kWhere));
  for (const char* path : {"", "a", "/a b", "/a#b", "/\r\nX: y", "/\xc3\xa4"}) {
    CAPTURE(path);
    CHECK_FALSE(plain_request(asks(path), kWhere));
  }
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Connection", "keep-alive"},
                                                        {"CONTENT-LENGTH", "5"},
                                                        {"Transfer-Encoding", "chunked"},
                                                        {"", "x"},
                                                        {"A b", "x"},
                                                        {"A:", "x"},
                                                        {"A", "x\r\nB: y"},
                                                        {"A", "x\ty"}}) {
    CAPTURE(name);
    CHECK_FALSE(plain_request(asks("/", {{name, value}}), kWhere));
  }
}

TEST_CASE("an answer means the same however it comes in pieces") {
  struct Case {
    std::string bytes;
    bool ends;
    State state;
    std::optional<long> status;
    std::string body;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const Case cases[] = {
      {head + "Content-Length: 3\r\n\r\nok\n", false, State::whole, 200, "ok\n"},
      {"HTTP/1.0 503 Sick\r\n\r\nno", true, State::whole, 503, "no"},
      {"HTTP/1.1 204 \r\n\r\n", false, State::whole, 204, ""},
      {"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", false,
       State::whole, 500, "abc"},
      {"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\na: b\r\n\r\nHTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n",
       false, State::whole, 404, ""},
      {head + "Content-Length: 9\r\n\r\nok", false, State::partial, 200, "ok"},
      {head + "Content-Length: 9\r\n\r\nok", true, State::whole, 200, "ok"},
      {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false, State::whole, 200, ""},
      {head + "Content-Length: 999999999999999999\r\n\r\nok", true, State::whole, 200, "ok"},
      {head + "a: b\r\n", false, State::partial, {}, ""},
      {head + "a: b\r\n", true, State::odd, {}, ""},
      {"HTTP/1.1 200 OK\n\nok", false, State::odd, {}, ""},
      {"HTTP/1.1 200\r\n\r\n", false, State::odd, {}, ""},
      {"HTTP/1.1 99999 X\r\n\r\n", false, State::odd, {}, ""},
      {"SSH-2.0-OpenSSH\r\n", false, State::odd, {}, ""},
      {"\n", false, State::odd, {}, ""},
      {"", true, State::odd, {}, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.bytes);
    for (const std::size_t most : {1, 2, 3, 7, 4096}) {
      const auto reading = read(c.bytes, most, c.ends);
      CHECK(static_cast<int>(reading.state) == static_cast<int>(c.state));
      CHECK(reading.status == c.status);
      CHECK(reading.body == c.body);
    }
  }
}

TEST_CASE("what never ends is bounded: headers fail, bodies do not matter") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const auto endless = [](std::string begin, const std::string& piece) {
    while (begin.size() < (1 << 20)) begin += piece;
    return begin;
  };
  CHECK(read(endless(head, "a: b\r\n"), 4096, false).state == State::too_long);
  CHECK(read(endless(head + "a: ", "x"), 4096, false).state == State::too_long);
  CHECK(read(endless("", "HTTP/1.1 102 P\r\n\r\n"), 4096, false).state == State::too_long);
  for (const char* framing : {"", "Content-Length: 99999999\r\n"}) {
    const auto reading = read(endless(head + framing + "\r\n", "x"), 4096, false);
    CHECK(reading.state == State::whole);
    CHECK(reading.body.size() == kMostBody);
  }
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(read(endless(chunked, "1\r\nx\r\n"), 4096, false).state == State::whole);
  CHECK(read(endless(chunked + "0\r\n", "a: b\r\n"), 4096, false).state == State::whole);
  CHECK(read(endless(chunked + "1;", "x"), 4096, false).state == State::whole);
}

TEST_CASE("random bytes end in a state, and never in a pass without a status") {
  const std::string alphabet = "HTP/1. 2053\r\n:;ax\xff";
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::string bytes = random() % 2 == 0 ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" : "HTTP/1.1 ";
    for (auto left = random() % 60; left > 0; --left) bytes += alphabet[random() % alphabet.size()];
    const auto reading = read(bytes, 1 + random() % 20, true);
    CHECK(reading.state != State::partial);
    CHECK((reading.state == State::whole) == reading.status.has_value());
  }
}

}  // namespace cloudless::runtime
