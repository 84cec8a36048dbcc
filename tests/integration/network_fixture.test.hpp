// For tests over CAF's real network, on loopback: a store behind a port of its own, a way to it, and a
// follower that can be waited for. Each is as in production; several actor systems live in one process.
#pragma once

#include <doctest/doctest.h>

#include <caf/io/all.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "actors/node_link/transport/dialer.hpp"
#include "actors/node_link/transport/listener.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "actors/store/memory_engine.hpp"
#include "actors/store/mirror_actor.hpp"
#include "actors/store/store_actor.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::network_test {

inline constexpr std::chrono::seconds kDeadline{20};

class SystemClock : public Clock {
 public:
  Millis steady() const override { return since_epoch<std::chrono::steady_clock>(); }
  WallMillis wall() const override { return since_epoch<std::chrono::system_clock>(); }

 private:
  template <class C>
  static Millis since_epoch() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(C::now().time_since_epoch()).count();
  }
};

class NetworkConfig : public caf::actor_system_config {
 public:
  NetworkConfig() { node_link::configure_network(*this); }
};

inline const node_link::PrefaceKey kKey{std::string(32, 's'), "test"};

/// A store with an actor system and a port of its own, over contents that outlive it.
class StoreProcess {
 public:
  explicit StoreProcess(std::shared_ptr<store::MemoryContents> contents, std::uint16_t port = 0)
      : system_(config_) {
    StoreOptions options;
    options.new_cluster_id = std::string(32, 'c');
    auto spawned =
        spawn_store(system_, store::memory_engine(std::move(contents)), clock_, std::move(options));
    REQUIRE(spawned.has_value());
    store_ = *spawned;
    auto listener = node_link::Listener::open(system_, {"127.0.0.1", port, kKey, 2000, 64}, store_);
    REQUIRE_MESSAGE(listener.has_value(), (listener ? "" : listener.error().message));
    listener_ = std::move(*listener);
  }
  ~StoreProcess() {
    listener_.reset();
    caf::anon_send_exit(store_, caf::exit_reason::kill);
  }

  std::uint16_t port() const { return listener_->port(); }
  const store_actor& store() const { return store_; }
  caf::actor_system& system() { return system_; }

  /// Waits for the answer; its revision.
  Revision commit(std::vector<Change> changes) {
    caf::scoped_actor self{system_};
    Revision out = 0;
    self->request(store_, kDeadline, commit_atom::value,
                  std::make_shared<const CommitRequest>(CommitRequest{"test", 1, std::move(changes), {}}))
        .receive([&out](Revision revision) { out = revision; },
                 [](const caf::error& error) { FAIL(from_caf(error).message); });
    return out;
  }

 private:
  NetworkConfig config_;
  SystemClock clock_;
  caf::actor_system system_;
  store_actor store_;
  std::unique_ptr<node_link::Listener> listener_;
};

/// What a follower has received, safe to look at from the test's thread.
class Received {
 public:
  void take(const CommitsPublished& published) {
    const std::lock_guard lock(mutex_);
    if (published.predecessor != revision_) ++loads_;
    revision_ = published.after->revision();
    latest_ = published.after;
    changed_.notify_all();
  }
  /// The snapshot once it is at the revision; fails the test at the deadline.
  SnapshotPtr await(Revision revision) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kDeadline, [&] { return latest_ && revision_ >= revision; }));
    return latest_;
  }
  /// The first snapshot from now on of which this holds; fails the test at the deadline.
  SnapshotPtr await(const char* what, const std::function<bool(const Snapshot&)>& holds) {
    std::unique_lock lock(mutex_);
    CAPTURE(what);
    REQUIRE(changed_.wait_for(lock, kDeadline, [&] { return latest_ && holds(*latest_); }));
    return latest_;
  }
  /// How often what came did not follow what was there.
  int loads() {
    const std::lock_guard lock(mutex_);
    return loads_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Revision revision_ = ~Revision{0} - 1;
  int loads_ = 0;
  SnapshotPtr latest_;
};

/// Follows a source and writes down what comes.
inline follower_actor spawn_recorder(caf::actor_system& system, const source_actor& source,
                                     std::shared_ptr<Received> out) {
  return system.spawn([source, out](follower_actor::pointer self) -> follower_actor::behavior_type {
    self->request(source, kDeadline, follow_atom::value, follower_actor{self})
        .then([out](const CommitsPublished& loaded) { out->take(loaded); });
    return {[out](const CommitsPublished& published) { out->take(published); }};
  });
}

/// A process with a mirror of the store behind a port.
class MirrorProcess {
 public:
  explicit MirrorProcess(std::uint16_t port)
      : system_(config_),
        dialer_(std::make_unique<node_link::Dialer>(system_,
                                                    node_link::DialOptions{"127.0.0.1", port, kKey, 2000},
                                                    system_.message_types(store_actor{}))) {
    MirrorOptions options;
    options.find_store = [this](auto done) {
      dialer_->dial([done](const Result<caf::strong_actor_ptr>& found) {
        done(found.map(
            [](const caf::strong_actor_ptr& store) { return caf::actor_cast<store_actor>(store); }));
      });
    };
    mirror_ = spawn_mirror(system_, std::move(options));
    recorder_ = spawn_recorder(system_, mirror_, received);
  }
  ~MirrorProcess() {
    caf::anon_send_exit(recorder_, caf::exit_reason::kill);
    caf::anon_send_exit(mirror_, caf::exit_reason::kill);
    dialer_.reset();
  }
  caf::actor_system& system() { return system_; }
  const source_actor& mirror() const { return mirror_; }

  std::shared_ptr<Received> received = std::make_shared<Received>();

 private:
  NetworkConfig config_;
  caf::actor_system system_;
  std::unique_ptr<node_link::Dialer> dialer_;
  source_actor mirror_;
  follower_actor recorder_;
};

}  // namespace cloudless::network_test
