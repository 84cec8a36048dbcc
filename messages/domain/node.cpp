#include "messages/domain/node.hpp"

namespace cloudless {

const char* to_string(NodeState state) {
  switch (state) {
    case NodeState::ready:
      return "READY";
    case NodeState::suspect:
      return "SUSPECT";
    case NodeState::offline:
      return "OFFLINE";
  }
  return "UNKNOWN";
}

}  // namespace cloudless
