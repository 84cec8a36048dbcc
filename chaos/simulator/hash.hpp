// FNV-1a, for trace hashes and digests: the same on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace cloudless::sim {

class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) mix(static_cast<unsigned char>(c));
  }
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) mix(static_cast<unsigned char>(number >> (8 * i)));
  }
  std::uint64_t value() const { return value_; }

 private:
  void mix(unsigned char byte) {
    value_ ^= byte;
    value_ *= 1099511628211u;
  }
  std::uint64_t value_ = 14695981039346656037u;
};

}  // namespace cloudless::sim
