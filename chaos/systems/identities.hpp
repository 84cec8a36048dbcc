// Identities of simulated actor systems. CAF makes a system's identity of the machine and the process; in the
// simulator's executable it is made of a number, so that a seed replays and every simulated process has one
// of its own.
#pragma once

namespace cloudless::sim {

/// The next system made gets the first number again. For the beginning of a run.
void restart_identities();

}  // namespace cloudless::sim
