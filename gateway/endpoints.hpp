// Where a workload's requests may go, as a gateway tells those who follow it; and how far one follower has
// come. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/domain/replica.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::gateway {

/// A replica to whoever sends requests to it; meanings as in proto/cloudless/api/rollout.proto.
struct EndpointMark {
  ReplicaId replica;
  std::string address;
  NodeId node;
  std::vector<PublishedPort> published_ports;
  bool ready = false;
  bool serving = false;
  std::uint64_t version = 0;
  bool operator==(const EndpointMark&) const = default;
};

struct EndpointSet {
  std::vector<EndpointMark> endpoints;  ///< by ordinal; the replicas that run
  bool some_withdrawn = false;          ///< one of them is only waiting for its followers before it stops
};
EndpointSet endpoints_of(const Snapshot& snapshot, const Workload& workload);

/// What one follower was sent and what it has acknowledged. Everything up to which it has followed is what
/// the owner must know before it stops what served.
class FollowerProgress {
 public:
  /// The present set is this one, at this revision.
  void look(Revision revision, std::vector<EndpointMark> endpoints);
  /// Nothing about it was committed up to here.
  void unchanged_until(Revision revision);

  /// The set that the follower has not been sent; marks it as sent.
  const std::vector<EndpointMark>* take_news();
  /// Of the newest set that was sent; 0: none.
  Revision sent() const { return sent_; }

  /// False if no set of that revision can have been sent yet.
  bool acknowledge(Revision revision);
  /// Everything up to here has reached it; 0: nothing yet.
  Revision seen() const;

 private:
  std::vector<EndpointMark> present_;
  Revision present_from_ = 0;   // since when it is so
  Revision present_until_ = 0;  // at least until then
  Revision sent_ = 0;
  Revision acknowledged_ = 0;
};

}  // namespace cloudless::gateway
