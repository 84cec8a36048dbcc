// A connection with a time limit.
#pragma once

#include <chrono>

#include "actors/runtime/archive/descriptor.hpp"
#include "services/settings/address.hpp"

namespace cloudless::cli {

/// For poll's `events`; false once the time is over.
bool wait_for(int fd, short events, std::chrono::steady_clock::time_point until);

/// To the first of the server's addresses that takes it, not blocking from then on. None: nobody is there in
/// time.
runtime::Descriptor dial(const settings::Address& address, std::chrono::steady_clock::time_point until);

}  // namespace cloudless::cli
