// What goes wrong in a run: one fault at a time is drawn, made, and undone after a while. Counted in the
// stage's coverage as "fault: ...".
#pragma once

#include "chaos/simulator/world.hpp"

namespace cloudless::sim {

/// Draws a fault and makes it. Those that last undo themselves in virtual time.
void make_fault(World& world);

/// A machine is not heard of for about as long as its lease lasts, and the disk is slow: of a node that is
/// lost many are in flight who relied on it.
void make_loss(World& world);

}  // namespace cloudless::sim
