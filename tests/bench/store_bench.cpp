// How many commits the store acknowledges, durably, on this machine: one at a time, and with many in flight.
// store_bench [directory] [seconds per line]
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "actors/store/sqlite_engine.hpp"
#include "actors/store/store_actor.hpp"
#include "messages/caf_error.hpp"

namespace cloudless {
namespace {

using SteadyClock = std::chrono::steady_clock;

class SystemClock : public Clock {
 public:
  Millis steady() const override { return since_epoch<SteadyClock>(); }
  WallMillis wall() const override { return since_epoch<std::chrono::system_clock>(); }

 private:
  template <class C>
  static Millis since_epoch() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(C::now().time_since_epoch()).count();
  }
};

struct Measured {
  std::vector<double> micros;
  double seconds = 0;
};

/// A new workload of 0 replicas with its version and its idempotency row, as CreateWorkload commits it.
std::vector<Change> create_workload(std::uint64_t number) {
  Workload workload;
  char uid[16];
  std::snprintf(uid, sizeof uid, "%010lx", static_cast<unsigned long>(number));
  workload.uid = WorkloadUid{uid};
  workload.ns = "default";
  workload.name = "workload-" + std::to_string(number);
  workload.revision = number;
  workload.spec.pod.image = "registry.example/team/application:1.2.3";
  workload.spec.labels = {{"app", "bench"}, {"team", "a"}};
  const Version version{workload.uid, 1, workload.spec.pod};
  const IdempotencyRow row{"someone",        "CreateWorkload",     "default",
                           workload.name,    std::string(32, 'h'), std::string(400, 'r'),
                           4'000'000'000'000};
  return {put(std::make_shared<const Workload>(workload)), put(std::make_shared<const Version>(version)),
          put(std::make_shared<const IdempotencyRow>(row))};
}

/// Keeps `window` commits in flight until the time is over.
class Owner {
 public:
  Owner(caf::event_based_actor* self, store_actor store, std::size_t window, double seconds,
        std::uint64_t* number, Measured* out)
      : self_(self), store_(std::move(store)), number_(number), out_(out), begin_(SteadyClock::now()) {
    end_ = begin_ + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
    for (std::size_t i = 0; i < window; ++i) commit();
  }

 private:
  void commit() {
    ++in_flight_;
    auto request =
        std::make_shared<const CommitRequest>(CommitRequest{"bench", 1, create_workload(++*number_), {}});
    const auto sent = SteadyClock::now();
    self_->request(store_, std::chrono::seconds(30), commit_atom::value, CommitRequestPtr(std::move(request)))
        .then([this, sent](Revision) { answered(sent); },
              [](const caf::error& error) {
                std::fprintf(stderr, "%s\n", from_caf(error).message.c_str());
                std::exit(1);
              });
  }
  void answered(SteadyClock::time_point sent) {
    --in_flight_;
    const auto now = SteadyClock::now();
    out_->micros.push_back(std::chrono::duration<double, std::micro>(now - sent).count());
    if (now < end_) return commit();
    if (in_flight_ > 0) return;
    out_->seconds = std::chrono::duration<double>(now - begin_).count();
    self_->quit();
  }

  caf::event_based_actor* self_;
  store_actor store_;
  std::uint64_t* number_;
  Measured* out_;
  SteadyClock::time_point begin_, end_;
  std::size_t in_flight_ = 0;
};

Measured measure(caf::actor_system& system, const store_actor& store, std::size_t window, double seconds,
                 std::uint64_t* number) {
  Measured out;
  auto owner = system.spawn([&](caf::event_based_actor* self) {
    auto state = std::make_shared<Owner>(self, store, window, seconds, number, &out);
    self->attach_functor([state] {});
  });
  caf::scoped_actor {
    system
    } -> wait_for(owner);
  std::sort(out.micros.begin(), out.micros.end());
  return out;
}

int run(const std::string& directory, double seconds) {
  caf::actor_system_config config;
  register_messages(config);
  config.set("scheduler.policy", caf::atom("sharing"));
  caf::actor_system system(config);
  const SystemClock clock;
  auto engine = store::open_sqlite_engine(directory + "/store.db");
  auto store = engine
                   ? spawn_store(system, std::move(*engine), clock, {std::string(32, '0'), {}, {}, 512, {}})
                   : Result<store_actor>(fail(engine.error()));
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 1;
  }
  std::uint64_t number = 0;
  std::printf("in flight  commits/s    p50 us    p99 us\n");
  for (const std::size_t window : {1, 8, 64, 256}) {
    const auto m = measure(system, *store, window, seconds, &number);
    const auto at = [&m](double part) {
      return m.micros[static_cast<std::size_t>(part * static_cast<double>(m.micros.size() - 1))];
    };
    std::printf("%9zu %10.0f %9.0f %9.0f\n", window, static_cast<double>(m.micros.size()) / m.seconds,
                at(0.5), at(0.99));
  }
  caf::anon_send_exit(*store, caf::exit_reason::user_shutdown);
  return 0;
}

}  // namespace
}  // namespace cloudless

int main(int argc, char** argv) {
  std::string directory =
      (std::filesystem::path(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string()) /
       "cloudless-bench-XXXXXX")
          .string();
  if (mkdtemp(directory.data()) == nullptr) {
    std::perror(directory.c_str());
    return 1;
  }
  const int code = cloudless::run(directory, argc > 2 ? std::atof(argv[2]) : 3);
  std::filesystem::remove_all(directory);
  return code;
}
