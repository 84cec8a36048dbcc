// What a simulated container does, told by its template. The image's last path component begins with
// "missing" (NOT_FOUND) or "unreachable" (UNAVAILABLE); arguments are words: "exit=CODE", "after=MS" (with
// exit; default 0), "slow-start=MS", "broken" (cannot be started), "ignore-term", "term=MS" (takes so long to
// end on SIGTERM), "memory=BYTES" (in use). Otherwise it runs for ever. Of its probes: "ready-after=MS"
// ("/ready" fails until then), "flap=MS" ("/ready" changes that often, ten times), "sick-after=MS" ("/health"
// fails from then on), "silent" (no question is answered in time).
#pragma once

#include <cstdint>
#include <optional>

#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

struct Behaviour {
  enum class Image : std::uint8_t { present, missing, unreachable };
  Image image = Image::present;
  Millis start_takes = 0;
  bool broken = false;
  std::optional<std::int32_t> exit_code;  ///< absent: runs for ever
  Millis exit_after = 0;
  bool ignores_term = false;
  Millis term_takes = 0;
  std::int64_t memory_in_use = 0;  ///< bytes; a lower limit is refused
  Millis ready_after = 0;
  Millis flap = 0;
  std::optional<Millis> sick_after;
  bool silent = false;
};

Behaviour::Image behaviour_of_image(const std::string& image);
/// Words that are not known are arguments like any other and change nothing.
Behaviour behaviour_of(const Template& pod);

}  // namespace cloudless::runtime
