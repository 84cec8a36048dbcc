#include "tests/support/play_agent.hpp"

#include <map>
#include <random>

#include "actors/node_link/assignment_set.hpp"
#include "actors/node_link/transport/preface.hpp"

namespace cloudless::test {
namespace {

struct Supervisor {
  explicit Supervisor(runtime_supervisor_actor::pointer) {}
  agent_link_actor link;
  AssignmentSet set;
  std::uint64_t incarnation = 0;
  std::map<ReplicaId, ReplicaReport> reports;
};
using Self = runtime_supervisor_actor::stateful_pointer<Supervisor>;

ReplicaReport report_of(const Assignment& assignment) {
  ReplicaReport report;
  report.replica = assignment.replica;
  report.attempt = 1;
  report.container = ContainerId{assignment.replica.value + "-1"};
  report.ready = assignment.stop == StopCause::none;
  report.phase = report.ready ? Phase::running : Phase::stopped;
  report.sequence = report.ready ? 1 : 2;
  report.address = "10.0.0.1";
  return report;
}

void send_reports(Self self) {
  auto& s = self->state;
  NodeReport report{s.set.node, s.incarnation, {}};
  for (const auto& [id, one] : s.reports)
    if (report.replicas.size() < 100) report.replicas.push_back(one);
  if (s.incarnation != 0 && !report.replicas.empty())
    self->send(s.link, Carried<NodeReport>(std::move(report)));
}

void answer_session(Self self, const SessionFrame& frame) {
  const auto* open = std::get_if<SessionOpen>(&frame.body);
  if (open == nullptr) return;
  SessionData data;
  if (const auto* exec = std::get_if<ExecQuery>(&open->query)) {
    for (const auto& word : exec->command) data.output += word + "\n";
  } else {
    LogLine line;
    line.time_nanos = 1;
    line.line = "hello from " + open->node.value;
    data.lines.push_back(line);
  }
  self->send(self->state.link, Carried<SessionFrame>(SessionFrame{frame.session, std::move(data)}));
  self->send(self->state.link, Carried<SessionFrame>(SessionFrame{frame.session, SessionEnd{}}));
}

runtime_supervisor_actor::behavior_type supervisor(Self self) {
  return {
      [self](attach_atom, const agent_link_actor& link) -> SetOnDisk {
        self->state.link = link;
        return {};
      },
      [self](const LinkUp& up) {
        self->state.incarnation = up.incarnation;
        send_reports(self);
      },
      [self](const LinkDown&) { self->state.incarnation = 0; },
      [self](const Carried<AssignmentSet>& sent) {
        auto& s = self->state;
        const auto next = sent->full ? std::optional(*sent) : node_link::applied(s.set, *sent);
        if (!next) return;
        s.set = *next;
        for (const auto& assignment : s.set.assignments)
          s.reports[assignment.replica] = report_of(assignment);
        self->send(s.link, SetOnDisk{s.set.cluster_id, s.set.revision});
        send_reports(self);
      },
      [self](const Carried<ReportAck>& ack) {
        for (const auto& item : ack->items) {
          auto it = self->state.reports.find(item.replica);
          if (it != self->state.reports.end() && it->second.sequence <= item.sequence)
            self->state.reports.erase(it);
        }
      },
      [self](const Carried<SessionFrame>& frame) { answer_session(self, *frame); },
      [](const Carried<SessionFrame>&, const session_sink_actor&) {},
  };
}

}  // namespace

PlayAgent::Config::Config() {
  node_link::configure_network(*this);
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::size_t{1});
}

PlayAgent::PlayAgent(const std::string& node, std::uint16_t link_port, const std::string& secret)
    : system_(config_) {
  node_link::AgentIdentity identity;
  identity.description.id = NodeId{node};
  identity.description.machine_uid = "machine-of-" + node;
  identity.description.capacity = identity.description.allocatable = {64'000, 64LL << 30, 1LL << 40, 0, 0};
  identity.boot_id = std::random_device{}();
  identity.seed = 1;
  dialer_ = std::make_unique<node_link::LinkDialer>(
      system_, node_link::DialOptions{"127.0.0.1", link_port, {secret, node_link::kLinkPurpose}});
  supervisor_ = system_.spawn(supervisor);
  link_ = node_link::spawn_agent_link(system_, supervisor_, *dialer_, std::move(identity), clock_);
}

PlayAgent::~PlayAgent() {
  caf::anon_send_exit(link_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
  link_ = nullptr;
  supervisor_ = nullptr;
  dialer_.reset();
}

}  // namespace cloudless::test
