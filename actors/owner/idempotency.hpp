// Which requests were carried out under which idempotency key (ARCHITECTURE.md, rule 14). The rows live in
// the store, in the commits of the requests themselves; an owner loads its own when it starts and keeps them
// here. Errors are not kept.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"

namespace cloudless::owner {

inline constexpr Millis kIdempotencyLifetime = 24LL * 3600 * 1000;
/// Beyond this many the oldest answers are forgotten early, so that memory stays bounded.
inline constexpr std::size_t kMaxIdempotencyRows = 50000;

class IdempotencyTable {
 public:
  /// Gets the encoded reply of the first request, or its error.
  using Waiter = std::function<void(const Result<std::string>&)>;
  enum class Verdict {
    fresh,     ///< carry it out
    repeated,  ///< the waiter was or will be called
    conflict,  ///< the key was used for another request: INVALID_ARGUMENT
  };

  explicit IdempotencyTable(std::size_t capacity = kMaxIdempotencyRows) : capacity_(capacity) {}

  /// From the store, or just committed. An expired row is not kept.
  void keep(std::shared_ptr<const IdempotencyRow> row, WallMillis now);

  /// Never called with an empty key. `waiter` is taken only for `repeated`.
  Verdict look_up(const CommandContext& context, WallMillis now, Waiter waiter);
  /// The request is being carried out: repeats wait for finish().
  void begin(const CommandContext& context);
  /// It is done: `row` is durable.
  void finish(const CommandContext& context, std::shared_ptr<const IdempotencyRow> row, WallMillis now);
  /// It failed: those who waited get the error, the key is free again.
  void finish(const CommandContext& context, const Error& error);

  std::size_t size() const { return rows_.size(); }

 private:
  struct InFlight {
    std::string request_hash;
    std::vector<Waiter> waiters;
  };
  void drop_expired(WallMillis now);

  std::size_t capacity_;
  std::map<std::string, std::shared_ptr<const IdempotencyRow>> rows_;
  std::set<std::pair<WallMillis, std::string>> by_expiry_;
  std::map<std::string, InFlight> in_flight_;
};

/// The row that goes into the request's own commit.
IdempotencyRow row_for(const CommandContext& context, std::string reply, WallMillis now);

}  // namespace cloudless::owner
