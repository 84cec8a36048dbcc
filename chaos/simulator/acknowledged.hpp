// What clients were told, and what it obliges the store to: an acknowledged write is there, unless a later
// one changed it. Pure. Clients report what they send and hear; check() judges a snapshot.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "chaos/simulator/breach.hpp"
#include "messages/domain/command.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

class Acknowledged {
 public:
  /// A command is on its way; what becomes of it is not known until it is answered.
  void sent(const WorkloadCommand& command);
  /// It was answered: it was not carried out.
  Breaches refused(const WorkloadCommand& command);
  /// A workload was written: what it was before. For commands that name the revision they change.
  void written(const Workload& before, const Workload& after);
  /// A client was answered. `durable`: the last revision on the disk at this moment, and what is in it.
  Breaches heard(const WorkloadCommand& command, const CommandReply& reply, const Snapshot& durable);
  /// Every workload that a client was told of is in this snapshot, at the revision it was told or a later
  /// one.
  Breaches check(const Snapshot& view) const;
  std::size_t size() const { return writes_; }

 private:
  struct Write {
    Revision revision = 0;  ///< Workload::revision of the last acknowledged write
    WorkloadSpec spec;
    bool deleted = false;
    std::string name;
    std::string title;
  };
  struct Keyed {
    std::string request_hash;
    Workload answer;
  };
  bool may_be_deleted(const std::string& name) const { return deletes_.contains(name); }

  std::map<std::string, std::uint64_t> deletes_;  // by name: sent, and not known to have been refused
  std::map<std::pair<WorkloadUid, Revision>, Revision> written_over_;
  std::map<WorkloadUid, Write> last_;
  std::map<std::string, Keyed> by_key_;
  std::size_t writes_ = 0;
};

}  // namespace cloudless::sim
