#include "actors/store/store_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "actors/store/ledger.hpp"
#include "actors/store/wire_feed.hpp"
#include "messages/caf_error.hpp"

namespace cloudless {
namespace {

using EngineAnswerPtr = std::shared_ptr<const store::EngineAnswer>;
/// Something that the store has put off; see store::Later.
using StepPtr = std::shared_ptr<const std::function<void()>>;

}  // namespace
}  // namespace cloudless

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::EngineAnswerPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::StepPtr)

namespace cloudless {
namespace {

using Shell = store_actor::extend_with<ActorOf<
    // INTERNAL: the engine has done a job.
    caf::result<void>(EngineAnswerPtr),
    // INTERNAL: a step of a simulated engine.
    caf::result<void>(StepPtr)>>;

struct Start {
  std::unique_ptr<store::Engine> engine;
  Snapshot loaded;
  const Clock* clock;
  StoreOptions options;
};

struct WireFollower {
  wire_follower_actor handle;
  store::WireFeed feed;
};

// Job 0 is the batch that the ledger has started; others are ranges.
constexpr std::uint64_t kBatchJob = 0;

class StoreState {
 public:
  explicit StoreState(Shell::pointer self) : self_(self) {}

  Shell::behavior_type start(Start start) {
    clock_ = start.clock;
    options_ = std::move(start.options);
    history_ = std::make_unique<store::History>(options_.history, start.loaded.revision());
    ledger_ = std::make_unique<store::Ledger>(std::move(start.loaded));
    runner_ = options_.simulated_delay
                  ? store::delayed_runner(
                        std::move(start.engine), options_.simulated_delay,
                        [this](Millis delay, std::function<void()> step) { later(delay, std::move(step)); })
                  : store::thread_runner(std::move(start.engine));
    self_->set_down_handler([this](const caf::down_msg& down) { drop_follower(down.source); });
    return behavior();
  }

 private:
  Shell::behavior_type behavior() {
    return {[this](commit_atom, const CommitRequestPtr& request) { return commit(*request); },
            [this](follow_atom, const follower_actor& follower) { return follow(follower); },
            [this](range_atom, std::uint8_t kind, const std::string& after, std::uint32_t limit) {
              return range(static_cast<RecordKind>(kind), after, limit);
            },
            [this](wire_atom, const wire_follower_actor& follower, Revision position, std::uint64_t credit) {
              return feed(follower, position, credit);
            },
            [this](credit_atom, const wire_follower_actor& follower, std::uint64_t bytes) {
              auto* fed = find_feed(follower.address());
              if (fed == nullptr) return;
              fed->feed.grant(bytes);
              send_frames(*fed);
            },
            [this](const EngineAnswerPtr& answer) { take(*answer); },
            [](const StepPtr& step) { (*step)(); }};
  }

  caf::result<Revision> commit(const CommitRequest& request) {
    if (fatal_) return to_caf(*fatal_);
    const auto revision =
        ledger_->submit({request.owner, request.epoch, request.changes, request.preconditions});
    if (!revision) return to_caf(revision.error());
    auto promise = self_->make_response_promise<Revision>();
    commits_.push_back(promise);
    run_next_batch();
    return promise;
  }

  caf::result<CommitsPublished> follow(const follower_actor& follower) {
    if (std::find(followers_.begin(), followers_.end(), follower) == followers_.end()) {
      followers_.push_back(follower);
      self_->monitor(follower);
    }
    const auto& now = ledger_->published();
    return CommitsPublished{now->revision(), std::make_shared<const std::vector<Commit>>(), now};
  }

  /// The answer goes out before the first frame: frames of an earlier asking are told apart by it.
  caf::result<Revision> feed(const wire_follower_actor& follower, Revision position, std::uint64_t credit) {
    auto* fed = find_feed(follower.address());
    if (fed == nullptr) {
      fed = &feeds_.emplace_back();
      self_->monitor(follower);
    }
    *fed = {follower, {position, credit}};
    auto promise = self_->make_response_promise<Revision>();
    promise.deliver(ledger_->published()->revision());
    send_frames(*fed);
    return promise;
  }

  WireFollower* find_feed(const caf::actor_addr& follower) {
    const auto found = std::find_if(feeds_.begin(), feeds_.end(), [&follower](const WireFollower& f) {
      return f.handle.address() == follower;
    });
    return found != feeds_.end() ? &*found : nullptr;
  }

  void send_frames(WireFollower& fed) {
    for (auto& frame : fed.feed.take(*history_, ledger_->published()))
      self_->send(fed.handle, wire_atom::value, std::move(frame));
  }

  caf::result<RecordsPtr> range(RecordKind kind, const std::string& after, std::uint32_t limit) {
    if (store::in_snapshot(kind))
      return to_caf(
          Error{Errc::invalid_argument, "records of this kind are in the snapshot: follow the store", {}});
    auto promise = self_->make_response_promise<RecordsPtr>();
    ranges_.emplace(++last_range_, promise);
    submit({last_range_, store::RangeJob{kind, after, limit}});
    return promise;
  }

  void submit(store::EngineJob job) {
    runner_->submit(std::move(job), [self = Shell{self_}](store::EngineAnswer answer) {
      caf::anon_send(self, std::make_shared<const store::EngineAnswer>(std::move(answer)));
    });
  }

  void later(Millis delay, std::function<void()> step) {
    self_->delayed_send(self_, std::chrono::milliseconds(delay),
                        std::make_shared<const std::function<void()>>(std::move(step)));
  }

  void run_next_batch() {
    if (auto batch = ledger_->start_batch(options_.batch_limit))
      submit({kBatchJob, store::CommitJob{std::move(batch), clock_->wall()}});
  }

  void take(const store::EngineAnswer& answer) {
    if (answer.job != kBatchJob) return answer_range(answer);
    if (!answer.outcome) return fail_in_flight(answer.outcome.error());
    const auto durable = ledger_->finish_batch();
    run_next_batch();  // the engine works while the followers are told
    publish(durable, answer.outcome->bytes);
  }

  void answer_range(const store::EngineAnswer& answer) {
    auto promise = ranges_.extract(answer.job);
    if (answer.outcome)
      promise.mapped().deliver(RecordsPtr{answer.outcome->records});
    else
      promise.mapped().deliver(to_caf(answer.outcome.error()));
  }

  void publish(const store::DurableBatch& batch, std::size_t bytes) {
    history_->add(batch.commits, bytes, clock_->steady());
    const CommitsPublished published{batch.predecessor, batch.commits, batch.after};
    for (const auto& follower : followers_) self_->send(follower, published);
    for (auto& fed : feeds_) send_frames(fed);
    for (const auto& commit : *batch.commits) {
      commits_.front().deliver(commit.revision);
      commits_.pop_front();
    }
  }

  /// A full disk refuses what is in flight and nothing else; after any other error nobody knows what is
  /// stored.
  void fail_in_flight(const Error& error) {
    const Error answer{Errc::unavailable, error.message, {}};
    ledger_->drop_in_flight();
    for (auto& promise : std::exchange(commits_, {})) promise.deliver(to_caf(answer));
    if (error.code == Errc::resource_exhausted) {
      spdlog::error("store: nothing can be stored: {}", error.message);
      return;
    }
    fatal_ = answer;
    if (options_.on_fatal) options_.on_fatal(error);
  }

  void drop_follower(const caf::actor_addr& gone) {
    std::erase_if(feeds_, [&gone](const WireFollower& f) { return f.handle.address() == gone; });
    std::erase_if(followers_, [&gone](const follower_actor& f) { return f.address() == gone; });
  }

  Shell::pointer self_;
  const Clock* clock_ = nullptr;
  StoreOptions options_;
  std::unique_ptr<store::Ledger> ledger_;
  std::unique_ptr<store::History> history_;
  std::vector<follower_actor> followers_;                                    // in the order they came
  std::vector<WireFollower> feeds_;                                          // in the order they came
  std::deque<caf::typed_response_promise<Revision>> commits_;                // in the ledger's order
  std::map<std::uint64_t, caf::typed_response_promise<RecordsPtr>> ranges_;  // by job
  std::uint64_t last_range_ = kBatchJob;
  std::optional<Error> fatal_;
  std::unique_ptr<store::EngineRunner> runner_;  // ends first: nothing of a job outlives it
};

Shell::behavior_type run_store(Shell::stateful_pointer<StoreState> self,
                               const std::shared_ptr<Start>& start) {
  return self->state.start(std::move(*start));
}

/// An empty store gets its identity as its first commit.
Result<Snapshot> load_or_found(store::Engine& engine, const std::string& new_cluster_id, WallMillis now) {
  auto loaded = store::load_snapshot(engine);
  if (!loaded || loaded->revision() != 0) return loaded;
  const Commit founding{1, {put(std::make_shared<const ClusterMeta>(ClusterMeta{new_cluster_id}))}};
  if (auto stored = engine.commit({store::encode(founding)}, now); !stored) return fail(stored.error());
  loaded->apply(founding);
  return loaded;
}

}  // namespace

Result<store_actor> spawn_store(caf::actor_system& system, std::unique_ptr<store::Engine> engine,
                                const Clock& clock, StoreOptions options) {
  auto loaded = load_or_found(*engine, options.new_cluster_id, clock.wall());
  if (!loaded) return fail(loaded.error());
  auto start =
      std::make_shared<Start>(Start{std::move(engine), std::move(*loaded), &clock, std::move(options)});
  return store_actor{system.spawn(run_store, std::move(start))};
}

}  // namespace cloudless
