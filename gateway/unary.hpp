// How unary calls are answered: reads from a snapshot that is new enough, writes by their owner and then from
// the mirror that shows them. Templates of Service; included by the files that define its calls.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/service.hpp"
#include "messages/codec/api_command.hpp"

namespace cloudless::gateway {

/// How long the mirror may take to show what is already durable.
inline constexpr Millis kShowWithin = 5'000;
/// For a revision that this gateway has not seen yet.
inline constexpr Millis kLongestWait = 5'000;
inline constexpr std::size_t kMostBytes = 1 << 20;

template <class Request>
Result<void> small_enough(const Request& request) {
  if (request.ByteSizeLong() <= kMostBytes) return {};
  return fail(Errc::resource_exhausted, "the request is larger than 1 MiB");
}

template <class Then>
void Service::when_seen(Context* context, const Ending& end, Revision min_revision, Then then) {
  const auto asked = min_revision_of(*context);
  if (!asked) return end(fail(asked.error()));
  const auto wanted = std::max(*asked, min_revision);
  if (auto snapshot = parts_.mirror->present(); snapshot && snapshot->revision() >= wanted)
    return then(std::move(snapshot));
  parts_.mirror->when(
      std::max<Revision>(wanted, 1), parts_.clock.steady() + std::min(budget_of(*context), kLongestWait),
      [end, then, wanted, mirror = parts_.mirror](bool reached) {
        auto snapshot = mirror->present();
        if (reached && snapshot) return then(std::move(snapshot));
        end(fail(Errc::unavailable, "this gateway has seen revision " + std::to_string(mirror->revision()) +
                                        " so far, not " + std::to_string(wanted) + "; try again"));
      });
}

template <class Fill>
grpc::ServerUnaryReactor* Service::read(Context* context, Method method, Revision min_revision, Fill fill) {
  const auto end = begin(context, method);
  when_seen(context, end, min_revision, [end, fill](const SnapshotPtr& snapshot) { end(fill(*snapshot)); });
  return end.reactor;
}

template <class Job>
void Service::work_out(Context* context, const Ending& end, Job job) {
  when_seen(context, end, 0, [this, end, job](SnapshotPtr snapshot) {
    if (!planner_.run([job, snapshot = std::move(snapshot)] { job(*snapshot); }))
      end(fail(Errc::resource_exhausted, "this gateway works out " + std::to_string(Planner::kMostAtOnce) +
                                             " plans and explanations already; try again in a moment"));
  });
}

template <class Fill>
grpc::ServerUnaryReactor* Service::work_out(Context* context, Method method, Fill fill) {
  const auto end = begin(context, method);
  work_out(context, end, [end, fill](const Snapshot& snapshot) { end(fill(snapshot)); });
  return end.reactor;
}

template <class Reply, class Fill>
void Service::show(const Ending& end, Result<Answer> answer, Fill fill) {
  if (!answer) return end(fail(answer.error()));
  const auto reply = std::get<Carried<Reply>>(*answer);
  parts_.mirror->when(
      reply->store_revision, parts_.clock.steady() + kShowWithin,
      [end, reply, fill, mirror = parts_.mirror](bool shown) {
        if (!shown)
          return end(fail(Errc::unavailable, "done at revision " + std::to_string(reply->store_revision) +
                                                 ", but this gateway does not see it yet"));
        fill(*reply, *mirror->present());
        end({});
      });
}

template <class Reply, class Request, class Fill>
grpc::ServerUnaryReactor* Service::write(Context* context, Method method, const Request* request, Fill fill) {
  const auto end = begin(context, method);
  if (auto small = small_enough(*request); !small) {
    end(small);
    return end.reactor;
  }
  auto command = codec::parse_command(*request, principal_of(*context));
  if (!command) {
    end(fail(command.error()));
    return end.reactor;
  }
  ask(context, Carried(std::move(*command)),
      [this, end, fill](Result<Answer> answer) { show<Reply>(end, std::move(answer), fill); });
  return end.reactor;
}

}  // namespace cloudless::gateway
