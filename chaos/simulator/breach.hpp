// A broken invariant: which, and what was seen. Checkers return them; the first one ends a run.
#pragma once

#include <string>
#include <vector>

namespace cloudless::sim {

struct Breach {
  std::string invariant;
  std::string what;
};
using Breaches = std::vector<Breach>;

}  // namespace cloudless::sim
