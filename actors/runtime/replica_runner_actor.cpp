#include "actors/runtime/replica_runner_actor.hpp"

#include <chrono>
#include <map>
#include <utility>

namespace cloudless::runtime {
namespace {

using runner = replica_runner_actor;

class RunnerState {
 public:
  static inline const char* name = "replica_runner";
  explicit RunnerState(runner::pointer self) : self_(self) {}
  ~RunnerState() { ask(effect::EndProbes{}); }

  runner::behavior_type behave(runner_news_actor supervisor, RuntimePort& runtime, ProbePort& probes,
                               const Clock& clock, Life life) {
    supervisor_ = std::move(supervisor);
    runtime_ = &runtime;
    probes_ = &probes;
    clock_ = &clock;
    life_ = std::move(life);
    // Without its supervisor nobody hears it: an agent that goes leaves its containers as they are.
    self_->monitor(supervisor_);
    self_->set_down_handler([this](caf::down_msg&) { self_->quit(); });
    return {[this](const InputPtr& input) { take(*input); }};
  }

 private:
  void take(const Input& input) {
    if (std::holds_alternative<input::Tick>(input)) armed_.reset();
    std::optional<ReplicaProgress> record;
    for (auto& effect : advance(life_, input, {clock_->steady(), clock_->wall()})) {
      if (auto* asked = std::get_if<effect::Record>(&effect))
        record = std::move(asked->progress);
      else
        carry_out(effect);
    }
    tell(std::move(record));
    if (life_.over())
      self_->quit();
    else
      arm();
  }

  void tell(std::optional<ReplicaProgress> record) {
    ReplicaReport report = report_of(life_);
    if (told_ && *told_ == report && !record && !life_.over()) return;
    if (!life_.hidden) told_ = report;
    self_->send(supervisor_, std::make_shared<const RunnerNews>(RunnerNews{
                                 std::move(report), std::move(record), life_.hidden, life_.over()}));
  }

  void arm() {
    const auto next = next_deadline(life_);
    if (!next || (armed_ && *armed_ <= *next)) return;
    armed_ = next;
    const std::chrono::milliseconds delay(std::max<Millis>(0, *next - clock_->steady()));
    // Whole milliseconds: the Ticks of all runners that are due in the same one share a wake-up of CAF's
    // clock.
    const auto now = std::chrono::floor<std::chrono::milliseconds>(self_->clock().now());
    self_->scheduled_send(self_, now + delay, std::make_shared<const Input>(input::Tick{}));
  }

  /// A Done that feeds the answer to this actor, if it is still there; answers without a maker are dropped.
  template <class T>
  Done<T> feed(std::function<std::optional<Input>(Result<T>)> make) {
    return [target = caf::weak_actor_ptr{self_->ctrl()}, make = std::move(make)](Result<T> result) {
      auto input = make(std::move(result));
      auto alive = caf::actor_cast<caf::strong_actor_ptr>(target);
      if (alive && input)
        caf::anon_send(caf::actor_cast<runner>(alive), std::make_shared<const Input>(std::move(*input)));
    };
  }

  void carry_out(const Effect& effect) {
    std::visit([this](const auto& asked) { ask(asked); }, effect);
  }

  void ask(const effect::Record&) {}

  void ask(const effect::PrepareImage& asked) {
    ImageNews news = [target = caf::weak_actor_ptr{self_->ctrl()}](std::string words) {
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
        caf::anon_send(caf::actor_cast<runner>(alive),
                       std::make_shared<const Input>(input::ImageProgress{std::move(words)}));
    };
    runtime_->prepare_image(asked.request, std::move(news),
                            feed<PreparedImage>([](Result<PreparedImage> result) -> std::optional<Input> {
                              if (!result) return input::ImageFailed{result.error()};
                              return input::ImageReady{*result};
                            }));
  }

  void ask(const effect::Expect& asked) { runtime_->expect(asked.request); }

  void ask(const effect::Start& asked) {
    runtime_->start(asked.request,
                    feed<StartedContainer>([](Result<StartedContainer> result) -> std::optional<Input> {
                      if (!result) return input::StartFailed{result.error()};
                      return input::Started{*result};
                    }));
  }

  void ask(const effect::Wait& asked) {
    runtime_->wait(
        asked.container,
        feed<ContainerExit>([id = asked.container](Result<ContainerExit> result) -> std::optional<Input> {
          if (!result) return input::WaitFailed{id, result.error()};
          return input::Exited{id, *result};
        }));
  }

  void ask(const effect::Signal& asked) {
    runtime_->signal(asked.container, asked.signal,
                     feed<Nothing>([id = asked.container](Result<Nothing> result) -> std::optional<Input> {
                       if (!result) return input::SignalFailed{id, result.error()};
                       return std::nullopt;
                     }));
  }

  void ask(const effect::UpdateLimits& asked) {
    runtime_->update_limits(
        asked.container, asked.limits,
        feed<Nothing>([id = asked.container](Result<Nothing> result) -> std::optional<Input> {
          return input::LimitsAnswered{id, result ? std::nullopt : std::optional(result.error())};
        }));
  }

  void ask(const effect::Remove& asked) {
    runtime_->remove(asked.container,
                     feed<Nothing>([id = asked.container](Result<Nothing> result) -> std::optional<Input> {
                       if (!result) return input::RemoveFailed{id, result.error()};
                       return input::Removed{id};
                     }));
  }

  void ask(const effect::Probe& asked) {
    questions_[asked.kind] =
        probes_->ask(asked.question, [id = asked.question.container, kind = asked.kind, number = asked.number,
                                      target = caf::weak_actor_ptr{self_->ctrl()}](ProbeAnswer answer) {
          if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
            caf::anon_send(caf::actor_cast<runner>(alive),
                           std::make_shared<const Input>(input::Probed{id, kind, number, std::move(answer)}));
        });
  }
  void ask(const effect::EndProbes&) {
    for (const auto& [kind, give_up] : questions_)
      if (give_up) give_up();
    questions_.clear();
  }

  runner::pointer self_;
  runner_news_actor supervisor_;
  RuntimePort* runtime_ = nullptr;
  ProbePort* probes_ = nullptr;
  const Clock* clock_ = nullptr;
  Life life_;
  std::map<ProbeKind, GiveUp> questions_;  ///< the last one of each, which may be answered
  std::optional<ReplicaReport> told_;
  std::optional<Millis> armed_;  ///< the earliest Tick on its way
};

}  // namespace

replica_runner_actor spawn_replica_runner(caf::actor_system& system, runner_news_actor supervisor,
                                          RuntimePort& runtime, ProbePort& probes, const Clock& clock,
                                          Life life) {
  return system.spawn(
      [](runner::stateful_pointer<RunnerState> self, runner_news_actor to, RuntimePort* port,
         ProbePort* health, const Clock* time, const std::shared_ptr<Life>& start) {
        return self->state.behave(std::move(to), *port, *health, *time, std::move(*start));
      },
      std::move(supervisor), &runtime, &probes, &clock, std::make_shared<Life>(std::move(life)));
}

}  // namespace cloudless::runtime
