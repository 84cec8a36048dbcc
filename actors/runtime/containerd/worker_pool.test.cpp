#include "actors/runtime/containerd/worker_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>

namespace cloudless::runtime {
namespace {

TEST_CASE("jobs run at the same time up to the limit, the rest waits its turn") {
  WorkerPool pool(3);
  std::promise<void> go;
  const auto gate = go.get_future().share();
  std::atomic<int> begun{0}, running{0}, ran{0};
  std::promise<void> three;
  for (int i = 0; i < 10; ++i)
    pool.submit([&] {
      ++running;
      if (++begun == 3) three.set_value();
      gate.wait();
      CHECK(running <= 3);
      --running;
      ++ran;
    });
  REQUIRE(three.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  CHECK(ran == 0);
  go.set_value();
  pool.finish();
  CHECK(ran == 10);
}

TEST_CASE("nothing that was submitted is forgotten, also after the end") {
  WorkerPool pool(2);
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) pool.submit([&] { ++ran; });
  pool.finish();
  CHECK(ran == 100);
  pool.submit([&] { ++ran; });
  CHECK(ran == 101);
}

}  // namespace
}  // namespace cloudless::runtime
