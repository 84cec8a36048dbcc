#include "actors/decider/decider_shell.hpp"

#include <doctest/doctest.h>

#include <caf/scheduler/test_coordinator.hpp>
#include <chrono>
#include <deque>

#include "messages/caf_error.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace std::chrono_literals;
using cloudless::test::SnapshotBuilder;

namespace {

/// What the fakes share with the test.
struct Script {
  SnapshotBuilder world;
  std::size_t published = 0;
  follower_actor follower;
  int follows = 0;
  bool refuse_follow = false;
  std::vector<Carried<Proposal>> proposals;
  std::deque<caf::typed_response_promise<Carried<ProposalAnswer>>> unanswered;
  Result<ProposalAnswer> answer;
  int applied = 0, loaded = 0, looked = 0;
  std::vector<ProposalItem> wanted;
  std::size_t limit = 0;
};

class FakeCore final : public decider::Decider {
 public:
  explicit FakeCore(Script& script) : script_(script) {}
  void load(SnapshotPtr) override { ++script_.loaded; }
  void apply(const std::vector<Commit>& commits, SnapshotPtr) override {
    script_.applied += static_cast<int>(commits.size());
  }
  void look_at_everything() override { ++script_.looked; }
  std::vector<ProposalItem> propose(std::size_t limit, Millis) override {
    script_.limit = limit;
    return script_.wanted;
  }

 private:
  Script& script_;
};

/// An owner that answers its oldest proposal with Script::answer when it gets a sweep.
using fake_owner = ActorOf<caf::result<Carried<CommandReply>>(Carried<WorkloadCommand>),
                           caf::result<Carried<ProposalAnswer>>(Carried<Proposal>),
                           caf::result<Carried<ReportAck>>(Carried<NodeReport>),
                           caf::result<void>(Carried<EndpointFollowing>), caf::result<void>(sweep_atom)>;

struct Bench {
  Bench() {
    register_messages(config_);
    config_.set("scheduler.policy", caf::atom("testing"));
    system = std::make_unique<caf::actor_system>(config_);
    Script* s = &script;
    source = system->spawn([s](source_actor::pointer) -> source_actor::behavior_type {
      return {[s](follow_atom, const follower_actor& follower) -> caf::result<CommitsPublished> {
        ++s->follows;
        if (s->refuse_follow) return to_caf(Error{Errc::unavailable, "not yet", {}});
        s->follower = follower;
        s->published = s->world.commits().size();
        return CommitsPublished{s->world.view().revision(), std::make_shared<std::vector<Commit>>(),
                                s->world.share()};
      }};
    });
    owner = system->spawn([s](fake_owner::pointer self) -> fake_owner::behavior_type {
      return {[](const Carried<WorkloadCommand>&) -> caf::result<Carried<CommandReply>> {
                return caf::sec::unexpected_message;
              },
              [s, self](const Carried<Proposal>& proposal) -> caf::result<Carried<ProposalAnswer>> {
                s->proposals.push_back(proposal);
                auto promise = self->make_response_promise<Carried<ProposalAnswer>>();
                s->unanswered.push_back(promise);
                return promise;
              },
              [](const Carried<NodeReport>&) -> caf::result<Carried<ReportAck>> {
                return caf::sec::unexpected_message;
              },
              [](const Carried<EndpointFollowing>&) {},
              [s](sweep_atom) {
                if (s->answer)
                  s->unanswered.front().deliver(Carried<ProposalAnswer>{*s->answer});
                else
                  s->unanswered.front().deliver(to_caf(s->answer.error()));
                s->unanswered.pop_front();
              }};
    });
  }
  ~Bench() {
    script.unanswered.clear();
    for (const auto& a : {caf::actor_cast<caf::actor>(decider), caf::actor_cast<caf::actor>(source),
                          caf::actor_cast<caf::actor>(owner)})
      if (a) caf::anon_send_exit(a, caf::exit_reason::kill);
    run();
    script.follower = nullptr;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
  }
  void run() { scheduler().run(); }
  void start() {
    decider = decider::spawn_decider(*system, "test", std::make_unique<FakeCore>(script), source, owner, 77);
    run();
  }
  /// Sends what was committed since; claims this predecessor.
  void publish(Revision predecessor) {
    const auto& all = script.world.commits();
    auto batch = std::make_shared<std::vector<Commit>>(all.begin() + static_cast<std::ptrdiff_t>(predecessor),
                                                       all.end());
    caf::anon_send(script.follower, CommitsPublished{predecessor, batch, script.world.share()});
    run();
  }
  void answer(Result<ProposalAnswer> with) {
    REQUIRE_FALSE(script.unanswered.empty());
    script.answer = std::move(with);
    caf::anon_send(owner, sweep_atom::value);
    run();
  }
  void answer(Revision judged_at, Errc code = Errc::none) {
    answer(ProposalAnswer{judged_at,
                          std::vector<Error>(script.proposals.back()->items.size(), Error{code, "", {}})});
  }
  void pass(std::chrono::milliseconds time) {
    scheduler().advance_time(time);
    run();
  }

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system;
  Script script;
  source_actor source;
  fake_owner owner;
  decider::decider_actor decider;
};

const std::vector<ProposalItem> kItems{ForgetReplica{ReplicaId{"web-0000000000-0"}}};

}  // namespace

TEST_CASE_FIXTURE(Bench, "A decider follows, proposes what it sees, and has one proposal in flight") {
  script.world.node("a").node("b");
  script.wanted = kItems;
  start();
  CHECK(script.loaded == 1);
  REQUIRE(script.proposals.size() == 1);
  CHECK(*script.proposals[0] == Proposal{"test", 2, kItems});
  script.world.node("c");
  publish(2);
  CHECK(script.applied == 1);
  CHECK(script.proposals.size() == 1);
  answer(3);
  CHECK(script.proposals.size() == 2);
  CHECK(script.proposals[1]->seen_at == 3);
}

TEST_CASE_FIXTURE(Bench, "A decider waits until its mirror has reached the answer's revision") {
  script.world.node("a");
  script.wanted = kItems;
  start();
  script.world.node("b").node("c");
  answer(3);
  CHECK(script.proposals.size() == 1);
  publish(1);
  CHECK(script.proposals.size() == 2);
}

TEST_CASE_FIXTURE(Bench, "A refused proposal is not repeated at the same view, but by the sweep") {
  script.world.node("a");
  script.wanted = kItems;
  start();
  answer(1, Errc::failed_precondition);
  CHECK(script.proposals.size() == 1);
  pass(5s);
  CHECK(script.looked == 1);
  CHECK(script.proposals.size() == 2);
}

TEST_CASE_FIXTURE(Bench, "A gap in the commits makes a decider load the snapshot, an old batch is ignored") {
  script.world.node("a");
  start();
  script.world.node("b").node("c");
  publish(2);
  CHECK(script.loaded == 2);
  CHECK(script.applied == 0);
  publish(1);
  CHECK(script.loaded == 2);
  script.world.node("d");
  publish(3);
  CHECK(script.applied == 1);
}

TEST_CASE_FIXTURE(Bench, "An answer that never comes, or an error, makes a decider ask again soon") {
  script.world.node("a");
  script.wanted = kItems;
  start();
  pass(5s);
  pass(1s);
  CHECK(script.proposals.size() == 2);
  script.unanswered.pop_front();
  answer(fail(Errc::unavailable, "reloading"));
  pass(500ms);
  CHECK(script.proposals.size() == 3);
}

TEST_CASE_FIXTURE(Bench, "A decider is asked for as many items as one proposal may have") {
  script.world.node("a");
  start();
  CHECK(script.limit == 77);
}

TEST_CASE_FIXTURE(Bench, "A decider that cannot follow tries again until it can") {
  script.refuse_follow = true;
  start();
  CHECK(script.follows == 1);
  pass(500ms);
  CHECK(script.follows == 2);
  script.refuse_follow = false;
  pass(500ms);
  CHECK(script.loaded == 1);
}
