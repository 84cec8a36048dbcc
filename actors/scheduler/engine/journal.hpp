// What was done while somebody may still want it undone.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/cluster.hpp"

namespace cloudless::scheduler::engine {

class Journal {
 public:
  bool open() const { return depth_ > 0; }
  std::size_t size() const { return entries_.size(); }

  /// Begins to write; the answer is where.
  std::size_t begin() {
    ++depth_;
    return entries_.size();
  }
  /// Undoes what was written from there on, the last first.
  void end(Cluster& cluster, std::size_t from);

  void room(NodeIndex node, const Amounts& amounts, GpuMask gpus, bool taken) {
    entries_.push_back(Entry{Entry::Kind::room, taken, node, 0, gpus, amounts});
  }
  void group(NodeIndex node, GroupId group, bool more) {
    entries_.push_back(Entry{Entry::Kind::group, more, node, group, 0, {}});
  }
  void attribute(NodeIndex node, AttributeId attribute, bool set) {
    entries_.push_back(Entry{Entry::Kind::attribute, set, node, attribute, 0, {}});
  }

 private:
  struct Entry {
    enum class Kind : std::uint8_t { room, group, attribute } kind;
    bool done;
    NodeIndex node;
    std::uint32_t id;
    GpuMask gpus;
    Amounts amounts;
  };
  std::vector<Entry> entries_;
  std::uint32_t depth_ = 0;
};

}  // namespace cloudless::scheduler::engine
