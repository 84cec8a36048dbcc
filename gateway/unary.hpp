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

template <class Fill>
grpc::ServerUnaryReactor* Service::read(Context* context, Method method, Revision min_revision, Fill fill) {
  const auto end = begin(context, method);
  const auto asked = min_revision_of(*context);
  if (!asked) {
    end(fail(asked.error()));
    return end.reactor;
  }
  const auto wanted = std::max(*asked, min_revision);
  if (const auto snapshot = parts_.mirror->present(); snapshot && snapshot->revision() >= wanted) {
    end(fill(*snapshot));
    return end.reactor;
  }
  parts_.mirror->when(
      std::max<Revision>(wanted, 1), parts_.clock.steady() + std::min(budget_of(*context), kLongestWait),
      [end, fill, wanted, mirror = parts_.mirror](bool reached) {
        const auto snapshot = mirror->present();
        if (reached && snapshot) return end(fill(*snapshot));
        end(fail(Errc::unavailable, "this gateway has seen revision " + std::to_string(mirror->revision()) +
                                        " so far, not " + std::to_string(wanted) + "; try again"));
      });
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
