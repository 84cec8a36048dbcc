// The part of an owner's shell that talks to the store: loads, follows, commits, and keeps the head in step.
// Used by workload_state_actor and node_membership_actor; lives in the actor and is touched by it alone.
// While ready() is false the owner answers UNAVAILABLE.
#pragma once

#include <spdlog/spdlog.h>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/owner/head.hpp"
#include "actors/owner/idempotency.hpp"
#include "messages/caf_error.hpp"
#include "messages/codec/wire.hpp"
#include "messages/domain/time.hpp"
#include "messages/store.hpp"

namespace cloudless::owner {

/// Self: pointer to a typed actor that handles CommitsPublished.
template <class Self>
class OwnerLink {
 public:
  /// `owns_row`: whether the idempotency rows of this method are this owner's.
  OwnerLink(Self self, std::string name, store_actor store, const Clock& clock, std::vector<RecordKind> kinds,
            std::function<bool(const std::string& method)> owns_row)
      : self_(self),
        name_(std::move(name)),
        store_(std::move(store)),
        clock_(clock),
        head_(std::move(kinds)),
        owns_row_(std::move(owns_row)) {}

  bool ready() const { return rows_loaded_ && head_.ready(); }
  Error not_ready() const { return {Errc::unavailable, name_ + " is loading; try again", {}}; }
  Head& head() { return head_; }

  /// Follows the store and loads what a snapshot does not hold; tries again until it succeeds.
  void start() {
    self_->request(store_, kLoadTimeout, follow_atom::value, follower_actor{self_})
        .then(
            [this](const CommitsPublished& loaded) {
              head_.load(loaded.after);
              load_rows({});
            },
            [this](const caf::error& error) {
              spdlog::warn("{}: cannot follow the store: {}", name_, from_caf(error).message);
              self_->delayed_send(self_, kRetryPause, sweep_atom::value);
            });
  }
  /// On sweep_atom: start() failed a while ago.
  void start_again() {
    if (!head_.published())
      start();
    else if (!rows_loaded_)
      load_rows({});
  }

  void published(const CommitsPublished& batch) {
    head_.publish(batch.predecessor, *batch.commits, batch.after);
  }

  /// Sends the units in order; `first` is told when the first is durable, `last` when all are. Both may be
  /// empty. With no units both are told when the head that was judged by is durable.
  void commit(std::vector<CommitUnit> units, Head::Done first, Head::Done last) {
    const auto ignore = [](const Result<Revision>&) {};
    if (!first) first = ignore;
    if (!last) last = ignore;
    if (units.empty()) {
      head_.when_durable([first, last](const Result<Revision>& at) {
        first(at);
        last(at);
      });
      return;
    }
    head_.use_stamp();
    for (std::size_t i = 0; i < units.size(); ++i) {
      const bool is_first = i == 0;
      const bool is_last = i + 1 == units.size();
      send(std::move(units[i]), [=](const Result<Revision>& at) {
        if (is_first) first(at);
        if (is_last) last(at);
      });
    }
  }

  /// Judges a command with `judge(plan) -> Result<Reply>` and answers when its first unit is durable, at most
  /// once per idempotency key. Reply: CommandReply or NodeReply.
  template <class Reply, class Judge>
  void answer_command(const CommandContext& context, caf::typed_response_promise<Carried<Reply>> promise,
                      Judge judge) {
    if (!ready()) return void(promise.deliver(to_caf(not_ready())));
    const bool has_key = !context.idempotency_key.empty();
    if (has_key) {
      const auto verdict =
          rows_.look_up(context, clock_.wall(), [this, promise](const Result<std::string>& bytes) mutable {
            deliver_stored<Reply>(promise, bytes);
          });
      if (verdict == IdempotencyTable::Verdict::repeated) return;
      if (verdict == IdempotencyTable::Verdict::conflict)
        return void(promise.deliver(to_caf({Errc::invalid_argument,
                                            "the idempotency key was used for another request of " +
                                                context.method + "; use a new key for a new request",
                                            {}})));
    }
    Plan plan(head_.now());
    Result<Reply> reply = judge(plan);
    if (!reply) return void(promise.deliver(to_caf(reply.error())));
    auto units = plan.take_units();
    std::shared_ptr<const IdempotencyRow> row;
    if (has_key) {
      row = std::make_shared<const IdempotencyRow>(row_for(context, codec::encode(*reply), clock_.wall()));
      if (units.empty()) units.emplace_back();
      units.front().changes.push_back(put(row));
      rows_.begin(context);
    }
    commit(std::move(units),
           [this, context, row, promise, answer = std::move(*reply)](const Result<Revision>& at) mutable {
             if (at) {
               answer.store_revision = *at;
               promise.deliver(Carried<Reply>(std::move(answer)));
               if (row) rows_.finish(context, row, clock_.wall());
             } else {
               promise.deliver(to_caf(at.error()));
               if (row) rows_.finish(context, at.error());
             }
           },
           {});
  }

 private:
  static constexpr std::chrono::seconds kLoadTimeout{5};
  static constexpr std::chrono::seconds kRetryPause{1};
  /// A store that is silent for so long is broken, and nobody knows what became of the commit: the process
  /// has to start anew.
  static constexpr std::chrono::seconds kCommitTimeout{30};
  static constexpr std::uint32_t kRowsPerPage = 1000;

  void load_rows(std::string after) {
    self_
        ->request(store_, kLoadTimeout, range_atom::value, static_cast<std::uint8_t>(RecordKind::idempotency),
                  std::move(after), kRowsPerPage)
        .then([this](const RecordsPtr& page) { take_rows(*page); },
              [this](const caf::error& error) {
                spdlog::warn("{}: cannot load idempotency rows: {}", name_, from_caf(error).message);
                self_->delayed_send(self_, kRetryPause, sweep_atom::value);
              });
  }
  void take_rows(const std::vector<Record>& page) {
    for (const auto& record : page)
      if (const auto* row = std::get_if<std::shared_ptr<const IdempotencyRow>>(&record);
          row && owns_row_((*row)->method))
        rows_.keep(*row, clock_.wall());
    if (page.empty())
      rows_loaded_ = true;
    else
      load_rows(key_of(page.back()).id);
  }

  void send(CommitUnit unit, Head::Done done) {
    auto request = std::make_shared<CommitRequest>();
    request->owner = name_;
    request->epoch = head_.epoch();
    const auto flight = head_.begin(unit, std::move(done));
    request->changes = std::move(unit.changes);
    request->preconditions = std::move(unit.preconditions);
    self_->request(store_, kCommitTimeout, commit_atom::value, CommitRequestPtr(std::move(request)))
        .then([this, flight](Revision at) { head_.finish(flight, at); },
              [this, flight](const caf::error& error) {
                head_.finish(flight, fail(from_caf(error)));
                if (error == caf::sec::request_timeout) {
                  spdlog::critical("{}: the store did not answer a commit within {} s", name_,
                                   kCommitTimeout.count());
                  self_->quit(caf::sec::runtime_error);
                }
              });
  }

  template <class Reply>
  void deliver_stored(caf::typed_response_promise<Carried<Reply>>& promise,
                      const Result<std::string>& bytes) {
    if (!bytes) return void(promise.deliver(to_caf(bytes.error())));
    Reply reply;
    if (!codec::decode(*bytes, reply))
      return void(promise.deliver(
          to_caf({Errc::data_loss, "the answer kept under this idempotency key cannot be read", {}})));
    reply.store_revision = head_.published()->revision();
    promise.deliver(Carried<Reply>(std::move(reply)));
  }

  Self self_;
  std::string name_;
  store_actor store_;
  const Clock& clock_;
  Head head_;
  std::function<bool(const std::string&)> owns_row_;
  IdempotencyTable rows_;
  bool rows_loaded_ = false;
};

}  // namespace cloudless::owner
