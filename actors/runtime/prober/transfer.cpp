#include "actors/runtime/prober/transfer.hpp"

#include <cerrno>
#include <utility>

namespace cloudless::runtime {
namespace {

constexpr long kReceiveBuffer = 4096;

template <class Value>
void set(const Handle& handle, CURLoption option, Value value) {
  curl_easy_setopt(handle.get(), option, value);
}

/// The value of "name: value" if the line is of that name; names are told in lower case.
std::optional<std::string> value_of(std::string_view line, std::string_view name) {
  const auto colon = line.find(':');
  if (colon != name.size()) return std::nullopt;
  for (std::size_t i = 0; i < colon; ++i)
    if ((static_cast<unsigned char>(line[i]) | 0x20) != static_cast<unsigned char>(name[i] | 0x20))
      return std::nullopt;
  return first_line(line.substr(colon + 1), 200);
}

}  // namespace

Transfer::Transfer(std::uint64_t number, ProbeQuestion question, std::function<void(ProbeAnswer)> done,
                   Handle handle, Millis left)
    : number_(number), question_(std::move(question)), done_(std::move(done)), handle_(std::move(handle)) {
  set(handle_, CURLOPT_PRIVATE, this);
  set(handle_, CURLOPT_NOSIGNAL, 1L);
  set(handle_, CURLOPT_PROXY, "");  // or the agent's environment would decide
  set(handle_, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
  // Addresses are literal. What libcurl would keep of them, it would look through after each transfer.
  set(handle_, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  set(handle_, CURLOPT_FRESH_CONNECT, 1L);  // a server that takes no new connections is not well
  set(handle_, CURLOPT_FORBID_REUSE, 1L);
  set(handle_, CURLOPT_PATH_AS_IS, 1L);
  set(handle_, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  set(handle_, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
  set(handle_, CURLOPT_ERRORBUFFER, fault_);
  std::visit([this](const auto& check) { set_up(check); }, question_.check);
}

Transfer::~Transfer() {
  handle_.reset();
  curl_slist_free_all(headers_);
}

Transfer& Transfer::of(CURL* handle) {
  Transfer* owner = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner);
  return *owner;
}

void Transfer::add_header(const std::string& line) {
  if (auto* longer = curl_slist_append(headers_, line.c_str())) headers_ = longer;
}

void Transfer::set_up(const HttpCheck& check) {
  where_ = endpoint(question_.address, check.port);
  set(handle_, CURLOPT_URL, ((check.https ? "https://" : "http://") + where_ + check.path).c_str());
  set(handle_, CURLOPT_USERAGENT, kAgentName);
  // It asks whether the server answers, not who it is; replicas have no names that a certificate could state.
  set(handle_, CURLOPT_SSL_VERIFYPEER, 0L);
  set(handle_, CURLOPT_SSL_VERIFYHOST, 0L);
  set(handle_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  add_header("Connection: close");
  // libcurl leaves a header out that has no value, unless it is written with a semicolon.
  for (const auto& [name, value] : check.headers)
    add_header(value.empty() ? name + ";" : name + ": " + value);
  receive();
}

void Transfer::set_up(const GrpcCheck& check) {
  where_ = endpoint(question_.address, check.port);
  request_ = grpc_request(check);
  set(handle_, CURLOPT_URL, ("http://" + where_ + "/grpc.health.v1.Health/Check").c_str());
  set(handle_, CURLOPT_USERAGENT, kAgentName);
  set(handle_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  set(handle_, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.size()));
  set(handle_, CURLOPT_POSTFIELDS, request_.c_str());
  add_header("Content-Type: application/grpc");
  add_header("TE: trailers");
  add_header("grpc-timeout: " + std::to_string(question_.timeout) + "m");
  receive();
}

void Transfer::receive() {
  using Callback = std::size_t (*)(char*, std::size_t, std::size_t, void*);
  set(handle_, CURLOPT_HTTPHEADER, headers_);
  const Callback header = [](char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_header({bytes, size * count}) ? size * count : 0;
  };
  const Callback body = [](char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_body({bytes, size * count}) ? size * count : 0;
  };
  set(handle_, CURLOPT_HEADERFUNCTION, header);
  set(handle_, CURLOPT_HEADERDATA, this);
  set(handle_, CURLOPT_WRITEFUNCTION, body);
  set(handle_, CURLOPT_WRITEDATA, this);
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMostHeaders) return false;
  if (line == "\r\n" || line == "\n") {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    headers_done_ = status >= 200;
  }
  if (auto status = value_of(line, "grpc-status")) grpc_status_ = std::move(*status);
  if (auto message = value_of(line, "grpc-message")) grpc_message_ = std::move(*message);
  return true;
}

bool Transfer::take_body(std::string_view bytes) {
  body_.append(bytes.substr(0, kMostBody - body_.size()));
  return body_.size() < kMostBody;
}

ProbeAnswer Transfer::judge(CURLcode result) const {
  // One header alone that is too long is libcurl's own limit, and its word for it is "out of memory".
  const bool endless_header = result == CURLE_OUT_OF_MEMORY && connected() && !headers_done_;
  if (header_bytes_ > kMostHeaders || endless_header) return judge_endless_headers(where_);
  if (body_.size() >= kMostBody && std::holds_alternative<GrpcCheck>(question_.check))
    return {ProbeOutcome::failed, "the gRPC health service's answer is larger than 16 KiB"};
  const bool http = std::holds_alternative<HttpCheck>(question_.check);
  // The status is the answer, whatever becomes of the rest of it.
  if (result == CURLE_OK || (http && headers_done_)) return judge_answer();
  return judge_fault(result);
}

bool Transfer::connected() const {
  curl_off_t after = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME_T, &after);
  return after > 0;
}

ProbeAnswer Transfer::judge_answer() const {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (const auto* http = std::get_if<HttpCheck>(&question_.check)) return judge_http(*http, status, body_);
  if (const auto* grpc = std::get_if<GrpcCheck>(&question_.check))
    return judge_grpc(*grpc, {status, grpc_status_, grpc_message_, body_});
  return {ProbeOutcome::passed, {}};
}

ProbeAnswer Transfer::judge_fault(CURLcode result) const {
  long error = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_OS_ERRNO, &error);
  switch (static_cast<int>(result)) {
    case CURLE_OPERATION_TIMEDOUT:
      return judge_silence(where_, connected(), question_.timeout);
    case CURLE_COULDNT_CONNECT:
      if (error != 0) return judge_no_connection(where_, static_cast<int>(error));
      return {ProbeOutcome::failed, "no connection to " + where_ + ": " + first_line(fault_)};
    case CURLE_GOT_NOTHING:
      return judge_early_close(where_);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return {ProbeOutcome::unknown, "the node cannot ask " + where_ + ": " + curl_easy_strerror(result)};
    default:
      const std::string details = first_line(fault_);
      return {ProbeOutcome::failed,
              "no answer from " + where_ + ": " + (details.empty() ? curl_easy_strerror(result) : details)};
  }
}

}  // namespace cloudless::runtime
