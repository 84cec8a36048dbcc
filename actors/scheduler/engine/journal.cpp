#include "actors/scheduler/engine/journal.hpp"

namespace cloudless::scheduler::engine {

void Journal::end(Cluster& cluster, std::size_t from) {
  while (entries_.size() > from) {
    const Entry& entry = entries_.back();
    switch (entry.kind) {
      case Entry::Kind::room:
        if (entry.done) {
          cluster.give(entry.node, entry.amounts, entry.gpus);
        } else {
          cluster.take(entry.node, entry.amounts, entry.gpus);
        }
        break;
      case Entry::Kind::group:
        cluster.count(entry.id, entry.node, !entry.done);
        break;
      case Entry::Kind::attribute:
        cluster.set_attribute(entry.id, entry.node, !entry.done);
        break;
    }
    entries_.pop_back();
  }
  if (--depth_ == 0) entries_.clear();
}

}  // namespace cloudless::scheduler::engine
