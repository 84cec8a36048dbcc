// What goes wrong in a run: one fault at a time is drawn, made, and undone after a while. Counted in the
// stage's coverage as "fault: ...".
#pragma once

#include "chaos/simulator/world.hpp"

namespace cloudless::sim {

/// Draws a fault and makes it. Those that last undo themselves in virtual time.
void make_fault(World& world);

}  // namespace cloudless::sim
