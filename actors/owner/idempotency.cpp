#include "actors/owner/idempotency.hpp"

namespace cloudless::owner {
namespace {

std::string id_of(const CommandContext& context) {
  return key_of(Record{std::make_shared<const IdempotencyRow>(row_for(context, {}, 0))}).id;
}

}  // namespace

IdempotencyRow row_for(const CommandContext& context, std::string reply, WallMillis now) {
  return {context.principal,         context.method,       context.ns,
          context.idempotency_key,   context.request_hash, std::move(reply),
          now + kIdempotencyLifetime};
}

void IdempotencyTable::drop_expired(WallMillis now) {
  while (!by_expiry_.empty() && (by_expiry_.begin()->first <= now || rows_.size() > capacity_)) {
    rows_.erase(by_expiry_.begin()->second);
    by_expiry_.erase(by_expiry_.begin());
  }
}

void IdempotencyTable::keep(std::shared_ptr<const IdempotencyRow> row, WallMillis now) {
  const std::string id = key_of(Record{row}).id;
  auto& slot = rows_[id];
  if (slot) by_expiry_.erase({slot->expires_at, id});
  slot = std::move(row);
  by_expiry_.insert({slot->expires_at, id});
  drop_expired(now);
}

IdempotencyTable::Verdict IdempotencyTable::look_up(const CommandContext& context, WallMillis now,
                                                    Waiter waiter) {
  drop_expired(now);
  const std::string id = id_of(context);
  if (const auto running = in_flight_.find(id); running != in_flight_.end()) {
    if (running->second.request_hash != context.request_hash) return Verdict::conflict;
    running->second.waiters.push_back(std::move(waiter));
    return Verdict::repeated;
  }
  const auto known = rows_.find(id);
  if (known == rows_.end()) return Verdict::fresh;
  if (known->second->request_hash != context.request_hash) return Verdict::conflict;
  waiter(known->second->reply);
  return Verdict::repeated;
}

void IdempotencyTable::begin(const CommandContext& context) {
  in_flight_[id_of(context)] = InFlight{context.request_hash, {}};
}

void IdempotencyTable::finish(const CommandContext& context, std::shared_ptr<const IdempotencyRow> row,
                              WallMillis now) {
  auto running = in_flight_.extract(id_of(context));
  keep(row, now);
  if (running.empty()) return;
  for (const auto& waiter : running.mapped().waiters) waiter(row->reply);
}

void IdempotencyTable::finish(const CommandContext& context, const Error& error) {
  auto running = in_flight_.extract(id_of(context));
  if (running.empty()) return;
  for (const auto& waiter : running.mapped().waiters) waiter(fail(error));
}

}  // namespace cloudless::owner
