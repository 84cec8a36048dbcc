// Which log and exec sessions run over which node's link. Pure; the hub keeps one and knows each sink by a
// number of its own.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "messages/domain/ids.hpp"

namespace cloudless::node_link {

/// Sessions on one node at a time.
inline constexpr std::size_t kMaxSessionsPerNode = 256;

class SessionTable {
 public:
  struct Entry {
    NodeId node;
    std::uint64_t sink = 0;
  };
  enum class Opening { opened, repeated, too_many };

  /// `repeated`: this session is known already.
  Opening open(const SessionId& id, const NodeId& node, std::uint64_t sink);
  /// nullptr if there is none.
  const Entry* find(const SessionId& id) const;
  void close(const SessionId& id);
  /// Closes and returns the sessions of a node whose link is gone.
  std::vector<std::pair<SessionId, Entry>> close_node(const NodeId& node);
  /// Closes and returns the sessions whose frames went to this sink.
  std::vector<std::pair<SessionId, Entry>> close_sink(std::uint64_t sink);
  std::size_t size() const { return entries_.size(); }

 private:
  std::map<SessionId, Entry>::iterator forget(std::map<SessionId, Entry>::iterator it);
  template <class Matches>
  std::vector<std::pair<SessionId, Entry>> take(Matches&& matches);

  std::map<SessionId, Entry> entries_;
  std::map<NodeId, std::size_t> per_node_;
};

}  // namespace cloudless::node_link
