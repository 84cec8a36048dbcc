// How a container is asked for its health: prober/ is the real one, simulated/ the simulator's.
// replica_runner asks what lifecycle wants asked. Always holds: each question is answered exactly once, from
// any thread, soon after its timeout at the latest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/container.hpp"

namespace cloudless::runtime {

struct ProbeQuestion {
  ContainerId container;
  std::string address;  ///< IPv4 of the container
  ProbeCheck check;
  Millis timeout = 1000;  ///< an exec check's begins when it has a place (at most 8 run at once)
};

enum class ProbeOutcome : std::uint8_t {
  passed,
  failed,
  unknown,  ///< the fault is this node's (the runtime is away, no free port): says nothing of the container
};

struct ProbeAnswer {
  ProbeOutcome outcome = ProbeOutcome::unknown;
  std::string
      text;  ///< why not passed, in words: "HTTP 503 from /health"; at most 300 bytes of printable text
  bool operator==(const ProbeAnswer&) const = default;
};

class ProbePort {
 public:
  virtual ~ProbePort() = default;
  /// The returned function ends the question early; the answer may come nevertheless.
  virtual GiveUp ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) = 0;
};

}  // namespace cloudless::runtime
