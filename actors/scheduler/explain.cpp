#include "actors/scheduler/explain.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

namespace cloudless::scheduler {
namespace {

constexpr std::int64_t kMebi = 1 << 20;
constexpr std::size_t kMaxReason = 1024;

struct Kind {
  const char* name;
  std::int64_t Resources::*amount;
};
constexpr std::array<Kind, 5> kKinds{{{"cpu", &Resources::cpu_millicores},
                                      {"memory", &Resources::memory_bytes},
                                      {"storage", &Resources::storage_bytes},
                                      {"bandwidth", &Resources::bandwidth_bps},
                                      {"gpu", &Resources::gpu_count}}};

std::string bytes(std::int64_t amount) {
  if (amount < kMebi) return std::to_string(amount) + " bytes";
  return std::to_string((amount + kMebi - 1) / kMebi) + " MiB";
}

std::string amount_in_words(std::size_t kind, std::int64_t amount) {
  switch (kind) {
    case 0:
      return std::to_string(amount) + " millicores";
    case 1:
      return bytes(amount) + " of memory";
    case 2:
      return bytes(amount) + " of storage";
    case 3:
      return std::to_string(amount) + " bit/s";
    default:
      return std::to_string(amount) + (amount == 1 ? " GPU" : " GPUs");
  }
}

std::int64_t short_of(const Offer& offer, const Resources& requests, std::size_t kind) {
  const auto amount = kKinds[kind].amount;
  return std::max<std::int64_t>(0, requests.*amount - offer.free.*amount);
}

/// Shortage relative to the request, in parts per million, summed over the kinds: the nearest node has the
/// least.
std::int64_t distance(const Offer& offer, const Resources& requests) {
  __int128 sum = 0;
  for (std::size_t k = 0; k < kKinds.size(); ++k)
    if (const auto missing = short_of(offer, requests, k); missing > 0)
      sum +=
          static_cast<__int128>(missing) * 1'000'000 / std::max<std::int64_t>(1, requests.*kKinds[k].amount);
  return static_cast<std::int64_t>(std::min<__int128>(sum, INT64_MAX));
}

std::string join(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

std::string shortage_in_words(const std::vector<Offer>& lacking, std::size_t of, const Resources& requests) {
  std::vector<std::string> counts;
  for (std::size_t k = 0; k < kKinds.size(); ++k) {
    const auto n = std::count_if(lacking.begin(), lacking.end(),
                                 [&](const Offer& o) { return short_of(o, requests, k) > 0; });
    if (n > 0)
      counts.push_back(std::to_string(n) + " of " + std::to_string(of) + (of == 1 ? " node" : " nodes") +
                       (n == 1 ? " lacks " : " lack ") + kKinds[k].name);
  }
  const auto nearest = std::min_element(lacking.begin(), lacking.end(), [&](const Offer& a, const Offer& b) {
    const auto da = distance(a, requests), db = distance(b, requests);
    return da != db ? da < db : a.node->description.id < b.node->description.id;
  });
  std::vector<std::string> missing;
  for (std::size_t k = 0; k < kKinds.size(); ++k)
    if (const auto amount = short_of(*nearest, requests, k); amount > 0)
      missing.push_back(amount_in_words(k, amount));
  return join(counts, ", ") + ", nearest is " + nearest->node->description.id.value + " short of " +
         join(missing, " and ");
}

void add_count(std::vector<std::string>& parts, std::size_t n, const std::string& what) {
  if (n > 0) parts.push_back(std::to_string(n) + (n == 1 ? " is " : " are ") + what);
}

}  // namespace

const Taint* closing_taint(const Node& node) {
  const auto found = std::find_if(node.taints.begin(), node.taints.end(), [](const Taint& t) {
    return t.effect == TaintEffect::no_schedule || t.effect == TaintEffect::no_execute;
  });
  return found != node.taints.end() ? &*found : nullptr;
}

std::string explain(const std::vector<Offer>& offers, const Resources& requests) {
  if (offers.empty()) return "no node has registered";
  std::size_t not_ready = 0, cordoned = 0, tainted = 0;
  std::map<std::string, std::size_t> taken;
  std::vector<Offer> lacking;
  for (const auto& offer : offers) {
    if (offer.node->state != NodeState::ready)
      ++not_ready;
    else if (offer.node->cordoned)
      ++cordoned;
    else if (closing_taint(*offer.node) != nullptr)
      ++tainted;
    else if (!offer.taken_port.empty())
      ++taken[offer.taken_port];
    else
      lacking.push_back(offer);
  }
  std::vector<std::string> parts;
  if (!lacking.empty()) parts.push_back(shortage_in_words(lacking, offers.size(), requests));
  for (const auto& [port, nodes] : taken)
    parts.push_back("host port " + port + " is taken on " + std::to_string(nodes) + " of " +
                    std::to_string(offers.size()) + (offers.size() == 1 ? " node" : " nodes"));
  add_count(parts, cordoned, "cordoned");
  add_count(parts, tainted, "tainted");
  add_count(parts, not_ready, "not ready");
  return ("no node fits: " + join(parts, "; ")).substr(0, kMaxReason);
}

}  // namespace cloudless::scheduler
