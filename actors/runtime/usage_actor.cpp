#include "actors/runtime/usage_actor.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "actors/runtime/usage_book.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kUsageChunk = 64 << 10;

using usage = usage_actor;

class UsageState {
 public:
  static inline const char* name = "usage";
  explicit UsageState(usage::pointer self) : self_(self) {}

  usage::behavior_type behave(RuntimePort& runtime, const Clock& clock, NodeId node, Millis interval) {
    runtime_ = &runtime;
    clock_ = &clock;
    interval_ = interval;
    book_.emplace(std::move(node));
    look();
    return {[this](const UsageSessionPtr& asked) { answer(*asked); }, [this](sweep_atom) { look(); },
            [this](const UsageSamplePtr& sample) { take(*sample); }};
  }

 private:
  void look() {
    runtime_->usage([target = caf::weak_actor_ptr{self_->ctrl()}](Result<std::vector<ContainerUsage>> seen) {
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
        caf::anon_send(caf::actor_cast<usage>(alive),
                       std::make_shared<const Result<std::vector<ContainerUsage>>>(std::move(seen)));
    });
  }

  void take(const Result<std::vector<ContainerUsage>>& sample) {
    if (sample) book_->take(*sample, clock_->steady(), clock_->wall());
    looked_ = true;
    for (const auto& asked : std::exchange(waiting_, {})) answer(asked);
    self_->delayed_send(self_, std::chrono::milliseconds(interval_), sweep_atom_v);
  }

  void answer(const UsageSession& asked) {
    if (!looked_) return waiting_.push_back(asked);
    const auto send = [&](auto body) {
      self_->send(asked.sink, Carried<SessionFrame>{SessionFrame{asked.session, std::move(body)}});
    };
    const auto bytes = codec::encode(book_->usage());
    std::uint64_t sequence = 0;
    for (std::size_t at = 0; at < bytes.size(); at += kUsageChunk) {
      SessionData piece;
      piece.sequence = sequence++;
      piece.output = bytes.substr(at, kUsageChunk);
      send(std::move(piece));
    }
    send(SessionEnd{});
  }

  usage::pointer self_;
  RuntimePort* runtime_ = nullptr;
  const Clock* clock_ = nullptr;
  Millis interval_ = 0;
  std::optional<UsageBook> book_;
  bool looked_ = false;
  std::vector<UsageSession> waiting_;  ///< asked before the first look
};

}  // namespace

usage_actor spawn_usage(caf::actor_system& system, RuntimePort& runtime, const Clock& clock, NodeId node,
                        Millis interval) {
  return system.spawn(
      [](usage::stateful_pointer<UsageState> self, RuntimePort* port, const Clock* time, NodeId id,
         Millis every) { return self->state.behave(*port, *time, std::move(id), every); },
      &runtime, &clock, std::move(node), interval);
}

}  // namespace cloudless::runtime
