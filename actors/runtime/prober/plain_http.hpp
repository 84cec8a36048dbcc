// A question by HTTP/1.1 without TLS as bytes, and the reading of its answer (Boost.Beast's parser). Pure: no
// socket, no clock; socket_desk.cpp carries the bytes. Always holds: only what is beyond doubt is judged
// here. Whatever is odd, in the question or in the answer, is left to libcurl, which is more lenient and
// slower.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/runtime/prober/probe_text.hpp"

namespace cloudless::runtime {

constexpr const char* kAgentName = "cloudless-probe";
/// Of an answer's body this much is read; then the connection is closed.
constexpr std::size_t kMostBody = 16 << 10;
/// More bytes of headers than this are a failure.
constexpr std::size_t kMostHeaders = 64 << 10;

/// What is sent to `where` ("10.88.0.2:8080"); absent: https, a path or headers that not everyone would
/// write alike.
std::optional<std::string> plain_request(const HttpCheck& check, const std::string& where);

class PlainAnswer {
 public:
  enum class State {
    partial,   ///< more is to come
    whole,     ///< nothing more is needed
    too_long,  ///< its headers are
    odd        ///< not what the parser takes for HTTP/1.1
  };

  PlainAnswer();
  ~PlainAnswer();
  PlainAnswer(PlainAnswer&&) noexcept;
  PlainAnswer& operator=(PlainAnswer&&) noexcept;

  State take(std::string_view bytes);
  /// The other side sends no more. Never `partial`.
  State take_end();

  bool has_begun() const { return taken_ > 0; }
  /// Of the final answer, not of an interim one, once its headers are there.
  std::optional<long> status() const;
  /// What came of it so far, at most kMostBody.
  const std::string& body() const;

 private:
  class Parser;

  State state() const;

  std::unique_ptr<Parser> parser_;
  std::string unread_;
  std::size_t taken_ = 0;  ///< bytes in all
};

}  // namespace cloudless::runtime
