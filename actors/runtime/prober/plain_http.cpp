#include "actors/runtime/prober/plain_http.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <limits>
#include <utility>

namespace cloudless::runtime {
namespace {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastText = boost::beast::string_view;

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

/// In lower case.
std::string lowered(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

/// Headers that say how the message or the connection is to be read.
bool is_framing(const std::string& lowered_name) {
  constexpr std::array kFraming{"connection", "content-length",    "expect", "keep-alive", "te",
                                "trailer",    "transfer-encoding", "upgrade"};
  return std::any_of(kFraming.begin(), kFraming.end(), [&](const char* one) { return lowered_name == one; });
}

bool is_plain_path(const std::string& path) {
  return path.starts_with('/') &&
         std::all_of(path.begin(), path.end(), [](char c) { return is_visible(c) && c != '#'; });
}

bool is_plain_header(const std::string& name, const std::string& value) {
  const bool name_is = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return is_visible(c) && c != ':' && c != ';';
  });
  const bool value_is =
      std::all_of(value.begin(), value.end(), [](char c) { return is_visible(c) || c == ' '; });
  return name_is && value_is && !is_framing(lowered(name));
}

/// Of the beginning of an answer: the parser would wait for more, in vain.
bool is_strange(std::string_view begin) {
  constexpr std::string_view kProtocol = "HTTP/";
  const auto line_end = begin.find('\n');
  return !begin.starts_with(kProtocol.substr(0, begin.size())) ||
         (line_end != std::string_view::npos && begin[line_end - 1] != '\r');
}

std::string header_line(const std::string& name, const std::string& value) {
  return name + (value.empty() ? ":" : ": " + value) + "\r\n";
}

}  // namespace

std::optional<std::string> plain_request(const HttpCheck& check, const std::string& where) {
  if (check.https || !is_plain_path(check.path)) return std::nullopt;
  std::string first = header_line("Host", where), agent = header_line("User-Agent", kAgentName),
              accept = header_line("Accept", "*/*"), others;
  for (const auto& [name, value] : check.headers) {
    if (!is_plain_header(name, value)) return std::nullopt;
    const std::string known = lowered(name);
    const std::string line = header_line(name, value);
    if (known == "host")
      first = line;
    else if (known == "user-agent")
      agent = line;
    else if (known == "accept")
      accept = line;
    else
      others += line;
  }
  return "GET " + check.path + " HTTP/1.1\r\n" + first + agent + accept + "Connection: close\r\n" + others +
         "\r\n";
}

/// Keeps the status and the beginning of the body, and nothing else.
class PlainAnswer::Parser final : public http::basic_parser<false> {
 public:
  Parser() {
    eager(true);
    // Who reads counts the bytes.
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(std::numeric_limits<std::uint64_t>::max());  // 1.74 takes "none" for 0
  }

  bool has_status_line() const { return status_ != 0; }
  long status() const { return status_; }
  const std::string& body() const { return body_; }

 private:
  void on_request_impl(http::verb, BeastText, BeastText, int, BeastError&) override {}
  void on_response_impl(int code, BeastText, int, BeastError&) override { status_ = code; }
  void on_field_impl(http::field, BeastText, BeastText, BeastError&) override {}
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastText bytes, BeastError&) override { return keep(bytes); }
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText bytes, BeastError&) override { return keep(bytes); }
  void on_finish_impl(BeastError&) override {}

  std::size_t keep(BeastText bytes) {
    body_.append(bytes.data(), std::min(bytes.size(), kMostBody - body_.size()));
    return bytes.size();
  }

  long status_ = 0;
  std::string body_;
};

PlainAnswer::PlainAnswer() : parser_(std::make_unique<Parser>()) {}
PlainAnswer::~PlainAnswer() = default;
PlainAnswer::PlainAnswer(PlainAnswer&&) noexcept = default;
PlainAnswer& PlainAnswer::operator=(PlainAnswer&&) noexcept = default;

PlainAnswer::State PlainAnswer::take(std::string_view bytes) {
  unread_ += bytes;
  taken_ += bytes.size();
  if (!parser_->has_status_line() && is_strange(unread_)) return State::odd;
  while (!unread_.empty()) {
    BeastError error;
    const std::size_t used = parser_->put(boost::asio::const_buffer(unread_.data(), unread_.size()), error);
    unread_.erase(0, used);
    if (error == http::error::need_more) break;
    // The status is the answer, whatever becomes of the rest of it.
    if (error) return status() ? State::whole : State::odd;
    if (!parser_->is_done()) {
      if (used == 0) break;
      continue;
    }
    if (parser_->status() >= 200) return State::whole;
    parser_ = std::make_unique<Parser>();  // an interim answer: the next one counts
    if (taken_ > kMostHeaders) return State::too_long;
  }
  return state();
}

PlainAnswer::State PlainAnswer::take_end() {
  if (!parser_->got_some() || !parser_->is_header_done()) return State::odd;
  BeastError error;
  parser_->put_eof(error);
  return status() ? State::whole : State::odd;
}

PlainAnswer::State PlainAnswer::state() const {
  if (!status()) return taken_ > kMostHeaders ? State::too_long : State::partial;
  // A body in chunks can be long without saying much.
  const bool enough = parser_->body().size() >= kMostBody || taken_ > kMostHeaders + kMostBody;
  return enough ? State::whole : State::partial;
}

std::optional<long> PlainAnswer::status() const {
  if (!parser_->is_header_done() || parser_->status() < 200) return std::nullopt;
  return parser_->status();
}

const std::string& PlainAnswer::body() const {
  return parser_->body();
}

}  // namespace cloudless::runtime
