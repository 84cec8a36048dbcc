#include "chaos/simulator/run.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

using namespace cloudless;

namespace {

/// A run makes its parts complain on purpose.
class Quiet {
 public:
  Quiet() { spdlog::set_level(spdlog::level::off); }
  ~Quiet() { spdlog::set_level(before_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  spdlog::level::level_enum before_ = spdlog::get_level();
};

}  // namespace

TEST_CASE("A run replays from its seed, bit by bit, and other seeds are other runs") {
  const Quiet quiet;
  const auto first = sim::run({3, 500, false}), again = sim::run({3, 500, false}),
             other = sim::run({5, 500, false});
  CHECK(first.hash == again.hash);
  CHECK(first.steps == again.steps);
  CHECK(first.virtual_time == again.virtual_time);
  CHECK(first.hash != other.hash);
}
