#include "chaos/simulator/rules.hpp"

namespace cloudless::sim {
namespace {

constexpr std::uint32_t kLongestStay = 5;  // seconds
constexpr std::uint16_t kFirstPort = 8000;
constexpr std::uint64_t kPorts = 3;

Labels team(Dice& dice) {
  return {{"team", dice.once_in(2) ? "a" : "b"}};
}

AffinityTerm towards(Dice& dice, bool required) {
  AffinityTerm term;
  term.workload_selector = team(dice);
  term.required = required;
  term.topology = dice.once_in(2) ? Topology::node : Topology::zone;
  term.weight = 50;
  return term;
}

void add_tolerations(Dice& dice, Placement& placement) {
  if (dice.once_in(6)) placement.tolerations.push_back({kBusy, "", {}, {}});
  if (dice.once_in(8)) placement.tolerations.push_back({kBroken, "", TaintEffect::no_execute, {}});
  if (dice.once_in(4))
    placement.tolerations.push_back(
        {kBroken, "", TaintEffect::no_execute, static_cast<std::uint32_t>(dice.below(kLongestStay + 1))});
}

}  // namespace

void add_rules(Dice& dice, Template& pod) {
  auto& placement = pod.placement;
  add_tolerations(dice, placement);
  switch (dice.below(24)) {
    case 0:
      placement.node_selector = {{"colour", "red"}};
      break;
    case 1:
      placement.zones = {"zone-a"};
      break;
    case 2:
    case 3:
      placement.anti_affinity.push_back(towards(dice, true));
      break;
    case 4:
      placement.affinity.push_back(towards(dice, true));
      break;
    case 5:
      placement.affinity.push_back(towards(dice, false));
      placement.anti_affinity.push_back(towards(dice, false));
      break;
    case 6:
    case 7:
    case 8:
      placement.spread = dice.once_in(2) ? Spread::node : Spread::zone;
      placement.max_skew = static_cast<std::uint32_t>(dice.between(1, 2));
      break;
    case 9:
    case 10:
      pod.ports.push_back(
          {"web", 80, Protocol::tcp, static_cast<std::uint16_t>(kFirstPort + dice.below(kPorts))});
      break;
    case 11:
      pod.requests.gpu_count = dice.between(1, 2);
      break;
    case 12:
    case 13:
      pod.requests.gpu_milli = dice.between(1, 7) * 100;
      break;
    default:
      break;
  }
}

void add_standing(Dice& dice, WorkloadSpec& spec) {
  spec.labels = team(dice);
  if (dice.once_in(2)) spec.priority = static_cast<std::uint32_t>(dice.below(4));
  spec.all_or_nothing = dice.once_in(4);
  if (spec.all_or_nothing && dice.once_in(2)) spec.priority = 4;  // above all others
}

}  // namespace cloudless::sim
