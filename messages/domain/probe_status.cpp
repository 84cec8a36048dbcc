#include "messages/domain/probe_status.hpp"

namespace cloudless {

const char* to_string(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::startup:
      return "startup";
    case ProbeKind::liveness:
      return "liveness";
    case ProbeKind::readiness:
      return "readiness";
  }
  return "unknown";
}

}  // namespace cloudless
