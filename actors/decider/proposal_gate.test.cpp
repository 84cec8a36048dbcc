#include "actors/decider/proposal_gate.hpp"

#include <doctest/doctest.h>

using cloudless::decider::ProposalGate;

TEST_CASE("One proposal is in flight at a time") {
  ProposalGate gate;
  CHECK(gate.open(0));
  gate.sent(5);
  CHECK_FALSE(gate.open(9));
  gate.answered(5, true);
  CHECK(gate.open(5));
}

TEST_CASE("After an answer the mirror must reach the revision it was judged at") {
  ProposalGate gate;
  gate.sent(5);
  gate.answered(8, true);
  CHECK_FALSE(gate.open(7));
  CHECK(gate.open(8));
}

TEST_CASE("A refusal at the view it was computed from waits for something to move, or for a sweep") {
  ProposalGate gate;
  gate.sent(5);
  gate.answered(5, false);
  CHECK_FALSE(gate.open(5));
  CHECK(gate.open(6));
  gate.stop_waiting();
  CHECK(gate.open(5));
}

TEST_CASE("A lost answer lets everything be asked again") {
  ProposalGate gate;
  gate.sent(5);
  gate.lost();
  CHECK(gate.open(5));
}
