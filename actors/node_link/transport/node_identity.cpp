// Replaces a function of CAF's library, so that every actor system has an identity of its own: CAF derives it
// from the machine and the process id, and with a process id used again (containers) a restarted peer would
// be taken for its dead predecessor. Compiled into every executable that links others; an executable's
// symbols come before those of libraries.
#include <string>

#include "actors/node_link/transport/secret_file.hpp"

namespace caf::detail {

std::string get_root_uuid();
std::string get_root_uuid() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : cloudless::node_link::random_bytes(16)) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace caf::detail
