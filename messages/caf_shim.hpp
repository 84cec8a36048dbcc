// The one place that knows how CAF 0.17.6 spells things that later versions spell better: typed interfaces as
// function signatures, and messages that never leave the process.
#pragma once

#include <caf/all.hpp>

namespace cloudless::shim {

template <class Signature>
struct Mpi;
template <class... Rs, class... Is>
struct Mpi<caf::result<Rs...>(Is...)> {
  using type = typename caf::replies_to<Is...>::template with<Rs...>;
};

}  // namespace cloudless::shim

namespace cloudless {

/// `ActorOf<caf::result<Reply>(Request), caf::result<void>(Tick)>`, as later versions of CAF write it.
template <class... Signatures>
using ActorOf = caf::typed_actor<typename shim::Mpi<Signatures>::type...>;

}  // namespace cloudless
