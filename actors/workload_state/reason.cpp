#include "actors/workload_state/reason.hpp"

namespace cloudless::workload_state {

std::string shortened(const std::string& text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace cloudless::workload_state
