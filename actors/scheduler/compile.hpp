// From workloads and nodes to the engine's numbers: keeps an engine in step with a model and asks it. Rules
// become attributes of nodes, "who is where" becomes groups, a version's replicas become a class. Pure.
// Always: the engine's answer is the one that object_scheduler's loop over all nodes gives.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/scheduler/demand.hpp"
#include "actors/scheduler/engine/engine.hpp"
#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/model.hpp"

namespace cloudless::scheduler {

/// A node for a replica.
struct Pick {
  NodeId node;
  std::int32_t score = 0;
  std::vector<std::uint8_t> gpus;  ///< indices that the replica gets
  bool operator==(const Pick&) const = default;
};

class Compiled {
 public:
  /// The model must outlive it.
  explicit Compiled(Model& model);

  /// The best node for one more replica of this one's version; absent: none fits. The replica is known to
  /// the model, and pending.
  std::optional<Pick> best(const ReplicaSlot& slot, Millis now);

  /// How often the engine was built anew.
  std::uint64_t builds() const { return builds_; }

 private:
  using NodeOrder = std::pair<std::uint64_t, NodeId>;  // ordinal, id
  /// A rule that a node meets or not, whoever asks.
  struct Fact {
    engine::AttributeId attribute = 0;
    std::function<bool(const NodeView&)> holds;
  };
  /// A node as the engine has it.
  struct Applied {
    engine::NodeIndex index = 0;
    NodeOrder order;
    std::shared_ptr<const Node> node;
    std::map<engine::GroupId, std::uint32_t> counts;
    std::set<std::string> images;
  };
  /// Workloads of a namespace that one of the selectors selects, or whose replicas keep those away.
  struct Selection {
    std::string ns;
    std::vector<Labels> selectors;
    auto operator<=>(const Selection&) const = default;
  };
  struct GuardKey {
    std::string ns;
    Labels selector;
    Topology topology = Topology::node;
    auto operator<=>(const GuardKey&) const = default;
  };
  struct Class {
    engine::ClassId id = 0;
    std::uint64_t rules = 0, facts = 0;
    std::optional<Millis> until;  // when a back-off ends
  };

  void build();
  void follow();
  bool follow_node(const NodeId& id);
  bool follow_live(const NodeId& id, const WorkloadUid& uid);
  void follow_record(Applied& applied, const NodeView& view, bool is_new);
  void follow_counts(Applied& applied, const NodeView& view);
  void follow_images(Applied& applied, const NodeView& view);
  bool crowded() const;
  void forget_node(const NodeId& id);
  engine::NodeRow row_of(const NodeView& view);
  engine::ZoneIndex zone_index(const Node& node);

  engine::ClassId class_of(const ReplicaSlot& slot, Millis now);
  engine::ClassSpec spec_of(const Demand& demand);
  void add_conditions(const Demand& demand, engine::ClassSpec& spec);
  void add_company(const Demand& demand, engine::ClassSpec& spec);
  void add_wishes(const Demand& demand, engine::ClassSpec& spec);
  engine::AttributeId fact(const std::string& key, std::function<bool(const NodeView&)> holds);
  engine::AttributeId filter_fact(Filter filter, const std::string& key,
                                  const std::shared_ptr<const Ask>& ask);
  engine::AttributeId image_fact(const std::string& image);
  engine::AttributeId failed_fact(const Demand& demand);
  engine::GroupId own_group(const WorkloadUid& uid);
  engine::GroupId selection_group(Selection selection);
  engine::GroupId guard_group(const GuardKey& key);
  engine::GroupId port_group(const HostPort& port);
  void count(engine::GroupId group, const NodeId& node, std::uint32_t replicas);
  const std::vector<engine::GroupId>& groups_of(const WorkloadUid& uid);
  const std::vector<engine::GroupId>& guard_groups_of(const VersionKey& key);

  Model& model_;
  std::unique_ptr<engine::Engine> engine_;
  std::uint64_t builds_ = 0;
  std::map<NodeId, Applied> applied_;
  std::map<NodeOrder, engine::NodeIndex> order_;
  std::vector<NodeId> by_index_;
  std::map<ZoneKey, engine::ZoneIndex> zones_;
  std::vector<ZoneKey> zone_names_;  // by index
  std::map<std::string, engine::RegionIndex> regions_;
  std::map<std::string, Fact> facts_;
  std::map<std::string, engine::AttributeId> images_;
  std::map<std::string, std::set<engine::NodeIndex>> nodes_with_image_;
  std::map<VersionKey, std::pair<engine::AttributeId, std::set<NodeId>>> failed_;
  std::map<WorkloadUid, engine::GroupId> own_;
  std::map<Selection, engine::GroupId> selections_;
  std::map<GuardKey, engine::GroupId> guards_;
  std::map<HostPort, engine::GroupId> ports_;
  std::map<WorkloadUid, std::vector<engine::GroupId>> groups_of_;
  std::map<VersionKey, std::vector<engine::GroupId>> guard_groups_of_;
  std::uint64_t rules_seen_ = 0;
  std::map<VersionKey, Class> classes_;
  std::uint32_t asking_nodes_ = 0;  // with a PREFER_NO_SCHEDULE taint
  std::uint64_t facts_epoch_ = 0;   // moves with zones, and with whether nodes only ask
};

}  // namespace cloudless::scheduler
