// libFuzzer's bytes drive the scheduler's engine, with and without vectors, and the loop over all nodes that
// it is compared with: `./dev fuzz`.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "actors/scheduler/engine/engine_drive.test.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::uint32_t kMostNodes = 200;
  const auto result = cloudless::scheduler::engine::drive({bytes, size}, kMostNodes);
  if (result.difference.empty()) return 0;
  std::fprintf(stderr, "the engine and the oracle differ: %s\n", result.difference.c_str());
  std::abort();
}
