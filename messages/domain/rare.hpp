// A field that is empty in most of very many records, and takes a pointer's room there.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace cloudless {

/// T: a string, vector or Id. Reads like a const T; changed by assigning, or by edit().
template <class T>
class Rare {
 public:
  Rare() = default;
  template <class U>
  requires(!std::same_as<std::remove_cvref_t<U>, Rare> && std::convertible_to<U&&, T>)
      // NOLINTNEXTLINE(google-explicit-constructor): it stands for a T
      Rare(U&& value) {
    if (T taken = std::forward<U>(value); !taken.empty()) held_ = std::make_unique<T>(std::move(taken));
  }
  Rare(const Rare& other) : held_(other.empty() ? nullptr : std::make_unique<T>(*other)) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare other) noexcept {
    held_ = std::move(other.held_);
    return *this;
  }
  ~Rare() = default;

  const T& operator*() const {
    static const T none{};
    return held_ ? *held_ : none;
  }
  const T* operator->() const { return &**this; }
  operator const T&() const { return **this; }  // NOLINT(google-explicit-constructor): it stands for a T
  bool empty() const { return !held_ || held_->empty(); }
  auto begin() const { return (**this).begin(); }
  auto end() const { return (**this).end(); }

  /// To change it in place; made if there is none.
  T& edit() {
    if (!held_) held_ = std::make_unique<T>();
    return *held_;
  }

  friend bool operator==(const Rare& a, const Rare& b) { return *a == *b; }
  template <class U>
  requires(!std::same_as<U, Rare>) friend bool operator==(const Rare& a, const U& b) { return *a == b; }

 private:
  std::unique_ptr<T> held_;
};

}  // namespace cloudless
