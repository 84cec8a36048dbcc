#include "actors/node_link/transport/preface.hpp"

#include <doctest/doctest.h>

namespace cloudless::node_link {
namespace {

const PrefaceKey kKey{std::string(32, 's'), kLinkPurpose};
const std::string kServerNonce(kNonceBytes, 'a');
const std::string kClientNonce(kNonceBytes, 'b');

TEST_CASE("two ends with one secret convince each other") {
  auto channel = Channel::plain;
  SUBCASE("plain") {}
  SUBCASE("encrypted") {
    channel = Channel::encrypted;
  }
  const auto greeted = greeting(kServerNonce, channel);
  REQUIRE(greeted.size() == kGreetingBytes);
  CHECK(channel_of(greeted) == channel);
  const auto proven = proof(kKey, greeted, kClientNonce);
  REQUIRE(proven);
  REQUIRE(proven->size() == kProofBytes);
  const auto answer = confirmation(kKey, greeted, *proven);
  REQUIRE(answer);
  REQUIRE(answer->size() == kConfirmationBytes);
  CHECK(confirmed(kKey, greeted, *proven, *answer));
}

TEST_CASE("another secret, another purpose or another greeting is no proof") {
  const auto greeted = greeting(kServerNonce, Channel::plain);
  const auto proven = *proof(kKey, greeted, kClientNonce);
  CHECK_FALSE(confirmation({std::string(32, 't'), kLinkPurpose}, greeted, proven));
  CHECK_FALSE(confirmation({kKey.secret, kRingPurpose}, greeted, proven));
  CHECK_FALSE(confirmation(kKey, greeting(std::string(kNonceBytes, 'c'), Channel::plain), proven));
}

TEST_CASE("a greeting that was changed to the other channel on its way is no proof") {
  const auto sent = greeting(kServerNonce, Channel::encrypted);
  const auto changed = greeting(kServerNonce, Channel::plain);
  CHECK_FALSE(confirmation(kKey, sent, *proof(kKey, changed, kClientNonce)));
}

TEST_CASE("each connection, purpose and secret has a channel key of its own, which is none of the proofs") {
  const auto greeted = greeting(kServerNonce, Channel::encrypted);
  const auto proven = *proof(kKey, greeted, kClientNonce);
  const auto channel = channel_key(kKey, greeted, proven);
  CHECK(channel.size() == 32);
  CHECK(channel == channel_key(kKey, greeted, proven));
  CHECK(channel != channel_key({std::string(32, 't'), kLinkPurpose}, greeted, proven));
  CHECK(channel != channel_key({kKey.secret, kRingPurpose}, greeted, proven));
  CHECK(channel != channel_key(kKey, greeting(std::string(kNonceBytes, 'c'), Channel::encrypted), proven));
  CHECK(channel != channel_key(kKey, greeted, *proof(kKey, greeted, std::string(kNonceBytes, 'c'))));
  CHECK(channel != proven.substr(kNonceBytes));
  CHECK(channel != *confirmation(kKey, greeted, proven));
}

TEST_CASE("every changed bit of a proof or a confirmation is noticed") {
  const auto greeted = greeting(kServerNonce, Channel::plain);
  const auto proven = *proof(kKey, greeted, kClientNonce);
  const auto answer = *confirmation(kKey, greeted, proven);
  for (std::size_t bit = 0; bit < 8 * kProofBytes; ++bit) {
    auto bent = proven;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << (bit % 8)));
    CHECK_FALSE(confirmation(kKey, greeted, bent));
  }
  for (std::size_t bit = 0; bit < 8 * kConfirmationBytes; ++bit) {
    auto bent = answer;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << (bit % 8)));
    CHECK_FALSE(confirmed(kKey, greeted, proven, bent));
  }
}

TEST_CASE("a confirmation is not a proof sent back, and nothing of another length is taken") {
  const auto greeted = greeting(kServerNonce, Channel::plain);
  const auto proven = *proof(kKey, greeted, kClientNonce);
  CHECK_FALSE(confirmed(kKey, greeted, proven, proven.substr(kNonceBytes)));
  CHECK_FALSE(confirmed(kKey, greeted, proven, ""));
  CHECK_FALSE(confirmation(kKey, greeted, proven.substr(1)));
  CHECK_FALSE(confirmation(kKey, greeted, ""));
  CHECK_FALSE(proof(kKey, "HTTP/1.1 400 Bad Request", kClientNonce));
  CHECK_FALSE(proof(kKey, std::string(kGreetingBytes, 'x'), kClientNonce));
}

}  // namespace
}  // namespace cloudless::node_link
