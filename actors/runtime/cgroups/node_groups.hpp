// The control groups above this node's containers, /cloudless/<namespace>: made through libcgroup before a
// namespace's first container starts, removed after its last has gone. The top one is limited to what all
// containers of the node may use together, unless another agent of this machine uses it too. runc makes the
// containers' own groups below. Thread-safe; a failure here is logged and never keeps a container from
// starting.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/runtime/cgroups/cgroup_tree.hpp"
#include "actors/runtime/cgroups/group_settings.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/resources.hpp"

namespace cloudless::runtime {

/// What a container's groups are made from.
struct GroupMember {
  std::string ns;
  ReplicaId replica;
  std::int64_t cpu_millicores = 0;  ///< reserved
  std::string group;                ///< of a container that was found again; else empty
  std::int64_t storage_bytes = 0;   ///< limit of its writable layer since its start; 0: none
};

class NodeGroups {
 public:
  /// `parent` is "/cloudless"; of `bounds` cpu and memory are used, 0: no limit. `tag` is this agent's
  /// own: a group that a stranger's processes are in is not taken, but one beside it with the tag in its
  /// name.
  NodeGroups(CgroupTree tree, std::string parent, Resources bounds, std::string tag);
  ~NodeGroups();
  NodeGroups(const NodeGroups&) = delete;
  NodeGroups& operator=(const NodeGroups&) = delete;

  const CgroupTree& tree() const { return tree_; }
  /// A container is about to start, or was found again: makes the groups above it and returns its own.
  std::string enter(const ContainerId& container, const GroupMember& member);
  /// A container's group; empty if it did not enter.
  std::string group_of(const ContainerId& container) const;
  struct Entry {
    ContainerId container;
    ReplicaId replica;
    std::string ns;
    std::string group;
  };
  /// Absent if it did not enter.
  std::optional<GroupMember> member(const ContainerId& container) const;
  /// The container's group, unless another container is in it too; empty then.
  std::string own_group_of(const ContainerId& container) const;
  /// Every container that is in.
  std::vector<Entry> members() const;
  /// A container is gone: removes its group, and those above it that are empty now.
  void leave(const ContainerId& container);
  /// To be called now and then: removes groups of nobody that were empty at the last call too. An OCI runtime
  /// whose container was given up, and an agent that was killed, can leave some.
  void sweep();

 private:
  bool shared(const ContainerId& container, const std::string& group) const;
  void make_namespace(const std::string& ns);
  void remove_above(const std::string& of_namespace);
  void make_top();
  bool alone();
  void apply(const std::string& group, const std::vector<GroupSetting>& settings);
  void complain(const std::string& text);

  const CgroupTree tree_;
  const std::string parent_;
  const Resources bounds_;
  const std::string tag_;

  mutable std::mutex mutex_;
  std::map<ContainerId, GroupMember> members_;
  std::set<std::string> idle_;  ///< at the last sweep
  /// The last settings written, by group: they are not written again.
  std::map<std::string, std::vector<GroupSetting>> written_;
  /// Holds a shared lock on the top group's folder: how agents of one machine see each other. -1: none.
  int lock_ = -1;
  std::set<std::string> complaints_;
};

}  // namespace cloudless::runtime
