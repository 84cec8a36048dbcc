#include "messages/codec/wire.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "messages/codec/frames.hpp"
#include "messages/codec/random_values.test.hpp"

namespace cloudless::codec {
namespace {

constexpr std::uint64_t kSeeds = 200;

bool same(const Record& a, const Record& b) {
  return std::visit(
      [](const auto& left, const auto& right) {
        if constexpr (std::is_same_v<decltype(left), decltype(right)>) return *left == *right;
        return false;
      },
      a, b);
}
bool same(const std::vector<Record>& a, const std::vector<Record>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Record& x, const Record& y) { return same(x, y); });
}
bool same(const Commit& a, const Commit& b) {
  return a.revision == b.revision && std::equal(a.changes.begin(), a.changes.end(), b.changes.begin(),
                                                b.changes.end(), [](const auto& x, const auto& y) {
                                                  return x.key == y.key &&
                                                         x.record.has_value() == y.record.has_value() &&
                                                         (!x.record || same(*x.record, *y.record));
                                                });
}
bool same(const WireMessage& a, const WireMessage& b) {
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<WireCommits>(&a)) {
    const auto& y = std::get<WireCommits>(b);
    return x->predecessor == y.predecessor &&
           std::equal(x->commits.begin(), x->commits.end(), y.commits.begin(), y.commits.end(),
                      [](const auto& l, const auto& r) { return same(l, r); });
  }
  const auto &x = std::get<WireSnapshotPart>(a), &y = std::get<WireSnapshotPart>(b);
  return x.revision == y.revision && x.index == y.index && x.last == y.last && same(x.records, y.records);
}
template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}

/// What comes back is what went in, twice over in the same bytes; cut short or damaged bytes are refused or
/// read as some other value of ours, which then round-trips too.
template <class T, class Decode>
void check_value(const T& value, RandomValues& random, Decode decode_into) {
  const std::string bytes = encode(value);
  T back{};
  REQUIRE(decode_into(bytes, back));
  REQUIRE(same(value, back));
  REQUIRE(encode(back) == bytes);
  for (int round = 0; round < 8 && !bytes.empty(); ++round) {
    std::string damaged = bytes;
    if (random.coin()) damaged.resize(random.below(damaged.size() + 1));
    for (auto flips = random.below(4); flips > 0 && !damaged.empty(); --flips)
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    T read{};
    if (!decode_into(damaged, read)) continue;
    T again{};
    REQUIRE(decode_into(encode(read), again));
    REQUIRE(same(read, again));
  }
  T noise{};
  decode_into(random.bytes(200), noise);
}

template <class Make>
void check_type(const char* type, Make make) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(type);
    CAPTURE(seed);
    RandomValues random(seed);
    const auto value = make(random);
    check_value(value, random, [](std::string_view bytes, auto& out) { return decode(bytes, out); });
  }
}

struct AnyField {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};
template <class T, class... Fields>
constexpr std::size_t field_count() {
  if constexpr (requires { T{Fields{}..., AnyField{}}; }) {
    return field_count<T, Fields..., AnyField>();
  } else {
    return sizeof...(Fields);
  }
}
// A field more needs a field in proto/cloudless/record, a line in write() and in read(), and a random value
// here.
static_assert(field_count<Template>() == 20 && field_count<WorkloadSpec>() == 9 &&
              field_count<Workload>() == 13);
static_assert(field_count<Version>() == 6 && field_count<Replica>() == 32 && field_count<Event>() == 9);
static_assert(field_count<NodeDescription>() == 16 && field_count<Node>() == 21 &&
              field_count<Rollout>() == 16 && field_count<IdempotencyRow>() == 7);
static_assert(field_count<Assignment>() == 11 && field_count<AssignmentSet>() == 7 &&
              field_count<ReplicaReport>() == 15);
static_assert(field_count<RestartPolicy>() == 3 && field_count<RolloutPolicy>() == 12 &&
              field_count<Port>() == 4);
static_assert(field_count<Placement>() == 9 && field_count<AffinityTerm>() == 5 &&
              field_count<Toleration>() == 4 && field_count<Scoring>() == 6 && field_count<Resources>() == 6);
static_assert(field_count<ResourceLimits>() == 4 && field_count<Volume>() == 4 &&
              field_count<ConfigFile>() == 3 && field_count<Probe>() == 6 &&
              field_count<SecurityContext>() == 17);
static_assert(field_count<NodeUsage>() == 3 && field_count<ReplicaUsage>() == 3 &&
              field_count<ContainerUsage>() == 6 && field_count<UsageCounters>() == 5 &&
              field_count<UsageRates>() == 5);
static_assert(field_count<LogQuery>() == 9 && field_count<LogLine>() == 8 && field_count<ExecQuery>() == 10 &&
              field_count<ForwardQuery>() == 3 && field_count<CopyQuery>() == 4 &&
              field_count<SessionOpen>() == 4 && field_count<SessionData>() == 6);

}  // namespace

TEST_CASE("the files of a spec travel once for all replicas of a version on a node") {
  AssignmentSet set;
  set.cluster_id = "c";
  set.node = NodeId{"n"};
  for (int i = 0; i < 50; ++i) {
    Assignment assignment;
    assignment.workload = WorkloadUid{"0123456789"};
    assignment.replica = ReplicaId{"web-0123456789-" + std::to_string(i)};
    assignment.ns = "default";
    assignment.workload_name = "web";
    assignment.version = 1 + static_cast<std::uint64_t>(i % 2);
    assignment.pod.image = "a";
    assignment.pod.config_files = {{"/etc/big", std::string(100'000, 'x'), 0600}};
    // A pod that differs although its version does not, as with a digest of its own, is itself.
    if (i == 30) assignment.pod.image = "b";
    set.assignments.push_back(assignment);
  }
  const auto bytes = codec::encode(set);
  CHECK(bytes.size() < 400'000);
  AssignmentSet back;
  REQUIRE(codec::decode(bytes, back));
  CHECK(back == set);
}

TEST_CASE("every value that crosses a wire comes back as it was, and hostile bytes never crash") {
  check_type("WorkloadCommand", [](RandomValues& r) { return r.workload_command(); });
  check_type("CommandReply", [](RandomValues& r) { return CommandReply{r.workload(), r.number()}; });
  check_type("NodeCommand", [](RandomValues& r) { return r.node_command(); });
  check_type("NodeReply", [](RandomValues& r) { return NodeReply{r.node(), r.number()}; });
  check_type("SecretCommand", [](RandomValues& r) { return r.secret_command(); });
  check_type("SecretReply", [](RandomValues& r) { return SecretReply{r.secret(), r.number()}; });
  check_type("EndpointFollowing", [](RandomValues& r) {
    return EndpointFollowing{r.from("0123456789abcdef", 1, 32), r.name(), r.name(), r.number(),
                             static_cast<Millis>(r.below(60001))};
  });
  check_type("RegistryCredentials", [](RandomValues& r) { return r.credentials(); });
  check_type("Proposal", [](RandomValues& r) { return r.proposal(); });
  check_type("ProposalAnswer", [](RandomValues& r) {
    return ProposalAnswer{r.number(), r.list(5, [&] { return r.error(); })};
  });
  check_type("NodeUsage", [](RandomValues& r) { return r.node_usage(); });
  check_type("SessionFrame", [](RandomValues& r) { return r.session_frame(); });
  check_type("LinkFrame", [](RandomValues& r) { return r.link_frame(); });
  check_type("AssignmentSet", [](RandomValues& r) { return r.assignment_set(); });
  check_type("NodeReport", [](RandomValues& r) { return r.node_report(); });
  check_type("ReportAck", [](RandomValues& r) { return r.report_ack(); });
  check_type("EventQuery", [](RandomValues& r) {
    return EventQuery{r.name(), r.name(), r.node_id(), r.number(),
                      static_cast<std::uint32_t>(1 + r.below(1000))};
  });
  check_type("EventList", [](RandomValues& r) { return EventList{r.list(5, [&] { return r.event(); })}; });
  check_type("Commit", [](RandomValues& r) { return r.commit(1 + r.below(1000)); });
  check_type("WireMessage", [](RandomValues& r) { return r.wire_message(); });
  check_type("WireFrame", [](RandomValues& r) {
    return WireFrame{r.number(), r.coin(), "x" + r.bytes(100)};
  });
}

TEST_CASE("every record comes back as it was under its own kind") {
  for (std::uint64_t seed = 1; seed <= 4 * kSeeds; ++seed) {
    CAPTURE(seed);
    RandomValues random(seed);
    const Record record = random.record();
    check_value(record, random, [kind = key_of(record).kind](std::string_view bytes, Record& out) {
      return decode(kind, bytes, out);
    });
  }
}

TEST_CASE("bytes without a body, and numbers that no domain value has, are refused") {
  WorkloadCommand command;
  CHECK_FALSE(decode("", command));
  LinkFrame link;
  CHECK_FALSE(decode("", link));
  SessionFrame session;
  CHECK_FALSE(decode(encode(SessionFrame{SessionId{}, SessionCancel{}}), session));
  CHECK_FALSE(decode(encode(LinkFrame{SetPart{1, 3, 3, "x"}}), link));
  CHECK_FALSE(decode(encode(LinkFrame{Welcome{"c", 1, 1, 0, 10}}), link));
  Proposal proposal;
  CHECK_FALSE(
      decode(encode(Proposal{"rollout", 1, {AddReplicas{WorkloadUid{"0123456789"}, 1, 0, 101}}}), proposal));
  CHECK_FALSE(decode(encode(Proposal{"rollout", 1, {AddReplicas{WorkloadUid{"short"}, 1, 0, 1}}}), proposal));
  EventQuery query;
  CHECK_FALSE(decode(encode(EventQuery{"", "", {}, 0, 1001}), query));

  RandomValues random(1);
  Record out;
  for (auto phase : {0, 12, 200}) {
    auto replica = random.replica();
    replica.phase = static_cast<Phase>(phase);
    CHECK_FALSE(decode(RecordKind::replica, encode(Record{std::make_shared<const Replica>(replica)}), out));
  }
  auto node = random.node();
  node.description.capacity.memory_bytes = -1;
  CHECK_FALSE(decode(RecordKind::node, encode(Record{std::make_shared<const Node>(node)}), out));
  auto replica = random.replica();
  replica.ordinal += 1;  // no longer what its id says
  CHECK_FALSE(decode(RecordKind::replica, encode(Record{std::make_shared<const Replica>(replica)}), out));
  CHECK_FALSE(decode(static_cast<RecordKind>(99), encode(random.record()), out));
}

TEST_CASE("a commit whose value does not belong under its key is refused") {
  RandomValues random(7);
  Change change = put(std::make_shared<const Node>(random.node()));
  change.key.id = "another";
  Commit out;
  CHECK_FALSE(decode(encode(Commit{1, {change}}), out));
}

TEST_CASE(
    "messages to followers survive being cut into frames of at most 64 KiB, and a missing frame is noticed") {
  RandomValues random(3);
  auto event = random.event();
  event.message = std::string(300'000, 'x');
  const WireMessage message = WireSnapshotPart{
      9, 0, true, {std::make_shared<const Event>(event), std::make_shared<const Node>(random.node())}};
  std::uint64_t sequence = 0;
  const auto frames = cut(message, sequence);
  REQUIRE(frames.size() == 5);
  REQUIRE(sequence == 5);
  for (const auto& frame : frames) CHECK(frame.size() <= 64 << 10);

  FrameJoiner joiner;
  WireMessage out;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto done = joiner.take(frames[i], out);
    REQUIRE(done.has_value());
    REQUIRE(*done == (i + 1 == frames.size()));
  }
  CHECK(same(message, out));
  const auto next = cut(WireCommits{9, {}}, sequence);
  REQUIRE(next.size() == 1);
  CHECK(joiner.take(next[0], out) == Result<bool>{true});

  FrameJoiner gap;
  REQUIRE(gap.take(frames[0], out).has_value());
  const auto missing = gap.take(frames[2], out);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == Errc::data_loss);
  FrameJoiner noise;
  CHECK_FALSE(noise.take("\xff\xff", out).has_value());
}

}  // namespace cloudless::codec
