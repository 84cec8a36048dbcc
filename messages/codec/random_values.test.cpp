#include "messages/codec/random_values.test.hpp"

#include <array>

namespace cloudless::codec {

std::string RandomValues::from(std::string_view alphabet, std::size_t min, std::size_t max) {
  std::string out(min + below(max - min + 1), ' ');
  for (auto& c : out) c = alphabet[below(alphabet.size())];
  return out;
}

std::string RandomValues::bytes(std::size_t max) {
  std::string out(below(max + 1), ' ');
  for (auto& c : out) c = static_cast<char>(below(256));
  return out;
}

std::string RandomValues::text(std::size_t max) {
  constexpr std::array<std::string_view, 8> kPieces{"a", "Z", " ", "=", "\n", "\t", "ü", "漢"};
  std::string out;
  for (auto n = below(max + 1); n > 0; --n) out += kPieces[below(kPieces.size())];
  return out;
}

Labels RandomValues::labels() {
  Labels out;
  for (auto n = below(5); n > 0; --n) out[from("abcXYZ019._/-", 1, 63)] = from("abcXYZ019._/-", 0, 63);
  return out;
}

Error RandomValues::error() {
  return {one_of(Errc::none, Errc::data_loss), bytes(40), list(3, [&] {
            return Violation{bytes(20), bytes(20)};
          })};
}

Resources RandomValues::resources() {
  const auto amount = [&] { return static_cast<std::int64_t>(below(1ULL << 50)); };
  return {amount(), amount(), amount(), amount(), amount()};
}

Taint RandomValues::taint() {
  return {name(), coin() ? name() : "", one_of(TaintEffect::no_schedule, TaintEffect::no_execute)};
}

Volume RandomValues::volume() {
  Volume out{name(), "/" + name(), coin(), {}};
  if (coin())
    out.source = HostPath{"/" + name()};
  else
    out.source = EmptyDir{static_cast<std::int64_t>(below(1ULL << 40)), coin()};
  return out;
}

Probe RandomValues::probe() {
  Probe out;
  switch (below(4)) {
    case 0:
      out.check = ExecCheck{list(3, [&] { return text(10); })};
      break;
    case 1:
      out.check = HttpCheck{coin(), port(), "/" + name(), labels()};
      break;
    case 2:
      out.check = TcpCheck{port()};
      break;
    default:
      out.check = GrpcCheck{port(), coin() ? name() : ""};
  }
  out.initial_delay = millis();
  out.period = millis();
  out.timeout = millis();
  out.success_threshold = static_cast<std::uint32_t>(below(100));
  out.failure_threshold = static_cast<std::uint32_t>(below(100));
  return out;
}

SecurityContext RandomValues::security() {
  const auto names = [&] { return list(3, [&] { return name(); }); };
  const auto id = [&] { return static_cast<std::uint32_t>(below(4294967295)); };
  SecurityContext out;
  if (coin()) out.run_as_user = id();
  if (coin()) out.run_as_group = id();
  out.supplemental_groups = list(3, id);
  out.run_as_non_root = coin();
  out.read_only_root_filesystem = coin();
  out.capabilities_add = names();
  out.capabilities_drop = names();
  out.privileged = coin();
  if (coin()) out.seccomp = {ProfileKind::localhost, name()};
  if (coin()) out.apparmor = SecurityProfile{ProfileKind::unconfined, {}};
  if (coin()) out.selinux = name();
  out.allow_privilege_escalation = coin();
  out.sysctls = labels();
  out.host_pid = coin();
  out.host_ipc = coin();
  out.masked_paths = names();
  out.read_only_paths = names();
  return out;
}

std::vector<ProbeStatus> RandomValues::probe_statuses() {
  std::vector<ProbeStatus> out;
  for (const auto kind : {ProbeKind::startup, ProbeKind::liveness, ProbeKind::readiness})
    if (coin())
      out.push_back({kind, one_of(ProbeStanding::waiting, ProbeStanding::failing), bytes(30), millis()});
  return out;
}

std::vector<std::uint8_t> RandomValues::gpus() {
  return list(3, [&] { return static_cast<std::uint8_t>(below(64)); });
}

AssignReplica RandomValues::assign() {
  return {replica_id(), node_id(), number(), gpus()};
}

AffinityTerm RandomValues::affinity_term(bool nodes) {
  AffinityTerm out;
  out.topology = nodes ? Topology::node : one_of(Topology::node, Topology::region);
  out.required = coin();
  out.weight = 1 + static_cast<std::uint32_t>(below(100));
  if (nodes)
    out.node_expressions.push_back(
        {name(), one_of(LabelOperator::in, LabelOperator::less), list(3, [&] { return name(); })});
  else
    out.workload_selector = {{name(), name()}};
  return out;
}

Placement RandomValues::placement() {
  const auto names = [&] { return list(3, [&] { return name(); }); };
  Placement out;
  out.regions = names();
  out.zones = names();
  out.architectures = names();
  out.node_selector = labels();
  out.affinity = list(3, [&] { return affinity_term(coin()); });
  out.anti_affinity = list(3, [&] { return affinity_term(false); });
  out.tolerations = list(3, [&] {
    Toleration one{name(), name(), {}, {}};
    if (coin()) one.effect = one_of(TaintEffect::no_schedule, TaintEffect::no_execute);
    if (coin()) one.seconds = number();
    return one;
  });
  out.spread = one_of(Spread::node, Spread::none);
  if (coin()) out.max_skew = static_cast<std::uint32_t>(1 + below(1000));
  return out;
}

Scoring RandomValues::scoring() {
  const auto weight = [&] {
    return coin() ? std::optional(static_cast<std::uint32_t>(below(1001))) : std::nullopt;
  };
  return {weight(), weight(),
          weight(), weight(),
          weight(), coin() ? std::optional(one_of(Utilization::pack, Utilization::balance)) : std::nullopt};
}

Template RandomValues::pod() {
  Template out;
  out.image = name() + "/" + name() + ":" + name();
  out.command = list(4, [&] { return text(10); });
  out.args = list(4, [&] { return text(10); });
  out.env = list(4, [&] { return EnvVar{name(), text(30)}; });
  if (coin()) out.working_dir = "/" + name();
  out.requests = resources();
  out.ports = list(4, [&] {
    Port out{name(), port(), one_of(Protocol::tcp, Protocol::udp), {}};
    if (coin()) out.host_port = static_cast<std::uint16_t>(below(65536));
    return out;
  });
  out.restart.mode = one_of(RestartMode::always, RestartMode::never);
  if (coin()) out.restart.max_retries = static_cast<std::uint32_t>(below(100));
  out.restart.backoff = {millis(), millis(), millis()};
  out.pull_policy = one_of(ImagePullPolicy::always, ImagePullPolicy::never);
  out.termination_grace = millis();
  out.volumes = list(3, [&] { return volume(); });
  out.config_files = list(3, [&] {
    return ConfigFile{"/" + name(), bytes(60), static_cast<std::uint32_t>(below(010000))};
  });
  if (coin()) out.liveness = probe();
  if (coin()) out.readiness = probe();
  if (coin()) out.startup = probe();
  out.image_pull_secrets = list(2, [&] { return name(); });
  out.host_network = coin();
  if (coin()) out.runtime_class = name();
  if (coin()) out.security = security();
  if (coin()) out.placement = placement();
  return out;
}

ResourceLimits RandomValues::limits() {
  ResourceLimits out;
  if (coin()) out.cpu_millicores = static_cast<std::int64_t>(below(100000));
  if (coin()) out.memory_bytes = static_cast<std::int64_t>(below(1ULL << 50));
  if (coin()) out.storage_bytes = static_cast<std::int64_t>(below(1ULL << 50));
  out.pids = static_cast<std::int64_t>(1 + below(4194304));
  return out;
}

WorkloadSpec RandomValues::spec() {
  WorkloadSpec out;
  out.pod = pod();
  out.replicas = static_cast<std::uint32_t>(below(10001));
  out.rollout.strategy = one_of(RolloutStrategy::rolling_update, RolloutStrategy::blue_green);
  if (coin()) out.rollout.max_surge = IntOrPercent{static_cast<std::uint32_t>(below(101)), coin()};
  if (coin()) out.rollout.max_unavailable = IntOrPercent{static_cast<std::uint32_t>(below(101)), coin()};
  out.rollout.pause_duration = static_cast<Millis>(below(100000));
  out.rollout.min_ready = static_cast<Millis>(below(100000));
  out.rollout.progress_deadline = static_cast<Millis>(below(100000));
  out.rollout.auto_rollback = coin();
  if (coin()) {
    auto& canary = out.rollout.canary.emplace();
    canary.replicas = {static_cast<std::uint32_t>(below(101)), coin()};
    if (coin()) canary.promote_after = static_cast<Millis>(below(100000));
  }
  out.rollout.switch_back_window = static_cast<Millis>(below(100000));
  out.rollout.ready_timeout = static_cast<Millis>(below(100000));
  out.rollout.history_limit = static_cast<std::uint32_t>(below(101));
  if (coin()) out.rollout.min_available = static_cast<std::uint32_t>(below(3));
  out.labels = labels();
  out.annotations = labels();
  out.limits = limits();
  out.priority = static_cast<std::uint32_t>(below(1001));
  out.all_or_nothing = coin();
  if (coin()) out.scoring = scoring();
  return out;
}

Workload RandomValues::workload() {
  Workload out{uid(), name(), name(), number(), number(), spec(), millis(), millis(), number(), coin()};
  out.latest_version = std::max(out.version, number());
  out.rollout = number();
  out.serving_version = number();
  return out;
}

Version RandomValues::version() {
  return {uid(), number(), pod(), digest(), coin(), millis()};
}

Rollout RandomValues::rollout() {
  Rollout out;
  out.workload = uid();
  out.number = 1 + below(1000);
  out.cause = one_of(RolloutCause::created, RolloutCause::failed);
  out.from_version = number();
  out.to_version = number();
  out.state = one_of(RolloutState::active, RolloutState::superseded);
  out.paused = coin();
  out.promoted = coin();
  out.by = text(5);
  out.reason = bytes(40);
  out.created_at = millis();
  out.ended_at = millis();
  out.started_at = millis();
  out.progress_from = millis();
  out.switched_at = millis();
  out.mark = millis();
  return out;
}

std::vector<PublishedPort> RandomValues::published_ports() {
  return list(3, [&] {
    return PublishedPort{coin() ? name() : "", one_of(Protocol::tcp, Protocol::udp), port(), port()};
  });
}

Replica RandomValues::replica() {
  Replica out;
  out.workload = uid();
  out.ordinal = number();
  out.id = cloudless::replica_id(name(), out.workload, out.ordinal);
  out.version = number();
  out.phase = one_of(Phase::pending, Phase::lost);
  out.attempt = static_cast<std::uint32_t>(number());
  if (coin()) out.node = node_id();
  out.node_incarnation = number();
  out.report_sequence = number();
  out.stop = one_of(StopCause::none, StopCause::rebalance);
  out.ready = coin();
  out.serving = coin();
  if (coin()) out.container = container_id();
  if (coin()) out.address = "10.0.0." + std::to_string(below(256));
  if (coin()) out.exit_code = static_cast<std::int32_t>(number());
  out.reason = bytes(40);
  out.created_at = millis();
  out.started_at = millis();
  out.published_ports = published_ports();
  out.image_digest = digest();
  out.probes = probe_statuses();
  out.last_end = bytes(40);
  out.was_ready = coin();
  out.withdrawn = one_of(StopCause::none, StopCause::rebalance);
  out.running_at = millis();
  out.ready_at = millis();
  out.first_ready_at = millis();
  out.withdrawn_at = millis();
  out.ended_at = millis();
  out.gpus = gpus();
  if (coin()) out.preempted_for = replica_id();
  out.evict = one_of(StopCause::none, StopCause::rebalance);
  return out;
}

NodeDescription RandomValues::description() {
  NodeDescription out{
      node_id(), name(),      name(),      name(),           labels(), list(3, [&] { return taint(); }),
      number(),  resources(), resources(), "127.0.0.1:9092", "0.1.0",  "amd64"};
  out.runtime_classes = list(3, [&] { return name(); });
  if (coin()) out.policy = NodePolicy{{{"/" + name(), coin()}}, coin(), coin(), coin(), coin()};
  out.cpu_overcommit_percent = static_cast<std::uint32_t>(100 + below(901));
  out.memory_overcommit_percent = static_cast<std::uint32_t>(100 + below(901));
  return out;
}

Node RandomValues::node() {
  Node out;
  out.description = description();
  out.revision = number();
  out.schedulable_revision = number();
  out.incarnation = number();
  out.boot_id = number();
  out.state = one_of(NodeState::ready, NodeState::offline);
  out.cordoned = coin();
  out.labels = labels();
  out.taints = list(3, [&] { return taint(); });
  out.set_labels = labels();
  out.removed_labels = list(3, [&] { return name(); });
  out.set_taints = list(3, [&] { return taint(); });
  out.removed_taints = list(3, [&] { return name(); });
  out.reason = bytes(30);
  out.registered_at = millis();
  out.draining = coin();
  out.ordinal = number();
  out.recent_losses = static_cast<std::uint32_t>(below(10));
  out.last_lost_at = millis();
  out.link_rtt_ms = static_cast<std::uint32_t>(below(1000));
  if (coin()) out.no_execute_since[name()] = millis();
  return out;
}

Event RandomValues::event() {
  Event out{
      number(), millis(), one_of(Severity::info, Severity::warning), "Kind" + name(), name(), name(), {},
      {},       bytes(50)};
  if (coin()) out.replica = replica_id();
  if (coin()) out.node = node_id();
  return out;
}

Record RandomValues::record() {
  switch (below(9)) {
    case 7:
      return std::make_shared<const Rollout>(rollout());
    case 6:
      return std::make_shared<const Secret>(secret());
    case 0:
      return std::make_shared<const ClusterMeta>(ClusterMeta{from("0123456789abcdef", 32, 32)});
    case 1:
      return std::make_shared<const Workload>(workload());
    case 2:
      return std::make_shared<const Version>(version());
    case 3:
      return std::make_shared<const Replica>(replica());
    case 4:
      return std::make_shared<const Node>(node());
    case 5:
      return std::make_shared<const Event>(event());
    default:
      return std::make_shared<const IdempotencyRow>(
          IdempotencyRow{text(5), name(), name(), name(), bytes(32), bytes(100), millis()});
  }
}

Change RandomValues::change() {
  Change out = put(record());
  if (below(4) == 0) out.record.reset();
  return out;
}

Commit RandomValues::commit(Revision revision) {
  return {revision, list(8, [&] { return change(); })};
}

WireMessage RandomValues::wire_message() {
  if (coin()) {
    WireSnapshotPart part{number(), static_cast<std::uint32_t>(number()), coin(), {}};
    for (auto n = below(8); n > 0; --n) part.records.push_back(record());
    return part;
  }
  WireCommits out{below(1000), {}};
  for (Revision n = below(4), r = out.predecessor; n > 0; --n) out.commits.push_back(commit(++r));
  return out;
}

CommandContext RandomValues::context() {
  return {text(5), name(), name(), coin() ? name() : "", bytes(32)};
}

WorkloadCommand RandomValues::workload_command() {
  WorkloadCommand out{context(), {}};
  switch (below(6)) {
    case 4:
      out.action = MoveReplicas{name(), name(), {replica_id(), replica_id()}};
      break;
    case 3:
      out.action = ControlRollout{name(), name(), one_of(RolloutAction::pause, RolloutAction::restart),
                                  number(), number()};
      break;
    case 0:
      out.action = CreateWorkload{name(), name(), spec()};
      break;
    case 1:
      out.action = UpdateWorkload{name(), name(), spec(), coin(), number()};
      break;
    case 2:
      out.action = ScaleWorkload{name(), name(), static_cast<std::uint32_t>(below(10001)), number()};
      break;
    default:
      out.action = DeleteWorkload{name(), name(), number()};
  }
  return out;
}

RegistryCredentials RandomValues::credentials() {
  return {name() + ":5000", text(20), text(30)};
}

Secret RandomValues::secret() {
  return {name(), name(), number(), name(), bytes(100), millis(), millis()};
}

SecretCommand RandomValues::secret_command() {
  const CommandContext who{text(5), "PutSecret", name(), {}, {}};
  if (coin()) return {who, DeleteSecret{name(), name(), number()}};
  return {who, PutSecret{name(), name(), credentials(), number()}};
}

NodeCommand RandomValues::node_command() {
  const auto keys = [&] { return list(3, [&] { return name(); }); };
  if (coin()) return {context(), CordonNode{node_id(), coin(), number()}};
  if (coin()) return {context(), DrainNode{node_id(), number()}};
  return {context(),
          UpdateNode{node_id(), labels(), keys(), list(3, [&] { return taint(); }), keys(), number()}};
}

ProposalItem RandomValues::proposal_item() {
  switch (below(13)) {
    case 12:
      return AssignGang{{assign(), assign()}};
    case 7:
      return SwitchServing{uid(), number(), number()};
    case 8:
      return PromoteRollout{uid(), number()};
    case 9:
      return EndRollout{uid(),     number(), one_of(RolloutState::completed, RolloutState::failed),
                        bytes(40), number(), number()};
    case 10:
      return MarkTime{uid(), number()};
    case 11:
      return ForgetRollout{uid(), number()};
    case 0:
      return AddReplicas{uid(), number(), number(), static_cast<std::uint32_t>(1 + below(100)), number()};
    case 1:
      return assign();
    case 2:
      return ExplainPending{replica_id(), bytes(1024)};
    case 3:
      return StopReplica{replica_id(), one_of(StopCause::rollout, StopCause::rebalance),
                         coin() ? replica_id() : ReplicaId{}};
    case 4:
      return ForgetReplica{replica_id()};
    case 5:
      return ForgetWorkload{uid()};
    default:
      return ForgetVersion{uid(), number()};
  }
}

Proposal RandomValues::proposal() {
  return {coin() ? "scheduler" : "rollout", number(), list(10, [&] { return proposal_item(); })};
}

ReplicaReport RandomValues::replica_report() {
  ReplicaReport out{replica_id(),
                    number(),
                    static_cast<std::uint32_t>(number()),
                    one_of(Phase::pending, Phase::lost),
                    coin(),
                    {},
                    {},
                    {},
                    bytes(40),
                    millis(),
                    published_ports(),
                    digest(),
                    probe_statuses(),
                    bytes(40),
                    coin()};
  if (coin()) out.container = container_id();
  if (coin()) out.address = "10.0.0.2";
  if (coin()) out.exit_code = static_cast<std::int32_t>(number());
  return out;
}

NodeReport RandomValues::node_report() {
  return {node_id(), number(), list(5, [&] { return replica_report(); })};
}

ReportAck RandomValues::report_ack() {
  return {number(), number(), list(5, [&] { return ReportAck::Item{replica_id(), number()}; })};
}

Assignment RandomValues::assignment() {
  return {replica_id(),
          uid(),
          name(),
          name(),
          number(),
          pod(),
          one_of(StopCause::none, StopCause::rebalance),
          limits(),
          ImagePin{digest(), coin() ? replica_id() : ReplicaId{}},
          PullAccess{list(2, [&] { return credentials(); }), list(2, [&] { return text(20); })},
          gpus()};
}

AssignmentSet RandomValues::assignment_set() {
  return {name(), node_id(), number(), coin(), number(), list(4, [&] { return assignment(); }), list(4, [&] {
            return replica_id();
          })};
}

LogLine RandomValues::log_line() {
  return {millis(),
          coin(),
          coin(),
          bytes(200),
          number(),
          coin() ? container_id() : ContainerId{},
          one_of(DropReason::none, DropReason::rotated),
          number()};
}

NodeUsage RandomValues::node_usage() {
  const auto usage = [&] {
    ReplicaUsage out;
    out.now = {container_id(), replica_id(), {number(), number(), number(), number(), number()},
               number(),       number(),     name()};
    out.rate = {number(), number(), number(), number(), number()};
    out.window = millis();
    return out;
  };
  return {node_id(), millis(), list(5, usage)};
}

WindowSize RandomValues::window() {
  return {static_cast<std::uint32_t>(below(65536)), static_cast<std::uint32_t>(below(65536))};
}

SessionQuery RandomValues::session_query() {
  switch (below(3)) {
    case 0:
      return ExecQuery{{},        container_id(), list(4, [&] { return bytes(10); }),
                       millis(),  coin(),         coin(),
                       bytes(20), window(),       number(),
                       coin()};
    case 1:
      return ForwardQuery{replica_id(), {}, static_cast<std::uint32_t>(1 + below(65535))};
    default:
      return CopyQuery{{}, container_id(), bytes(100), coin()};
  }
}

SessionFrame RandomValues::session_frame() {
  SessionFrame out{SessionId{name()}, {}};
  switch (below(11)) {
    case 0: {
      LogQuery query{replica_id(), {}, coin(), {}, {}, coin(), coin()};
      if (coin()) query.tail_lines = static_cast<std::uint32_t>(number());
      if (coin()) query.since = millis();
      query.previous = coin();
      if (coin()) query.after = LogPosition{container_id(), number()};
      out.body = SessionOpen{node_id(), query, number(), bytes(20)};
      break;
    }
    case 1:
      out.body = SessionOpen{node_id(), session_query(), number(), bytes(20)};
      break;
    case 2:
      out.body = SessionCredit{number()};
      break;
    case 3:
      out.body = SessionCancel{};
      break;
    case 4:
      out.body =
          SessionData{number(), list(5, [&] { return log_line(); }), bytes(300), coin(), coin(), coin()};
      break;
    case 5:
      out.body = SessionInput{number(), bytes(300), coin()};
      break;
    case 6:
      out.body = SessionResize{window()};
      break;
    case 7:
      out.body = SessionSignal{static_cast<std::int32_t>(1 + below(64))};
      break;
    case 8:
      out.body = SessionTaken{number()};
      break;
    case 9:
      out.body = SessionUnknown{};
      break;
    default:
      out.body = SessionEnd{error(), static_cast<std::int32_t>(number()), coin(), coin()};
  }
  return out;
}

LinkFrame RandomValues::link_frame() {
  switch (below(9)) {
    case 0:
      return Hello{description(), number(), coin() ? name() : "", number()};
    case 1:
      return Welcome{name(), number(), number(), 1 + millis(), 1 + millis()};
    case 2:
      return Refused{error()};
    case 3:
      return Lease{number(), number(), number(), static_cast<std::uint32_t>(number())};
    case 4:
      return LeaseAck{number()};
    case 5: {
      const auto count = static_cast<std::uint32_t>(1 + below(100));
      return SetPart{number(), static_cast<std::uint32_t>(below(count)), count, bytes(1000)};
    }
    case 6:
      return node_report();
    case 7:
      return report_ack();
    default:
      return session_frame();
  }
}

}  // namespace cloudless::codec
