#include "actors/runtime/simulated/simulated_disk.hpp"

#include <utility>

namespace cloudless::runtime {

void SimulatedDisk::load(Done<std::string> done) {
  post_(draw_delay(), [this, done = std::move(done)] {
    if (!file_) return done(fail(Errc::not_found, "there is no state file"));
    done(*file_);
  });
}

void SimulatedDisk::save(std::string bytes, Done<Nothing> done) {
  in_flight_ = std::move(bytes);
  post_(draw_delay(), [this, done = std::move(done), life = life_] {
    if (life != life_) return;
    if (full_) {
      in_flight_.reset();
      return done(fail(Errc::unavailable, "the state file cannot be written: no space left on device"));
    }
    file_ = std::exchange(in_flight_, std::nullopt);
    done(Nothing{});
  });
}

void SimulatedDisk::crash() {
  ++life_;
  if (in_flight_ && !full_ && random_() % 2 == 0) file_ = std::move(in_flight_);
  in_flight_.reset();
}

}  // namespace cloudless::runtime
