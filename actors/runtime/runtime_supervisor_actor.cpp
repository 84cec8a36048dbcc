#include "actors/runtime/runtime_supervisor_actor.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "actors/runtime/assignment_book.hpp"
#include "actors/runtime/assignment_file.hpp"
#include "actors/runtime/reconcile.hpp"
#include "actors/runtime/replica_runner_actor.hpp"
#include "actors/runtime/report_outbox.hpp"
#include "actors/runtime/session_desk.hpp"
#include "actors/runtime/usage_actor.hpp"
#include "messages/codec/agent_state.hpp"

namespace cloudless::runtime {
namespace {

constexpr Millis kDiskRetry = 2000;
/// How long a set that nobody waits for stays in memory only.
constexpr Millis kSaveDelay = 100;
/// How often the runtime is asked whether it answers; after a failure sooner.
constexpr Millis kPingInterval = 5000;
/// Failures in a row after which it counts as away: one may be a restart that nobody notices.
constexpr int kPingsMissed = 2;

/// What the supervisor hears from its ports and from itself.
struct Flush {};
struct Sweep {};
struct SaveAgain {};
struct Loaded {
  Result<std::string> bytes;
};
struct Saved {
  Result<Nothing> result;
};
struct Listed {
  Result<std::vector<ObservedContainer>> containers;
};
struct Ping {};
struct Pinged {
  Result<Nothing> result;
};
using Event = std::variant<Flush, Sweep, SaveAgain, Loaded, Saved, Listed, Ping, Pinged>;

}  // namespace

using SupervisorEventPtr = std::shared_ptr<const Event>;

}  // namespace cloudless::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::SupervisorEventPtr)

namespace cloudless::runtime {
namespace {

/// Its public interface, and INTERNAL: news of its runners, events of its ports and timers.
using supervisor = runtime_supervisor_actor::extend_with<
    ActorOf<caf::result<void>(RunnerNewsPtr), caf::result<void>(SupervisorEventPtr)>>;

class SupervisorState {
 public:
  static inline const char* name = "runtime_supervisor";
  explicit SupervisorState(supervisor::pointer self) : self_(self) {}

  supervisor::behavior_type behave(SupervisorParts parts, SupervisorSettings settings) {
    parts_.emplace(parts);
    sweep_ = settings.sweep;
    book_.node = settings.node;
    book_.accept_cluster = settings.accept_cluster;
    outbox_.emplace(settings.node);
    desk_.emplace(self_->system(), parts.runtime, parts.logs, settings.sessions);
    usage_ = spawn_usage(self_->system(), parts.runtime, parts.clock, settings.node, settings.usage_interval);
    self_->link_to(usage_);  // they end together, also when this one is killed
    self_->set_down_handler([this](caf::down_msg& down) { desk_->ended(down.source); });
    self_->set_exit_handler([this](caf::exit_msg& message) { leave(message.reason); });
    parts.disk.load([feed = feed()](Result<std::string> bytes) { feed(Loaded{std::move(bytes)}); });
    ask_for_list();
    on(Ping{});
    return {
        [this](attach_atom, const agent_link_actor& link) -> caf::result<SetOnDisk> { return attach(link); },
        [this](const LinkUp& up) { link_up(up); },
        [this](const LinkDown&) { link_down(); },
        [this](const Carried<AssignmentSet>& set) { take_set(*set); },
        [this](const Carried<ReportAck>& ack) { outbox_->acknowledge(*ack); },
        [this](const Carried<SessionFrame>& frame) {
          if (link_) take_session(*frame, caf::actor_cast<session_sink_actor>(link_), true);
        },
        [this](const Carried<SessionFrame>& frame, const session_sink_actor& sink) {
          take_session(*frame, sink, false);
        },
        [this](const RunnerNewsPtr& news) { take_news(*news); },
        [this](const SupervisorEventPtr& event) {
          std::visit([this](const auto& happened) { on(happened); }, *event);
        },
    };
  }

 private:
  // The link.

  caf::result<SetOnDisk> attach(const agent_link_actor& link) {
    link_ = link;
    self_->send(link_, machine());
    if (loaded_) return on_disk();
    auto promise = self_->make_response_promise<SetOnDisk>();
    attaching_.push_back(promise);
    return promise;
  }

  /// An agent that is to take another cluster's set asks for it by having none: no cluster would welcome
  /// another's.
  SetOnDisk on_disk() const {
    if (book_.accept_cluster) return {};
    return {durable_cluster_, durable_.revision};
  }

  void link_up(const LinkUp& up) {
    outbox_->link_up(up.incarnation);
    flush();
  }

  void link_down() {
    outbox_->link_down();
    desk_->cancel_all(true);
  }

  // Assignment sets, and the disk.

  void take_set(const AssignmentSet& incoming) {
    if (!loaded_) return;
    auto taken = runtime::take_set(book_, incoming);
    if (!taken) {
      // Changes to another base are everyday: the lease tells the coordinator what is held.
      const auto level = taken.error().code == Errc::aborted ? spdlog::level::debug : spdlog::level::warn;
      spdlog::log(level, "{}", taken.error().message);
      return;
    }
    if (incoming.full) book_.accept_cluster = false;
    const bool same = *taken == durable_ && taken->cluster_id == durable_cluster_ && !saving_ && !unsaved_;
    book_.cluster_id = taken->cluster_id;
    book_.set = std::move(*taken);
    if (!same) is_urgent(durable_, book_.set) ? save() : save_soon();
    // Not after the disk: what is done early is not reported before the set is durable (publish), and a
    // container is found again by its labels.
    const bool first = !std::exchange(set_arrived_, true);
    reconcile_now();
    // The list may be older than the set: containers whose start an earlier agent asked for may have come
    // since.
    if (first) ask_for_list();
  }

  /// What nobody waits for goes to the disk when the starts that came with it no longer want it.
  void save_soon() {
    unsaved_ = true;
    later(kSaveDelay, SaveAgain{});
  }

  void save() {
    unsaved_ = true;
    if (saving_ || !loaded_) return;
    unsaved_ = false;
    saving_ = true;
    AgentState state{book_.cluster_id, book_.set, {}};
    recording_.clear();
    for (const auto& [replica, progress] : progress_) {
      state.progress.push_back(progress);
      recording_.emplace_back(replica, progress.ended_attempts);
    }
    in_flight_ = {book_.cluster_id, book_.set};
    parts_->disk.save(frame_agent_file(codec::encode(state)),
                      [feed = feed()](Result<Nothing> result) { feed(Saved{std::move(result)}); });
  }

  void on(const Saved& saved) {
    saving_ = false;
    note_disk(saved.result);
    if (!saved.result) {
      unsaved_ = true;
      return later(kDiskRetry, SaveAgain{});
    }
    const bool moved =
        in_flight_.set.revision != durable_.revision || in_flight_.cluster_id != durable_cluster_;
    durable_cluster_ = std::move(in_flight_.cluster_id);
    durable_ = std::move(in_flight_.set);
    if (moved && link_) self_->send(link_, on_disk());
    for (const auto& [replica, ended] : recording_) tell_runner(replica, input::Recorded{ended});
    publish_held();
    if (unsaved_) save();
  }

  /// Of replicas nothing new may be said while the disk does not know it; of the machine this much may.
  void note_disk(const Result<Nothing>& written) {
    if (disk_writable_ == written.has_value()) return;
    disk_writable_ = written.has_value();
    if (disk_writable_)
      spdlog::info("the assignment set is on disk again");
    else
      spdlog::error("the assignment set is not on disk, so nothing new is reported: {}",
                    written.error().message);
    tell_of_machine();
  }

  void on(const SaveAgain&) {
    if (unsaved_) save();
  }

  void on(const Loaded& loaded) {
    loaded_ = true;
    if (loaded.bytes)
      restore(*loaded.bytes);
    else if (loaded.bytes.error().code != Errc::not_found)
      spdlog::error("{}", loaded.bytes.error().message);
    for (auto& promise : attaching_) promise.deliver(on_disk());
    attaching_.clear();
    reconcile_now();
  }

  void restore(const std::string& bytes) {
    AgentState state;
    auto payload = unframe_agent_file(bytes);
    if (!payload || !codec::decode(*payload, state)) {
      spdlog::error("{}; containers are left alone until the coordinator sends a set",
                    payload ? "the agent's state file cannot be read" : payload.error().message);
      return;
    }
    durable_cluster_ = book_.cluster_id = state.cluster_id;
    durable_ = book_.set = std::move(state.set);
    for (const auto& assignment : durable_.assignments) restored_.insert(assignment.replica);
    for (auto& progress : state.progress)
      if (restored_.contains(progress.replica)) progress_[progress.replica] = std::move(progress);
  }

  // The machine.

  void ask_for_list() {
    parts_->runtime.list(
        [feed = feed()](Result<std::vector<ObservedContainer>> seen) { feed(Listed{std::move(seen)}); });
  }

  void on(const Listed& listed) {
    if (!listed.containers) {
      if (!std::exchange(list_failing_, true))
        spdlog::warn("the containers of this machine cannot be listed: {}",
                     listed.containers.error().message);
      return sweep_after(listed_ ? sweep_ : kRuntimeRetry);
    }
    if (std::exchange(list_failing_, false))
      spdlog::info("the containers of this machine can be listed again");
    listed_ = true;
    containers_ = *listed.containers;
    reconcile_now();
    forget_logs();
    forget_volumes();
    collect_images();
    sweep_after(sweep_);
  }

  bool runtime_answers() const { return pings_missed_ < kPingsMissed; }

  MachineSeen machine() const { return {runtime_answers(), disk_writable_}; }

  void tell_of_machine() {
    if (link_) self_->send(link_, machine());
  }

  void on(const Ping&) {
    parts_->runtime.ping([feed = feed()](Result<Nothing> result) { feed(Pinged{std::move(result)}); });
  }

  void on(const Pinged& pinged) {
    const bool before = runtime_answers();
    pings_missed_ = pinged.result ? 0 : pings_missed_ + 1;
    if (runtime_answers() != before) {
      if (before)
        spdlog::warn("the container runtime does not answer: {}", pinged.result.error().message);
      else
        spdlog::info("the container runtime answers again");
      tell_of_machine();
    }
    later(pings_missed_ > 0 ? kRuntimeRetry : kPingInterval, Ping{});
  }

  void sweep_after(Millis delay) {
    if (sweep_armed_) return;
    sweep_armed_ = true;
    later(delay, Sweep{});
  }

  void on(const Sweep&) {
    sweep_armed_ = false;
    ask_for_list();
  }

  void reconcile_now() {
    if (!loaded_ || !listed_) return;
    auto todo = reconcile({book_.set, progress_, views_, containers_, restored_, set_arrived_});
    stop_runners(todo.stops);
    for (const auto& [replica, limits] : todo.limits) {
      views_[replica].limits = limits;
      tell_runner(replica, input::SetLimits{limits});
    }
    for (auto& [replica, pin] : todo.pins) {
      views_[replica].image = pin.image;
      views_[replica].access = pin.access;
      tell_runner(replica, std::move(pin));
    }
    for (const auto& replica : todo.forgotten) forget(replica);
    if (!todo.forgotten.empty()) forget_volumes();
    for (const auto& container : todo.leftovers) parts_->runtime.remove(container, [](Result<Nothing>) {});
    for (auto& spawn : todo.spawns) spawn_runner(std::move(spawn));
    // What was seen is acted on once: soon it is no longer true.
    if (set_arrived_) containers_.clear();
    std::erase_if(containers_, [this](const auto& seen) { return views_.contains(seen.replica); });
  }

  void spawn_runner(Spawn spawn) {
    const ReplicaId replica = spawn.assignment.replica;
    RunnerView view;
    view.stop = spawn.assignment.stop;
    view.limits = spawn.assignment.limits;
    view.image = spawn.assignment.image;
    view.access = spawn.assignment.access;
    views_[replica] = view;
    restored_.erase(replica);
    auto runner = spawn_replica_runner(self_->system(), caf::actor_cast<runner_news_actor>(supervisor{self_}),
                                       parts_->runtime, parts_->probes, parts_->clock,
                                       make_life(std::move(spawn.assignment), spawn.progress));
    runners_[replica] = runner;
    self_->send(runner, std::make_shared<const Input>(std::move(spawn.first)));
  }

  void stop_runners(const std::vector<std::pair<ReplicaId, StopCause>>& stops) {
    for (const auto& [replica, cause] : stops) {
      views_[replica].stop = cause;
      tell_runner(replica, input::Stop{cause});
    }
  }

  void tell_runner(const ReplicaId& replica, Input input) {
    auto found = runners_.find(replica);
    if (found != runners_.end()) self_->send(found->second, std::make_shared<const Input>(std::move(input)));
  }

  void forget(const ReplicaId& replica) {
    views_.erase(replica);
    reports_.erase(replica);
    held_.erase(replica);
    progress_.erase(replica);
    outbox_->forget(replica);
  }

  void forget_logs() {
    std::vector<ContainerId> keep;
    for (const auto& [replica, report] : reports_) keep.push_back(report.container);
    parts_->runtime.forget_logs(keep);
  }

  /// Volumes of replicas that the set names, or that still have a runner, stay; before a set of our own
  /// cluster has come it is not known which those are.
  void forget_volumes() {
    if (!set_arrived_) return;
    std::vector<ReplicaId> keep;
    for (const auto& assignment : book_.set.assignments) keep.push_back(assignment.replica);
    for (const auto& [replica, view] : views_) keep.push_back(replica);
    parts_->runtime.forget_volumes(keep);
  }

  void collect_images() {
    // Without a set of our own cluster nobody knows what replicas need.
    if (!set_arrived_) return;
    std::vector<ImageRequest> keep;
    for (const auto& assignment : book_.set.assignments)
      keep.push_back({assignment.pod.image, assignment.pod.pull_policy, assignment.image.digest, {}});
    parts_->runtime.collect_images(std::move(keep));
  }

  // Reports.

  void take_news(const RunnerNews& news) {
    const ReplicaId& replica = news.report.replica;
    auto view = views_.find(replica);
    if (view == views_.end()) return;
    view->second.container = news.report.container;
    view->second.over = news.over;
    if (!news.hidden) reports_[replica] = news.report;
    if (news.record) {
      progress_[replica] = *news.record;
      save();
    }
    if (news.over) runners_.erase(replica);
    if (!news.hidden) publish(replica);
    desk_->replica_moved({replica, news.report.container, news.report.attempt, news.over});
    if (news.over) reconcile_now();
  }

  const Assignment* find_assignment(const AssignmentSet& set, const ReplicaId& replica) const {
    for (const auto& assignment : set.assignments)
      if (assignment.replica == replica) return &assignment;
    return nullptr;
  }

  /// A replica is reported once the disk knows of it, and that it stops once the disk knows that it should:
  /// what a restarted agent does must not contradict what was said.
  void publish(const ReplicaId& replica) {
    auto report = reports_.find(replica);
    const bool wanted = find_assignment(book_.set, replica) != nullptr;
    if (report == reports_.end() || !wanted) {
      held_.erase(replica);
      return;
    }
    const Assignment* durable = find_assignment(durable_, replica);
    const bool stops = report->second.phase == Phase::stopping || report->second.phase == Phase::stopped;
    if (!durable || (stops && durable->stop == StopCause::none)) {
      held_.insert(replica);
      return;
    }
    held_.erase(replica);
    outbox_->put(report->second, parts_->clock.steady());
    flush();
  }

  void publish_held() {
    for (const auto& replica : std::set<ReplicaId>{held_}) publish(replica);
  }

  void flush() {
    const auto due = outbox_->next_due();
    if (due) flush_at(std::max(*due, parts_->clock.steady()));
  }

  void flush_at(Millis at) {
    if (flush_at_ && *flush_at_ <= at) return;
    flush_at_ = at;
    later(at - parts_->clock.steady(), Flush{});
  }

  void on(const Flush&) {
    flush_at_.reset();
    for (auto& report : outbox_->take_due(parts_->clock.steady()))
      if (link_) self_->send(link_, Carried<NodeReport>{std::move(report)});
    flush();
  }

  // Sessions.

  SessionTarget find_target(const ReplicaId& replica, const ContainerId& container) const {
    for (const auto& [id, report] : reports_)
      if (replica.empty() ? report.container == container : id == replica)
        return {id, report.container, report.attempt, views_.at(id).over};
    return {replica, {}, 0, !is_awaited(replica, container)};
  }

  /// Assigned, and either nothing of it has begun or the container that an agent before this one started is
  /// not taken over yet: whoever follows it waits.
  bool is_awaited(const ReplicaId& replica, const ContainerId& container) const {
    if (!replica.empty()) return views_.contains(replica) || find_assignment(book_.set, replica) != nullptr;
    return std::any_of(book_.set.assignments.begin(), book_.set.assignments.end(), [&](const Assignment& a) {
      const auto report = reports_.find(a.replica);
      return (report == reports_.end() || report->second.container.empty()) &&
             container.value.starts_with(container_prefix(a.replica));
    });
  }

  template <class Query>
  SessionTarget target_of(const Query& query) const {
    return find_target(query.replica, query.container);
  }
  SessionTarget target_of(const UsageQuery&) const { return {}; }

  template <class Query>
  static std::string name_of(const Query& query) {
    return query.replica.empty() ? query.container.value : query.replica.value;
  }
  static std::string name_of(const UsageQuery&) { return {}; }

  void take_session(const SessionFrame& frame, const session_sink_actor& sink, bool over_link) {
    const auto* open = std::get_if<SessionOpen>(&frame.body);
    if (!open) return desk_->pass_on(frame);
    if (std::holds_alternative<UsageQuery>(open->query))
      return self_->send(usage_, std::make_shared<const UsageSession>(UsageSession{frame.session, sink}));
    const SessionTarget target = std::visit([this](const auto& q) { return target_of(q); }, open->query);
    const auto refuse = [&](Error error) {
      self_->send(sink, Carried<SessionFrame>{SessionFrame{frame.session, SessionEnd{std::move(error)}}});
    };
    if (!std::holds_alternative<LogQuery>(open->query)) {
      const std::string named = std::visit([](const auto& q) { return name_of(q); }, open->query);
      if (target.container.empty() && (!listed_ || !target.over))
        return refuse(
            {Errc::unavailable, named + " has no container on node " + book_.node.value + " yet", {}});
      if (target.container.empty())
        return refuse({Errc::not_found, "nothing of " + named + " runs on node " + book_.node.value, {}});
      if (target.over) return refuse({Errc::failed_precondition, named + " does not run any more", {}});
    }
    auto opened = desk_->open(frame.session, *open, target, sink, over_link);
    if (opened) return self_->monitor(*opened);
    // A repeated opening is no news.
    if (opened.error().code != Errc::already_exists) refuse(std::move(opened.error()));
  }

  // Itself.

  /// Feeds an event to this actor from any thread; dropped when it is gone.
  std::function<void(Event)> feed() {
    return [target = caf::weak_actor_ptr{self_->ctrl()}](Event event) {
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
        caf::anon_send(caf::actor_cast<supervisor>(alive), std::make_shared<const Event>(std::move(event)));
    };
  }

  void later(Millis delay, Event event) {
    auto what = std::make_shared<const Event>(std::move(event));
    // At once is not a matter for the clock's thread, which would have to be woken.
    if (delay <= 0) return self_->send(self_, std::move(what));
    self_->delayed_send(self_, std::chrono::milliseconds(delay), std::move(what));
  }

  void leave(const caf::error& reason) {
    desk_->cancel_all(false);
    self_->send_exit(usage_, caf::exit_reason::user_shutdown);
    for (const auto& [replica, runner] : runners_) self_->send_exit(runner, caf::exit_reason::user_shutdown);
    self_->quit(reason);
  }

  struct InFlight {
    std::string cluster_id;
    AssignmentSet set;
  };

  supervisor::pointer self_;
  std::optional<SupervisorParts> parts_;
  Millis sweep_ = 0;
  agent_link_actor link_;
  std::vector<caf::typed_response_promise<SetOnDisk>> attaching_;

  AssignmentBook book_;          ///< what is accepted
  std::string durable_cluster_;  ///< what is on the disk
  AssignmentSet durable_;
  std::map<ReplicaId, ReplicaProgress> progress_;
  bool loaded_ = false;
  bool saving_ = false;
  bool unsaved_ = false;
  bool disk_writable_ = true;  ///< the last save succeeded
  InFlight in_flight_;
  std::vector<std::pair<ReplicaId, std::uint32_t>> recording_;

  int pings_missed_ = 0;
  bool listed_ = false;
  bool list_failing_ = false;
  bool sweep_armed_ = false;
  bool set_arrived_ = false;  ///< the book's set came from the coordinator in this process
  std::vector<ObservedContainer> containers_;
  std::set<ReplicaId> restored_;
  std::map<ReplicaId, RunnerView> views_;
  std::map<ReplicaId, replica_runner_actor> runners_;

  std::map<ReplicaId, ReplicaReport> reports_;
  std::set<ReplicaId> held_;
  std::optional<ReportOutbox> outbox_;
  std::optional<Millis> flush_at_;
  std::optional<SessionDesk> desk_;
  usage_actor usage_;
};

}  // namespace

runtime_supervisor_actor spawn_supervisor(caf::actor_system& system, SupervisorParts parts,
                                          SupervisorSettings settings) {
  return system.spawn(
      [](supervisor::stateful_pointer<SupervisorState> self,
         const std::shared_ptr<const SupervisorParts>& with,
         const std::shared_ptr<const SupervisorSettings>& how) { return self->state.behave(*with, *how); },
      std::make_shared<const SupervisorParts>(parts),
      std::make_shared<const SupervisorSettings>(std::move(settings)));
}

}  // namespace cloudless::runtime
