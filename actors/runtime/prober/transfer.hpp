// One question over the network as a transfer of libcurl: http and https, gRPC (HTTP/2 without TLS). Made,
// run and destroyed on the prober's thread. Always holds: what a hostile server sends is bounded in bytes and
// in time.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <string>

#include "actors/runtime/prober/plain_http.hpp"

namespace cloudless::runtime {

struct EndHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, EndHandle>;

class Transfer {
 public:
  /// By `handle`, which is new or as new (curl_easy_reset), in `left` milliseconds, the question's timeout or
  /// what remains of it. Exec and tcp checks are none of its business.
  Transfer(std::uint64_t number, ProbeQuestion question, std::function<void(ProbeAnswer)> done, Handle handle,
           Millis left);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  std::uint64_t number() const { return number_; }
  /// The one that `handle` belongs to.
  static Transfer& of(CURL* handle);
  CURL* handle() const { return handle_.get(); }
  /// What the end with `result` means; while libcurl still knows the connection.
  ProbeAnswer judge(CURLcode result) const;
  /// The rest of it, once it is over: whom to tell, and the handle for the next one.
  std::function<void(ProbeAnswer)> take_done() { return std::move(done_); }
  Handle take_handle() { return std::move(handle_); }

 private:
  void set_up(const HttpCheck& check);
  void set_up(const GrpcCheck& check);
  void set_up(const TcpCheck&) {}
  void set_up(const ExecCheck&) {}
  void add_header(const std::string& line);
  void receive();

  bool take_header(std::string_view line);
  bool take_body(std::string_view bytes);

  bool connected() const;
  ProbeAnswer judge_answer() const;
  ProbeAnswer judge_fault(CURLcode result) const;

  const std::uint64_t number_;
  ProbeQuestion question_;
  std::function<void(ProbeAnswer)> done_;
  std::string where_;  ///< "10.88.0.2:8080"
  Handle handle_;
  curl_slist* headers_ = nullptr;
  std::string request_;
  char fault_[CURL_ERROR_SIZE] = {};

  std::size_t header_bytes_ = 0;
  bool headers_done_ = false;  ///< of the final answer, not of an interim one
  std::string body_;
  std::string grpc_status_;
  std::string grpc_message_;
};

}  // namespace cloudless::runtime
