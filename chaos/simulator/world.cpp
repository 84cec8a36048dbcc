#include "chaos/simulator/world.hpp"

#include <algorithm>
#include <utility>

#include "chaos/simulator/amid.hpp"

namespace cloudless::sim {
namespace {

constexpr int kMachines = 4;
constexpr std::size_t kBalancers = 3;
constexpr Millis kBootAgain = 400;

NodeDescription description(int number) {
  NodeDescription d;
  d.id = NodeId{"node-" + std::to_string(number)};
  d.machine_uid = "machine-" + std::to_string(number);
  d.region = "here";
  d.zone = number % 2 == 0 ? "zone-a" : "zone-b";
  d.allocatable = Resources{800, std::int64_t{512} << 20, std::int64_t{1} << 30, 0, 0};
  if (number <= 2) d.allocatable.gpu_count = 2;
  if (number == 3) d.cpu_overcommit_percent = 150;
  d.capacity = d.allocatable;
  d.agent_version = "simulated";
  return d;
}

/// SQLite on the simulated disk costs more: every fourth run has it.
Coordinator::Disk disk_of(std::uint64_t seed) {
  return seed % 4 == 0 ? Coordinator::Disk::sqlite : Coordinator::Disk::memory;
}

struct ObservedImage {
  ReplicaId replica;
  std::string digest;
};

bool notes_a_link_only(const Snapshot& before, const Commit& commit) {
  return std::all_of(commit.changes.begin(), commit.changes.end(), [&](const Change& change) {
    const auto* now = change.record ? std::get_if<std::shared_ptr<const Node>>(&*change.record) : nullptr;
    const auto old = now != nullptr ? before.node(NodeId{change.key.id}) : nullptr;
    if (!old) return false;
    Node noted = *old;
    noted.link_rtt_ms = (*now)->link_rtt_ms;
    noted.revision = (*now)->revision;
    noted.schedulable_revision = (*now)->schedulable_revision;
    return noted == **now;
  });
}

std::string tainted(const Node& node) {
  std::string out;
  for (const auto& taint : node.taints) out += " tainted:" + taint.key;
  return out;
}

std::string in_words(const Change& change) {
  std::string out = change.key.id;
  if (!change.record) return out + " erased";
  if (const auto* r = std::get_if<std::shared_ptr<const Replica>>(&*change.record))
    out +=
        std::string(" v") + std::to_string((*r)->version) + " " + to_string((*r)->phase) + " a" +
        std::to_string((*r)->attempt) + " " + (*r)->node.value + ((*r)->ready ? " ready" : "") +
        ((*r)->stop_requested() ? std::string(" stop:") + to_string((*r)->stop) : "") +
        ((*r)->withdrawn != StopCause::none ? std::string(" withdrawn:") + to_string((*r)->withdrawn) : "") +
        ((*r)->evict != StopCause::none ? " to be moved" : "") +
        ((*r)->reason.empty() ? "" : " (" + *(*r)->reason + ")");
  if (const auto* v = std::get_if<std::shared_ptr<const Version>>(&*change.record))
    out += " " + ((*v)->image_digest.empty() ? "not pinned" : "is " + (*v)->image_digest) +
           ((*v)->proven ? " proven" : "");
  if (const auto* w = std::get_if<std::shared_ptr<const Workload>>(&*change.record))
    out += " " + (*w)->name + " v" + std::to_string((*w)->version) + " x" +
           std::to_string((*w)->spec.replicas) + ((*w)->deleted ? " deleted" : "") +
           ((*w)->serving_version != 0 ? " serves v" + std::to_string((*w)->serving_version) : "");
  if (const auto* r = std::get_if<std::shared_ptr<const Rollout>>(&*change.record))
    out += std::string(" ") + to_string((*r)->cause) + " v" + std::to_string((*r)->from_version) + " -> v" +
           std::to_string((*r)->to_version) + " " + to_string((*r)->state) + ((*r)->paused ? " paused" : "") +
           ((*r)->promoted ? " promoted" : "") + ((*r)->reason.empty() ? "" : " (" + (*r)->reason + ")");
  if (const auto* n = std::get_if<std::shared_ptr<const Node>>(&*change.record))
    out += std::string(" ") + to_string((*n)->state) + " incarnation " + std::to_string((*n)->incarnation) +
           ((*n)->cordoned ? " cordoned" : "") + ((*n)->draining ? " draining" : "") + tainted(**n);
  return out;
}

}  // namespace

World::World(std::uint64_t seed, bool print_trace, Scenario scenario)
    : stage_(seed, print_trace),
      truth_([this](const Snapshot& before, const Commit& commit,
                    const Snapshot& after) { on_commit(before, commit, after); },
             [this](Breach breach) { stage_.broken(std::move(breach)); }),
      customers_(seed + 11, scenario),
      coordinator_(stage_, truth_, acknowledged_, disk_of(seed), seed + 12),
      balancers_(stage_, seed + 14, scenario == Scenario::rollout ? kBalancers : 0) {
  // Every second question for a tag is followed by a push: two nodes seldom get the same answer.
  const auto registry = std::make_shared<runtime::SimulatedRegistry>(seed + 13, 500'000);
  for (int i = 1; i <= kMachines; ++i)
    machines_.push_back(std::make_unique<Machine>(stage_, description(i),
                                                  seed * 100 + static_cast<std::uint64_t>(i), registry));
  boot();
  for (auto& machine : machines_) machine->start();
}

World::~World() {
  coordinator_.crash();
  for (auto& machine : machines_) machine->crash();
  stage_.drain(100'000);
}

void World::on_commit(const Snapshot& before, const Commit& commit, const Snapshot& after) {
  std::string words;
  for (const auto& change : commit.changes) words += (words.empty() ? "" : "; ") + in_words(change);
  stage_.note("commit " + std::to_string(commit.revision) + ": " + words);
  stage_.coverage().see(before, commit);
  if (!notes_a_link_only(before, commit)) ++moves_;
  for (auto& breach : balancers_.check(before, commit)) stage_.broken(std::move(breach));
  for (const auto& change : commit.changes)
    if (change.key.kind == RecordKind::workload && change.record)
      if (const auto old = before.workload(WorkloadUid{change.key.id}))
        acknowledged_.written(*old, *std::get<std::shared_ptr<const Workload>>(*change.record));
  for (const auto& breach : checker_.check(before, commit, after)) stage_.broken(breach);
  for (const auto& breach : turnover_.check(before, commit, after)) stage_.broken(breach);
  look_at_ready(before, commit, after);
  meddle(commit);
  strike(before, commit);
}

void World::boot() {
  boots_later_ = false;
  if (coordinator_.up()) return;
  if (!coordinator_.boot()) {
    stage_.note("the coordinator cannot boot");
    coordinator_.fill_disk(false);
    boots_later_ = true;
    stage_.after(kBootAgain, [this] { boot(); });
    return;
  }
  stage_.note("the coordinator boots at revision " + std::to_string(truth_.view().revision()));
  for (auto& machine : machines_) machine->wire().set_door(coordinator_.door());
  balancers_.connect(coordinator_);
}

void World::restart_coordinator(Millis down) {
  if (!coordinator_.up()) return;
  stage_.note("the coordinator ends");
  for (auto& machine : machines_) {
    machine->wire().set_door(door_actor{});
    machine->wire().cut();
  }
  coordinator_.crash();
  boots_later_ = true;
  stage_.after(down, [this] { boot(); });
}

void World::restart_coordinator_amid(const char* step, Millis down) {
  strike_amid_ = step;
  down_after_strike_ = down;
}

/// Before, while or after others hear of the commit.
void World::strike(const Snapshot& before, const Commit& commit) {
  if (strike_amid_ == nullptr || peace_ || !takes_step(strike_amid_, before, commit)) return;
  stage_.coverage().count(std::string("coordinator crash amid: ") + strike_amid_);
  strike_amid_ = nullptr;
  stage_.after(stage_.dice().between(0, 40), [this] { restart_coordinator(down_after_strike_); });
}

void World::restart_agent(Machine& machine, Millis down) {
  if (!machine.up()) return;
  machine.crash();
  stage_.after(down, [this, &machine] {
    if (!gone_.contains(machine.id())) machine.start();
  });
}

void World::command() {
  submit(customers_.next(truth_.view()));
}

void World::open_a_node() {
  if (const auto command = customers_.open_node(truth_.view())) submit(*command);
}

void World::submit(const AnyCommand& command) {
  if (const auto* written = std::get_if<WorkloadCommand>(&command)) {
    stage_.coverage().count("command: " + written->context.method);
    stage_.note("command " + written->context.method + " " +
                std::visit([](const auto& action) { return action.name; }, written->action));
  } else {
    stage_.coverage().count("command: " + std::get<NodeCommand>(command).context.method);
    stage_.note("command " + std::get<NodeCommand>(command).context.method);
  }
  coordinator_.submit(command, [this](const WorkloadCommand& lost) { customers_.unanswered(lost); });
}

/// Where replicas are about to be placed or stopped, a node that changes at the same moment does the most
/// harm.
void World::meddle(const Commit& commit) {
  bool births = false;
  for (const auto& change : commit.changes)
    if (const auto* r =
            change.record ? std::get_if<std::shared_ptr<const Replica>>(&*change.record) : nullptr)
      births = births || (*r)->phase == Phase::pending || (*r)->is_leaving();
  if (!births || peace_ || !stage_.dice().once_in(3)) return;
  stage_.after(stage_.dice().between(0, 40), [this] {
    if (!peace_ && !truth_.view().nodes().empty()) submit(customers_.on_node(truth_.view()));
  });
}

Running World::running() const {
  Running out;
  for (const auto& machine : machines_) {
    if (gone_.contains(machine->id())) continue;
    auto& replicas = out[machine->id()];
    for (const auto& container : machine->runtime().containers())
      if (container.running) replicas.push_back(container.replica);
  }
  return out;
}

void World::after_step() {
  if (coordinator_.must_restart() && !boots_later_) restart_coordinator(stage_.dice().between(0, 500));
  std::uint64_t starts = 0;
  for (const auto& machine : machines_) starts += machine->runtime().starts();
  if (starts != starts_) look_at_containers();
  starts_ = starts;
}

void World::look_at_containers() {
  std::map<ReplicaId, NodeId> place;
  for (const auto& [node, replicas] : running())
    for (const auto& id : replicas)
      if (const auto [other, fresh] = place.emplace(id, node); !fresh)
        stage_.broken(
            {"a replica runs once", id.value + " on " + node.value + " and " + other->second.value});
  look_at_images();
}

void World::look_at_images() {
  std::map<std::pair<WorkloadUid, std::uint64_t>, ObservedImage> first;
  for (const auto& machine : machines_) {
    for (const auto& container : machine->runtime().containers()) {
      const auto replica = truth_.view().replica(container.replica);
      if (!container.running || !replica) continue;
      const ObservedImage image{container.replica, container.image_digest};
      const auto& seen = first.try_emplace({replica->workload, replica->version}, image).first->second;
      if (seen.digest != image.digest)
        stage_.broken({"all replicas of a version run the same bytes",
                       image.replica.value + " runs " + image.digest + ", " + seen.replica.value + " runs " +
                           seen.digest});
    }
  }
}

/// What the control plane calls ready said so itself, if it has a readiness probe.
void World::look_at_ready(const Snapshot& before, const Commit& commit, const Snapshot& after) {
  for (const auto& change : commit.changes) {
    if (change.key.kind != RecordKind::replica || !change.record) continue;
    const auto& now = *std::get<std::shared_ptr<const Replica>>(*change.record);
    const auto old = before.replica(now.id);
    const auto version = after.version(now.workload, now.version);
    if (!now.ready || !version || !version->pod.readiness) continue;
    if (old && old->ready && old->container == now.container) continue;
    stage_.coverage().count("replica became ready by its probe");
    for (const auto& machine : machines_)
      if (machine->id() == now.node && !machine->probes().was_ready(now.container))
        stage_.broken({"a replica is ready when its probe says so", now.id.value + " on " + now.node.value});
  }
}

void World::heal() {
  stage_.note("peace");
  peace_ = true;
  coordinator_.fill_disk(false);
  coordinator_.fail_power_after(UINT64_MAX);
  coordinator_.set_slowest(kQuickDisk);
  balancers_.make_peace();
  if (!coordinator_.up() && !boots_later_) boot();
  if (stage_.dice().once_in(4)) lose(*machines_[stage_.dice().below(machines_.size())]);
  for (auto& machine : machines_) {
    if (gone_.contains(machine->id())) continue;
    machine->start();
    machine->wire().set_silent(false);
    machine->wire().set_faults({});
    machine->disk().set_full(false);
    machine->runtime().set_away(false);
    machine->runtime().set_failure_ppm(0);
  }
}

void World::lose(Machine& machine) {
  stage_.note(machine.id().value + " is gone for good");
  stage_.coverage().count("fault: machine gone for good");
  gone_.insert(machine.id());
  machine.crash();
  machine.runtime().reboot();
}

}  // namespace cloudless::sim
