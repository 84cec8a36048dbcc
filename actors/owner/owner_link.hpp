// The part of an owner's shell that talks to the store: loads, follows, keeps the head in step, and answers
// requests when what they say is durable. Used by workload_state_actor and node_membership_actor; lives in
// the actor and is touched by it alone. Before it has loaded, requests get UNAVAILABLE; while it waits for
// the answers after a refused commit, they wait too.
#pragma once

#include <spdlog/spdlog.h>
#include <chrono>
#include <deque>
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
  /// Called with each state that was loaded as a whole: the first one, and after every gap.
  void on_loaded(std::function<void(const Snapshot&)> call) { on_loaded_ = std::move(call); }
  Head& head() { return head_; }

  /// Follows the store and loads what a snapshot does not hold; tries again until it succeeds.
  void start() {
    self_->request(store_, kLoadTimeout, follow_atom::value, follower_actor{self_})
        .then(
            [this](const CommitsPublished& loaded) {
              head_.load(loaded.after);
              if (on_loaded_) on_loaded_(*loaded.after);
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
    const bool gap = head_.published() && batch.predecessor != head_.published()->revision();
    head_.publish(batch.predecessor, *batch.commits, batch.after);
    if (gap && on_loaded_) on_loaded_(*batch.after);
    go_on();
  }

  /// Judges a request on the head and answers it when everything that was planned is durable; judges again if
  /// it only fell with an earlier commit. `judge` may be called several times; `note` writes the revision
  /// into the reply.
  template <class Reply>
  void answer(caf::typed_response_promise<Carried<Reply>> promise, std::function<Result<Reply>(Plan&)> judge,
              std::function<void(Reply&, Revision)> note) {
    attempt(std::make_shared<Request<Reply>>(
        Request<Reply>{std::move(promise), std::move(judge), std::move(note), {}, When::all, kTries}));
  }

  /// The same for a command: answered when its first unit is durable, and carried out once per idempotency
  /// key. Reply: CommandReply or NodeReply.
  template <class Reply>
  void answer_command(const CommandContext& context, caf::typed_response_promise<Carried<Reply>> promise,
                      std::function<Result<Reply>(Plan&)> judge) {
    attempt(std::make_shared<Request<Reply>>(Request<Reply>{
        std::move(promise), std::move(judge), [](Reply& reply, Revision at) { reply.store_revision = at; },
        context, When::first, kTries}));
  }

  /// Commits what nobody waits for. The plan was made from head().now().
  void commit(Plan plan) {
    auto units = plan.take_units();
    send(std::move(units), plan.now(), When::all, [](const Result<Revision>&) {});
  }

 private:
  static constexpr std::chrono::seconds kLoadTimeout{5};
  static constexpr std::chrono::seconds kRetryPause{1};
  /// A store that is silent for so long is broken, and nobody knows what became of the commit: the process
  /// has to start anew.
  static constexpr std::chrono::seconds kCommitTimeout{30};
  static constexpr std::uint32_t kRowsPerPage = 1000;
  static constexpr int kTries = 5;
  static constexpr std::size_t kMaxWaiting = 10000;

  /// Which units must be durable before a request is answered.
  enum class When { first, all };

  template <class Reply>
  struct Request {
    caf::typed_response_promise<Carried<Reply>> promise;
    std::function<Result<Reply>(Plan&)> judge;
    std::function<void(Reply&, Revision)> note;
    CommandContext context;  ///< of a command with an idempotency key; else without one
    When when = When::all;
    int tries_left = 0;
    std::shared_ptr<const IdempotencyRow> row;  ///< once it was judged good: under way

    bool has_key() const { return !context.idempotency_key.empty(); }
  };

  template <class Reply>
  void attempt(const std::shared_ptr<Request<Reply>>& request) {
    if (!rows_loaded_ || !head_.published() || waiting_.size() >= kMaxWaiting)
      return settle(*request,
                    Error{Errc::unavailable, name_ + " is loading or has too much to do; try again", {}});
    if (!ready()) {
      waiting_.push_back([this, request] { attempt(request); });
      return;
    }
    if (request->has_key() && !request->row && is_known(request)) return;
    Plan plan(head_.now());
    Result<Reply> reply = request->judge(plan);
    if (!reply) return settle(*request, reply.error());
    auto units = plan.take_units();
    if (request->has_key()) add_row(*request, *reply, units);
    send(std::move(units), plan.now(), request->when,
         [this, request, reply = std::move(*reply)](const Result<Revision>& at) mutable {
           if (at) {
             request->note(reply, *at);
             settle(*request, std::move(reply));
           } else if (at.error().code == Errc::cancelled && --request->tries_left > 0) {
             waiting_.push_back([this, request] { attempt(request); });
           } else {
             Error error = at.error();
             if (error.code == Errc::cancelled) error.code = Errc::unavailable;
             settle(*request, std::move(error));
           }
         });
  }

  /// True if the key was used: the request is answered then, now or when the first one is.
  template <class Reply>
  bool is_known(const std::shared_ptr<Request<Reply>>& request) {
    const auto verdict =
        rows_.look_up(request->context, clock_.wall(),
                      [this, request](const Result<std::string>& bytes) { deliver_stored(*request, bytes); });
    if (verdict == IdempotencyTable::Verdict::conflict)
      settle(*request, Error{Errc::invalid_argument,
                             "the idempotency key was used for another request of " +
                                 request->context.method + "; use a new key for a new request",
                             {}});
    return verdict != IdempotencyTable::Verdict::fresh;
  }

  template <class Reply>
  void add_row(Request<Reply>& request, const Reply& reply, std::vector<CommitUnit>& units) {
    if (!request.row) rows_.begin(request.context);
    request.row =
        std::make_shared<const IdempotencyRow>(row_for(request.context, codec::encode(reply), clock_.wall()));
    if (units.empty()) units.emplace_back();
    units.front().changes.push_back(put(request.row));
  }

  template <class Reply>
  void settle(Request<Reply>& request, Reply reply) {
    request.promise.deliver(Carried<Reply>(std::move(reply)));
    if (request.row) rows_.finish(request.context, request.row, clock_.wall());
  }
  template <class Reply>
  void settle(Request<Reply>& request, const Error& error) {
    request.promise.deliver(to_caf(error));
    if (request.row) rows_.finish(request.context, error);
  }

  /// What waited for the head can be judged now.
  void go_on() {
    while (ready() && !waiting_.empty()) {
      const auto next = std::move(waiting_.front());
      waiting_.pop_front();
      next();
    }
  }

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

  /// Sends the units in order and tells `done` about the first or the last; `after` is what is true after all
  /// of them. Without units it is told when the head that was judged by is durable.
  void send(std::vector<CommitUnit> units, const Snapshot& after, When when, Head::Done done) {
    if (units.empty()) return head_.when_durable(std::move(done));
    head_.use_stamp();
    const std::size_t awaited = when == When::first ? 0 : units.size() - 1;
    for (std::size_t i = 0; i < units.size(); ++i)
      send_unit(
          std::move(units[i]), after, i == awaited ? std::move(done) : [](const Result<Revision>&) {});
  }

  void send_unit(CommitUnit unit, const Snapshot& after, Head::Done done) {
    auto request = std::make_shared<CommitRequest>();
    request->owner = name_;
    request->epoch = head_.epoch();
    const auto flight = head_.begin(after, std::move(done));
    request->changes = std::move(unit.changes);
    request->preconditions = std::move(unit.preconditions);
    self_->request(store_, kCommitTimeout, commit_atom::value, CommitRequestPtr(std::move(request)))
        .then([this, flight](Revision at) { take_answer(flight, at); },
              [this, flight](const caf::error& error) {
                take_answer(flight, fail(from_caf(error)));
                if (error == caf::sec::request_timeout) {
                  spdlog::critical("{}: the store did not answer a commit within {} s", name_,
                                   kCommitTimeout.count());
                  self_->quit(caf::sec::runtime_error);
                }
              });
  }
  void take_answer(std::uint64_t flight, const Result<Revision>& answer) {
    head_.finish(flight, answer);
    go_on();
  }

  template <class Reply>
  void deliver_stored(Request<Reply>& request, const Result<std::string>& bytes) {
    if (!bytes) return settle(request, bytes.error());
    Reply reply;
    if (!codec::decode(*bytes, reply))
      return settle(request,
                    Error{Errc::data_loss, "the answer kept under this idempotency key cannot be read", {}});
    request.note(reply, head_.published()->revision());
    settle(request, std::move(reply));
  }

  Self self_;
  std::string name_;
  store_actor store_;
  const Clock& clock_;
  Head head_;
  std::function<bool(const std::string&)> owns_row_;
  std::function<void(const Snapshot&)> on_loaded_;
  IdempotencyTable rows_;
  bool rows_loaded_ = false;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace cloudless::owner
