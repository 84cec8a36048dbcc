// How a domain value travels in a CAF message. Inside a process it is a shared pointer, for free; between
// processes it is the encoded protobuf record, so that an old agent and a new coordinator understand each
// other (ARCHITECTURE.md, decision 1).
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "messages/caf_shim.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless {

template <class T>
class Carried {
 public:
  Carried() = default;
  Carried(T value)
      : value_(std::make_shared<const T>(std::move(value))) {}  // NOLINT(google-explicit-constructor)
  explicit Carried(std::shared_ptr<const T> value) : value_(std::move(value)) {}

  /// A default T if it was default-constructed.
  const T& operator*() const {
    static const T kEmpty{};
    return value_ ? *value_ : kEmpty;
  }
  const T* operator->() const { return &**this; }
  const std::shared_ptr<const T>& pointer() const { return value_; }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, Carried& x) {
    std::string bytes;
    if constexpr (Inspector::reads_state) bytes = codec::encode(*x);
    auto load = [&]() -> caf::error {
      T value;
      if (!codec::decode(bytes, value)) return caf::sec::invalid_argument;
      x.value_ = std::make_shared<const T>(std::move(value));
      return caf::none;
    };
    return f(caf::meta::type_name("cloudless::Carried"), bytes, caf::meta::load_callback(load));
  }

 private:
  std::shared_ptr<const T> value_;
};

}  // namespace cloudless
