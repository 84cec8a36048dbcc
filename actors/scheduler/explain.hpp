// Why no node takes a replica, in words for people: which resource is short on how many nodes, by how much on
// the nearest one, and what keeps the others closed. Pure; used by place().
#pragma once

#include <string>
#include <vector>

#include "messages/domain/node.hpp"
#include "messages/domain/resources.hpp"

namespace cloudless::scheduler {

/// A node and what is free on it.
struct Offer {
  const Node* node = nullptr;
  Resources free;
  std::string taken_port;  ///< "8080/tcp" that is wanted and taken there; empty: none
};

/// The taint that keeps every replica away, or nullptr. This version knows no tolerations.
const Taint* closing_taint(const Node& node);

/// "no node fits: 3 of 4 nodes lack cpu, nearest is node-2 short of 250 millicores; 1 is cordoned".
std::string explain(const std::vector<Offer>& offers, const Resources& requests);

}  // namespace cloudless::scheduler
