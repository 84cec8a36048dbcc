// Much traffic in CAF's own format over an encrypted port, in sizes around those of TLS's records and of
// CAF's reads, both ways at once and faster than either end reads.
#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "actors/node_link/transport/dialer.hpp"
#include "actors/node_link/transport/listener.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "actors/node_link/transport/secret_file.hpp"

namespace cloudless::node_link {
namespace {

constexpr std::size_t kRecord = 16384;
constexpr std::size_t kLargest = 300'000;

struct NetworkConfig : caf::actor_system_config {
  NetworkConfig() {
    configure_network(*this);
    set("scheduler.max-threads", std::size_t{1});
  }
};

/// What is sent is a piece of it, so that both ends can tell every byte.
const std::string& noise() {
  static const std::string bytes = [] {
    std::mt19937_64 random{7};
    std::string out(2 * kLargest, '\0');
    for (auto& byte : out) byte = static_cast<char>(random());
    return out;
  }();
  return bytes;
}

std::string piece(std::uint32_t number, std::uint32_t size) {
  return noise().substr(number % kLargest, size);
}

std::vector<std::uint32_t> sizes(std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < 1500; ++i) {
    const auto few = static_cast<std::uint32_t>(random() % 200);
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        out.push_back(few);
        break;
      case 3:
      case 4:
        out.push_back(static_cast<std::uint32_t>(kRecord - 150) + few);
        break;
      case 5:
        out.push_back(static_cast<std::uint32_t>(4 * kRecord - 150) + few);
        break;
      case 6:
        out.push_back(static_cast<std::uint32_t>(random() % (2 * kRecord)));
        break;
      default:
        out.push_back(static_cast<std::uint32_t>(random() % (i % 50 == 0 ? kLargest : 1000)));
    }
  }
  return out;
}

using caf::event_based_actor;

/// Answers a piece with one of another size; an empty one where it got something else than was sent.
caf::behavior answering(event_based_actor*) {
  return {[](std::uint32_t number, std::uint32_t back, const std::string& bytes) {
    const bool intact = bytes == piece(number, static_cast<std::uint32_t>(bytes.size()));
    return caf::make_message(number, intact ? piece(number + 1, back) : std::string{});
  }};
}

struct Tally {
  std::size_t right = 0;
  std::size_t wrong = 0;
};

/// Everything at once, without waiting for answers, which come in order.
caf::behavior asking(event_based_actor* self, const caf::actor& other, std::uint64_t seed,
                     const std::shared_ptr<std::promise<Tally>>& done) {
  const auto there = sizes(seed), back = sizes(seed + 1);
  for (std::uint32_t i = 0; i < there.size(); ++i) self->send(other, i, back[i] + 1, piece(i, there[i]));
  self->monitor(other);
  const auto tally = std::make_shared<Tally>();
  const auto finish = [self, done, tally] {
    done->set_value(*tally);
    self->quit();
  };
  self->set_down_handler([finish](const caf::down_msg&) { finish(); });
  return {[=](std::uint32_t number, const std::string& bytes) {
    const bool next = number == tally->right + tally->wrong;
    ++(next && bytes == piece(number + 1, back[number] + 1) ? tally->right : tally->wrong);
    if (tally->right + tally->wrong == back.size()) finish();
  }};
}

TEST_CASE(
    "every byte arrives, in order, while both ends of an encrypted link send more than the other reads") {
  NetworkConfig config, other_config;
  caf::actor_system system{config}, other{other_config};
  const PrefaceKey key{random_bytes(32), kLinkPurpose};
  const auto server = system.spawn(answering);
  {
    auto listener = *Listener::open(system, {"0.0.0.0", 0, key}, server);
    Dialer dialer{other, {"127.0.0.1", listener->port(), key}, {}};
    std::promise<Result<caf::strong_actor_ptr>> dialled;
    dialer.dial([&](Result<caf::strong_actor_ptr> found) { dialled.set_value(std::move(found)); });
    const auto found = dialled.get_future().get();
    REQUIRE(found);
    std::vector<std::future<Tally>> tallies;
    for (const std::uint64_t seed : {1, 3}) {
      auto done = std::make_shared<std::promise<Tally>>();
      tallies.push_back(done->get_future());
      other.spawn(asking, caf::actor_cast<caf::actor>(*found), seed, done);
    }
    for (auto& tally : tallies) {
      const auto all = tally.get();
      CHECK(all.right == sizes(1).size());
      CHECK(all.wrong == 0);
    }
  }
  caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace cloudless::node_link
