// Builds snapshots for tests in a few words: nodes, workloads and replicas with sensible rest. Every call is
// one commit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "messages/domain/snapshot.hpp"

namespace cloudless::test {

class SnapshotBuilder {
 public:
  const Snapshot& view() const { return view_; }
  SnapshotPtr share() const { return std::make_shared<const Snapshot>(view_); }
  const std::vector<Commit>& commits() const { return commits_; }

  SnapshotBuilder& commit(std::vector<Change> changes) {
    commits_.push_back(Commit{view_.revision() + 1, std::move(changes)});
    view_.apply(commits_.back());
    return *this;
  }

  /// A READY node of 1000 millicores and 1 GiB.
  SnapshotBuilder& node(const std::string& id, const std::function<void(Node&)>& change = {}) {
    Node n;
    if (const auto old = view_.node(NodeId{id}))
      n = *old;
    else {
      n.description.id = NodeId{id};
      n.description.allocatable = Resources{1000, 1 << 30, 1 << 30, 0, 0};
      n.description.capacity = n.description.allocatable;
      n.incarnation = 1;
    }
    if (change) change(n);
    n.revision = n.schedulable_revision = view_.revision() + 1;
    return commit({put(std::make_shared<const Node>(std::move(n)))});
  }

  /// Workload default/<name> with uid "<name>" filled up to ten characters with zeros; a change of the
  /// template is a new version.
  SnapshotBuilder& workload(const std::string& name, const std::function<void(WorkloadSpec&)>& change = {}) {
    Workload w;
    const auto old = view_.workload(uid(name));
    if (old)
      w = *old;
    else {
      w.uid = uid(name);
      w.ns = "default";
      w.name = name;
      w.spec.pod.image = "image:1";
      w.spec.replicas = 1;
    }
    if (change) change(w.spec);
    if (old && !(old->spec.pod == w.spec.pod)) w.version = ++w.latest_version;
    w.revision = view_.revision() + 1;
    std::vector<Change> changes;
    changes.push_back(put(std::make_shared<const Version>(Version{w.uid, w.version, w.spec.pod})));
    changes.push_back(put(std::make_shared<const Workload>(std::move(w))));
    return commit(std::move(changes));
  }
  SnapshotBuilder& remove_workload(const std::string& name) {
    Workload w = *view_.workload(uid(name));
    w.deleted = true;
    w.revision = view_.revision() + 1;
    return commit({put(std::make_shared<const Workload>(std::move(w)))});
  }

  /// The next replica of the workload, of its current version and PENDING unless changed.
  SnapshotBuilder& replica(const std::string& name, const std::function<void(Replica&)>& change = {}) {
    Workload w = *view_.workload(uid(name));
    Replica r;
    r.workload = w.uid;
    r.ordinal = w.next_ordinal++;
    r.version = w.version;
    r.id = replica_id(name, w.uid, r.ordinal);
    if (change) change(r);
    std::vector<Change> changes;
    changes.push_back(put(std::make_shared<const Replica>(std::move(r))));
    changes.push_back(put(std::make_shared<const Workload>(std::move(w))));
    return commit(std::move(changes));
  }
  SnapshotBuilder& change_replica(const ReplicaId& id, const std::function<void(Replica&)>& change) {
    Replica r = *view_.replica(id);
    change(r);
    return commit({put(std::make_shared<const Replica>(std::move(r)))});
  }

  static WorkloadUid uid(const std::string& name) {
    std::string value = name.substr(0, 10);
    value.resize(10, '0');
    return WorkloadUid{value};
  }
  static ReplicaId id(const std::string& name, std::uint64_t ordinal) {
    return replica_id(name, uid(name), ordinal);
  }

  /// For replica(): RUNNING on the node.
  static std::function<void(Replica&)> running(const std::string& node, bool ready = true) {
    return [=](Replica& r) {
      r.phase = Phase::running;
      r.attempt = 1;
      r.node = NodeId{node};
      r.ready = ready;
    };
  }
  static std::function<void(Replica&)> ended(Phase phase, StopCause stop = StopCause::none) {
    return [=](Replica& r) {
      r.phase = phase;
      r.attempt = 1;
      r.stop = stop;
    };
  }

 private:
  Snapshot view_;
  std::vector<Commit> commits_;
};

}  // namespace cloudless::test
