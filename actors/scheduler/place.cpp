#include "actors/scheduler/place.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "actors/scheduler/explain.hpp"

namespace cloudless::scheduler {
namespace {

struct Candidate {
  const NodeRoom* room;
  Resources free;
  std::vector<HostPort> given_ports;  // by this placement
};

/// A port that is wanted and that somebody on the node has.
std::optional<HostPort> taken_port(const Candidate& c, const std::vector<HostPort>& wanted) {
  for (const auto& port : wanted)
    if (c.room->host_ports.contains(port) ||
        std::find(c.given_ports.begin(), c.given_ports.end(), port) != c.given_ports.end())
      return port;
  return std::nullopt;
}

/// Replicas of one workload, per candidate and per zone.
struct Spread {
  std::vector<std::uint32_t> on_node;
  std::map<std::string, std::uint32_t> in_zone;
};

bool open_to_replicas(const Node& node) {
  return node.schedulable() && closing_taint(node) == nullptr;
}

/// Parts per million of `capacity` that are free; an amount the node does not have at all does not count
/// against it.
std::int64_t free_share(std::int64_t free, std::int64_t capacity) {
  if (capacity <= 0) return 1'000'000;
  return static_cast<std::int64_t>(static_cast<__int128>(free) * 1'000'000 / capacity);
}

/// How free the scarcer of cpu and memory is once the replica is there.
std::int64_t room_left(const Candidate& c, const Resources& requests) {
  const Resources left = c.free - requests;
  const Resources& all = c.room->node->description.allocatable;
  return std::min(free_share(left.cpu_millicores, all.cpu_millicores),
                  free_share(left.memory_bytes, all.memory_bytes));
}

Spread spread_of(const std::vector<Candidate>& candidates, const WorkloadUid& workload) {
  Spread spread;
  spread.on_node.reserve(candidates.size());
  for (const auto& c : candidates) {
    const auto found = c.room->replicas.find(workload);
    const std::uint32_t n = found != c.room->replicas.end() ? found->second : 0;
    spread.on_node.push_back(n);
    spread.in_zone[c.room->node->description.zone] += n;
  }
  return spread;
}

/// Candidates stand in the order of their ids: the first of equals wins.
std::size_t best(const std::vector<Candidate>& candidates, const Spread& spread, const Request& request) {
  std::size_t winner = candidates.size();
  std::tuple<std::uint32_t, std::uint32_t, std::int64_t> winning;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& c = candidates[i];
    if (!open_to_replicas(*c.room->node) || !request.requests.fits(c.free) ||
        taken_port(c, request.host_ports))
      continue;
    const std::tuple score{spread.on_node[i], spread.in_zone.at(c.room->node->description.zone),
                           -room_left(c, request.requests)};
    if (winner == candidates.size() || score < winning) {
      winner = i;
      winning = score;
    }
  }
  return winner;
}

std::string port_in_words(const HostPort& port) {
  return std::to_string(port.second) + (port.first == Protocol::udp ? "/udp" : "/tcp");
}

std::vector<Offer> offers_of(const std::vector<Candidate>& candidates, const std::vector<HostPort>& ports) {
  std::vector<Offer> offers;
  offers.reserve(candidates.size());
  for (const auto& c : candidates) {
    const auto taken = taken_port(c, ports);
    offers.push_back({c.room->node.get(), c.free, taken ? port_in_words(*taken) : std::string{}});
  }
  return offers;
}

}  // namespace

Placed place(const Inventory& inventory, const std::vector<Request>& requests, std::size_t limit) {
  std::vector<Candidate> candidates;
  for (const auto& [id, room] : inventory.nodes())
    if (room.node) candidates.push_back({&room, room.free(), {}});

  Placed placement;
  std::map<WorkloadUid, Spread> spreads;
  // Room only shrinks in here: what found no place once finds none later, for the same reason.
  std::map<std::pair<WorkloadUid, std::uint64_t>, std::string> hopeless;
  for (const auto& request : requests) {
    const Replica& replica = *request.replica;
    const std::pair kind{replica.workload, replica.version};
    if (const auto known = hopeless.find(kind); known != hopeless.end()) {
      placement.unplaced.push_back({replica.id, known->second});
      continue;
    }
    if (placement.assignments.size() >= limit) continue;
    auto spread = spreads.find(replica.workload);
    if (spread == spreads.end())
      spread = spreads.emplace(replica.workload, spread_of(candidates, replica.workload)).first;
    const std::size_t i = best(candidates, spread->second, request);
    if (i == candidates.size()) {
      auto reason = explain(offers_of(candidates, request.host_ports), request.requests);
      hopeless.emplace(kind, reason);
      placement.unplaced.push_back({replica.id, std::move(reason)});
      continue;
    }
    const Node& node = *candidates[i].room->node;
    candidates[i].free -= request.requests;
    candidates[i].given_ports.insert(candidates[i].given_ports.end(), request.host_ports.begin(),
                                     request.host_ports.end());
    ++spread->second.on_node[i];
    ++spread->second.in_zone[node.description.zone];
    placement.assignments.push_back({replica.id, node.description.id, node.schedulable_revision});
  }
  return placement;
}

}  // namespace cloudless::scheduler
