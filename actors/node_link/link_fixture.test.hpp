// What tests of the node link put at its ends: a store to follow, owners that answer, a supervisor that takes
// what it is sent. Everything they were told is kept for the tests to look at.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/node_link/assignment_set.hpp"
#include "actors/node_link/held_set.hpp"
#include "messages/agent.hpp"
#include "messages/caf_error.hpp"
#include "messages/node_membership.hpp"
#include "messages/workload_state.hpp"

namespace cloudless::node_link::test {

/// Records of one workload "web" and its replicas, for snapshots.
inline const WorkloadUid kUid{"0123456789"};

inline Change workload_change(ResourceLimits limits = {}) {
  Workload w;
  w.uid = kUid;
  w.ns = "default";
  w.name = "web";
  w.revision = 1;
  w.spec.limits = limits;
  return put(std::make_shared<const Workload>(w));
}
inline Change version_change(std::uint64_t number = 1, std::string image = "busybox") {
  Version v;
  v.workload = kUid;
  v.number = number;
  v.pod.image = std::move(image);
  return put(std::make_shared<const Version>(v));
}
inline Change replica_change(std::uint64_t ordinal, std::string node, Phase phase = Phase::assigned,
                             StopCause stop = StopCause::none) {
  Replica r;
  r.id = replica_id("web", kUid, ordinal);
  r.workload = kUid;
  r.ordinal = ordinal;
  r.node = NodeId{std::move(node)};
  r.phase = phase;
  r.stop = stop;
  return put(std::make_shared<const Replica>(r));
}
inline Change cluster_change(std::string id) {
  return put(std::make_shared<const ClusterMeta>(ClusterMeta{std::move(id)}));
}

/// Held by the fakes' handlers and by tests that look at fakes whose actors run on other threads.
inline std::mutex guard;

/// A store that is followed and told what to commit.
struct FakeStore {
  std::shared_ptr<const Snapshot> snapshot = std::make_shared<const Snapshot>();
  std::vector<follower_actor> followers;

  void commit(std::vector<Change> changes) {
    auto next = *snapshot;
    Commit commit{snapshot->revision() + 1, std::move(changes)};
    next.apply(commit);
    const auto predecessor = snapshot->revision();
    snapshot = std::make_shared<const Snapshot>(std::move(next));
    auto batch = std::make_shared<const std::vector<Commit>>(std::vector<Commit>{std::move(commit)});
    for (const auto& follower : followers)
      caf::anon_send(follower, CommitsPublished{predecessor, batch, snapshot});
  }
};

inline source_actor spawn_store(caf::actor_system& system, std::shared_ptr<FakeStore> store) {
  return system.spawn([store](source_actor::pointer) -> source_actor::behavior_type {
    return {[store](follow_atom, const follower_actor& follower) -> CommitsPublished {
      const std::lock_guard lock{guard};
      store->followers.push_back(follower);
      return {store->snapshot->revision(), std::make_shared<const std::vector<Commit>>(), store->snapshot};
    }};
  });
}

/// Owners that welcome every node but those in `refused`, and acknowledge every report.
struct FakeOwners {
  std::set<NodeId> refused;
  std::map<NodeId, std::pair<std::uint64_t, std::uint64_t>> registered;  // boot id, incarnation
  std::map<std::string, std::uint64_t> leases;                           // how many
  std::map<std::string, std::uint32_t> round_trips;                      // as said last, milliseconds
  std::vector<NodeReport> reports;
  std::map<NodeId, NodeDescription> described;
  std::string cluster_id = "c1";
};

inline node_membership_actor spawn_membership(caf::actor_system& system, std::shared_ptr<FakeOwners> owners) {
  return system.spawn([owners](node_membership_actor::pointer) -> node_membership_actor::behavior_type {
    return {
        [](const Carried<NodeCommand>&) -> caf::result<Carried<NodeReply>> { return Carried<NodeReply>{}; },
        [owners](const Carried<LinkFrame>& frame) -> caf::result<Carried<LinkFrame>> {
          const std::lock_guard lock{guard};
          const auto& hello = std::get<Hello>(*frame);
          if (owners->refused.contains(hello.description.id))
            return Carried<LinkFrame>{LinkFrame{Refused{{Errc::permission_denied, "not here", {}}}}};
          auto& [boot, incarnation] = owners->registered[hello.description.id];
          if (boot != hello.boot_id) ++incarnation;
          boot = hello.boot_id;
          owners->described[hello.description.id] = hello.description;
          return Carried<LinkFrame>{LinkFrame{Welcome{owners->cluster_id, boot, incarnation, 500, 4000}}};
        },
        [owners](lease_atom, const std::string& node, std::uint64_t, std::uint32_t rtt_ms) {
          const std::lock_guard lock{guard};
          ++owners->leases[node];
          owners->round_trips[node] = rtt_ms;
        },
    };
  });
}

inline workload_state_actor spawn_workload_state(caf::actor_system& system,
                                                 std::shared_ptr<FakeOwners> owners) {
  return system.spawn([owners](workload_state_actor::pointer) -> workload_state_actor::behavior_type {
    return {
        [](const Carried<WorkloadCommand>&) -> caf::result<Carried<CommandReply>> {
          return Carried<CommandReply>{};
        },
        [](const Carried<Proposal>&) -> caf::result<Carried<ProposalAnswer>> {
          return Carried<ProposalAnswer>{};
        },
        [owners](const Carried<NodeReport>& report) -> caf::result<Carried<ReportAck>> {
          const std::lock_guard lock{guard};
          owners->reports.push_back(*report);
          ReportAck ack{report->incarnation, 7, {}};
          for (const auto& replica : report->replicas)
            ack.items.push_back({replica.replica, replica.sequence});
          return Carried<ReportAck>{ack};
        },
        [](const Carried<EndpointFollowing>&) {},
    };
  });
}

/// A supervisor that keeps its set in memory as the real one does on disk.
struct FakeSupervisor {
  agent_link_actor link;
  SetOnDisk on_disk;
  AssignmentSet set;
  std::uint64_t incarnation = 0;  // 0: no link
  std::uint64_t ups = 0;
  std::uint64_t downs = 0;
  std::uint64_t sets_taken = 0;
  std::vector<ReportAck> acks;
  std::vector<SessionFrame> sessions;
};

inline runtime_supervisor_actor spawn_supervisor(caf::actor_system& system,
                                                 std::shared_ptr<FakeSupervisor> supervisor) {
  return system.spawn(
      [supervisor](runtime_supervisor_actor::pointer self) -> runtime_supervisor_actor::behavior_type {
        return {
            [supervisor](attach_atom, const agent_link_actor& link) -> SetOnDisk {
              const std::lock_guard lock{guard};
              supervisor->link = link;
              return supervisor->on_disk;
            },
            [supervisor](const LinkUp& up) {
              const std::lock_guard lock{guard};
              supervisor->incarnation = up.incarnation;
              ++supervisor->ups;
            },
            [supervisor](const LinkDown&) {
              const std::lock_guard lock{guard};
              supervisor->incarnation = 0;
              ++supervisor->downs;
            },
            [supervisor, self](const Carried<AssignmentSet>& sent) {
              const std::lock_guard lock{guard};
              if (sent->revision < supervisor->on_disk.revision) return;
              const auto next = applied(supervisor->set, *sent);
              if (!next) return;
              ++supervisor->sets_taken;
              supervisor->set = *next;
              supervisor->on_disk = {next->cluster_id, next->revision};
              self->send(supervisor->link, supervisor->on_disk);
            },
            [supervisor](const Carried<ReportAck>& ack) {
              const std::lock_guard lock{guard};
              supervisor->acks.push_back(*ack);
            },
            [supervisor](const Carried<SessionFrame>& frame) {
              const std::lock_guard lock{guard};
              supervisor->sessions.push_back(*frame);
            },
            [](const Carried<SessionFrame>&, const session_sink_actor&) {},
        };
      });
}

/// Keeps the frames of a session.
inline session_sink_actor spawn_sink(caf::actor_system& system,
                                     std::shared_ptr<std::vector<SessionFrame>> frames) {
  return system.spawn([frames](session_sink_actor::pointer) -> session_sink_actor::behavior_type {
    return {[frames](const Carried<SessionFrame>& frame) {
      const std::lock_guard lock{guard};
      frames->push_back(*frame);
    }};
  });
}

/// What the node should be running at this snapshot.
inline AssignmentSet assignment_set(const Snapshot& snapshot, const NodeId& node) {
  CommonParts parts;
  return whole(held_set(snapshot, node, parts, {}));
}

/// True if both sets name the same assignments, in whatever order.
inline bool same_content(const AssignmentSet& a, const AssignmentSet& b) {
  auto ids = [](const AssignmentSet& set) {
    std::map<ReplicaId, StopCause> out;
    for (const auto& assignment : set.assignments) out.emplace(assignment.replica, assignment.stop);
    return out;
  };
  return ids(a) == ids(b) && a.cluster_id == b.cluster_id;
}

}  // namespace cloudless::node_link::test
