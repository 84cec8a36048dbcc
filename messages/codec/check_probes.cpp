#include "messages/codec/check_probes.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "messages/codec/bounds.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMostWords = 256;
constexpr std::size_t kLongestWord = 4096;
constexpr std::size_t kLongestPath = 2048;
constexpr std::size_t kMostHeaders = 32;
constexpr std::size_t kLongestHeaderName = 128;
constexpr std::size_t kLongestHeaderValue = 4096;
constexpr std::size_t kLongestService = 256;
constexpr std::uint64_t kLongestDelay = 24 * kHour;

bool is_visible(unsigned char c) {
  return c > 0x20 && c < 0x7f;
}

/// RFC 9110, 5.6.2: what a header's name may consist of.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= kLongestHeaderName &&
         std::all_of(name.begin(), name.end(), [&](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  kOthers.find(static_cast<char>(c)) != std::string_view::npos;
         });
}

bool is_header_value(std::string_view value) {
  return value.size() <= kLongestHeaderValue && std::all_of(value.begin(), value.end(), [](unsigned char c) {
           return is_visible(c) || c == ' ' || c == '\t';
         });
}

std::string lower_case(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

void check_exec_check(const api::Probe::Exec& exec, const std::string& path, Violations& v) {
  const auto here = path + ".command";
  if (exec.command_size() == 0) return v.add(here, "is required");
  v.check_count(here, static_cast<std::size_t>(exec.command_size()), kMostWords);
  std::size_t index = 0;
  for (const auto& word : exec.command()) {
    if (word.size() > kLongestWord) v.add(item(here, index), "is longer than 4096 bytes");
    if (word.find('\0') != std::string::npos) v.add(item(here, index), "contains a NUL character");
    if (index == 0 && word.empty()) v.add(item(here, index), "is empty: it names the program");
    ++index;
  }
}

void check_headers(const google::protobuf::Map<std::string, std::string>& headers, const std::string& path,
                   Violations& v) {
  // They would change where the request ends, or what becomes of its connection.
  static const std::set<std::string> kOurs = {"content-length", "transfer-encoding", "connection", "upgrade"};
  v.check_count(path, headers.size(), kMostHeaders);
  std::map<std::string, std::string> seen;
  for (const auto& [name, value] : std::map<std::string, std::string>(headers.begin(), headers.end())) {
    const auto here = path + "[" + name.substr(0, 80) + "]";
    if (!is_header_name(name))
      v.add(here, "has a name that is not 1-128 letters, digits and any of !#$%&'*+-.^_`|~");
    else if (kOurs.contains(lower_case(name)))
      v.add(here, "cannot be set: the probe itself decides it");
    else if (const auto [first, fresh] = seen.emplace(lower_case(name), name); !fresh)
      v.add(here, "is there again as '" + first->second + "'; names of headers differ not by case alone");
    if (!is_header_value(value))
      v.add(here, "has a value that is not at most 4096 visible ASCII characters, spaces and tabs");
  }
}

void check_http_check(const api::Probe::Http& http, const std::string& path, Violations& v) {
  if (!http.scheme().empty() && http.scheme() != "http" && http.scheme() != "https")
    v.add(path + ".scheme", "is '" + http.scheme().substr(0, 20) + "', which is neither http nor https");
  v.check_range(path + ".port", http.port(), 1, 65535);
  const auto& target = http.path();
  const bool visible = std::all_of(target.begin(), target.end(), is_visible);
  if (!target.empty() && (target.front() != '/' || target.size() > kLongestPath || !visible))
    v.add(path + ".path",
          "must begin with '/' and be at most 2048 visible ASCII characters; encode others as %XX");
  else if (target.find('#') != std::string::npos)
    v.add(path + ".path", "has a '#', and what follows one is not sent; encode it as %23");
  check_headers(http.headers(), path + ".headers", v);
}

void check_probe(const api::Probe& probe, const std::string& path, Violations& v) {
  switch (probe.check_case()) {
    case api::Probe::kExec:
      check_exec_check(probe.exec(), path + ".exec", v);
      break;
    case api::Probe::kHttp:
      check_http_check(probe.http(), path + ".http", v);
      break;
    case api::Probe::kTcp:
      v.check_range(path + ".tcp.port", probe.tcp().port(), 1, 65535);
      break;
    case api::Probe::kGrpc:
      v.check_range(path + ".grpc.port", probe.grpc().port(), 1, 65535);
      if (probe.grpc().service().size() > kLongestService)
        v.add(path + ".grpc.service", "is longer than 256 bytes");
      break;
    case api::Probe::CHECK_NOT_SET:
      v.add(path, "asks nothing: set one of exec, http, tcp, grpc");
  }
  v.check_range(path + ".initial_delay_ms", probe.initial_delay_ms(), 0, kLongestDelay);
  if (probe.has_period_ms()) v.check_range(path + ".period_ms", probe.period_ms(), 100, kHour);
  if (probe.has_timeout_ms()) v.check_range(path + ".timeout_ms", probe.timeout_ms(), 10, 600'000);
  if (probe.has_success_threshold())
    v.check_range(path + ".success_threshold", probe.success_threshold(), 1, 100);
  if (probe.has_failure_threshold())
    v.check_range(path + ".failure_threshold", probe.failure_threshold(), 1, 100);
}

}  // namespace

void check_probes(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  if (spec.has_liveness()) check_probe(spec.liveness(), join(path, "liveness"), v);
  if (spec.has_readiness()) check_probe(spec.readiness(), join(path, "readiness"), v);
  if (spec.has_startup()) check_probe(spec.startup(), join(path, "startup"), v);
}

}  // namespace cloudless::codec
