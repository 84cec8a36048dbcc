// What a process does when an actor ends that it cannot do without: told once, and not while the process
// itself ends.
#pragma once

#include <atomic>
#include <caf/error.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "messages/domain/error.hpp"

namespace cloudless::settings {

class UnexpectedEnd {
 public:
  /// Called at most once, in any thread.
  explicit UnexpectedEnd(std::function<void(const Error&)> tell)
      : shared_(std::make_shared<Shared>(std::move(tell))) {}

  /// From now on whatever ends is meant to.
  void expect() const { shared_->over = true; }
  bool is_over() const { return shared_->over; }
  /// Something else after which the process cannot go on.
  void operator()(const Error& error) const {
    if (!shared_->over.exchange(true)) shared_->tell(error);
  }

  /// `name`: what it is called in the log. The actor may outlive this.
  template <class Handle>
  void watch(const char* name, const Handle& handle) const {
    handle->attach_functor([name, end = *this](const caf::error& reason) {
      end({Errc::internal, std::string(name) + " ended unexpectedly: " + caf::to_string(reason), {}});
    });
  }

 private:
  struct Shared {
    explicit Shared(std::function<void(const Error&)> f) : tell(std::move(f)) {}
    std::function<void(const Error&)> tell;
    std::atomic<bool> over{false};
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace cloudless::settings
