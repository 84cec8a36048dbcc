// Random domain values for property tests, from a seed: the same seed gives the same values. Every value is
// valid in itself, and texts contain bytes that are not UTF-8 wherever a program's output may end up.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "messages/codec/wire.hpp"

namespace cloudless::codec {

class RandomValues {
 public:
  explicit RandomValues(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool coin() { return below(2) == 1; }
  std::uint16_t port() { return static_cast<std::uint16_t>(1 + below(65535)); }
  std::int64_t millis() { return static_cast<std::int64_t>(below(1'000'000'000'000)); }
  std::uint64_t number() { return coin() ? below(100) : engine_(); }
  std::string from(std::string_view alphabet, std::size_t min, std::size_t max);
  /// Any bytes at all.
  std::string bytes(std::size_t max);
  /// Valid UTF-8, also beyond ASCII.
  std::string text(std::size_t max);
  std::string name() { return from("abcdefghijklmnopqrstuvwxyz0123456789", 1, 20); }
  WorkloadUid uid() { return WorkloadUid{from("0123456789abcdef", 10, 10)}; }
  NodeId node_id() { return NodeId{name() + (coin() ? "." + name() : "")}; }
  ContainerId container_id() { return ContainerId{name() + from("abcXYZ019-_.", 0, 20)}; }
  Labels labels();
  template <class Enum>
  Enum one_of(Enum first, Enum last) {
    const auto low = static_cast<std::uint64_t>(first);
    return static_cast<Enum>(low + below(static_cast<std::uint64_t>(last) - low + 1));
  }
  /// A list of at most `max` values.
  template <class Make>
  auto list(std::size_t max, Make make) {
    std::vector<decltype(make())> out(below(max + 1));
    for (auto& item : out) item = make();
    return out;
  }

  /// Of an image, or none.
  std::string digest() { return coin() ? "sha256:" + from("0123456789abcdef", 64, 64) : ""; }

  Error error();
  Resources resources();
  Taint taint();
  Volume volume();
  Probe probe();
  std::vector<ProbeStatus> probe_statuses();
  SecurityContext security();
  std::vector<std::uint8_t> gpus();
  AssignReplica assign();
  AffinityTerm affinity_term(bool nodes);
  Placement placement();
  Scoring scoring();
  Template pod();
  ResourceLimits limits();
  WorkloadSpec spec();
  Workload workload();
  Version version();
  Rollout rollout();
  std::vector<PublishedPort> published_ports();
  Replica replica();
  ReplicaId replica_id() { return replica().id; }
  NodeDescription description();
  Node node();
  Event event();
  Record record();
  Change change();
  Commit commit(Revision revision);
  WireMessage wire_message();
  CommandContext context();
  WorkloadCommand workload_command();
  NodeCommand node_command();
  RegistryCredentials credentials();
  Secret secret();
  SecretCommand secret_command();
  ProposalItem proposal_item();
  Proposal proposal();
  ReplicaReport replica_report();
  NodeReport node_report();
  ReportAck report_ack();
  Assignment assignment();
  AssignmentSet assignment_set();
  LogLine log_line();
  NodeUsage node_usage();
  WindowSize window();
  SessionQuery session_query();
  SessionFrame session_frame();
  LinkFrame link_frame();

 private:
  std::mt19937_64 engine_;
};

}  // namespace cloudless::codec
