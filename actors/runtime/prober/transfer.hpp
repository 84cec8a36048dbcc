// One question over the network as a transfer of libcurl: http and https, tcp (only connected), gRPC (HTTP/2
// without TLS). Made, run and destroyed on the prober's thread. Always holds: what a hostile server sends is
// bounded in bytes and in time.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <string>

#include "actors/runtime/prober/probe_text.hpp"

namespace cloudless::runtime {

/// Of an answer's body this much is read; then the connection is closed.
constexpr std::size_t kMostBody = 16 << 10;
/// More bytes of headers than this are a failure.
constexpr std::size_t kMostHeaders = 64 << 10;

class Transfer {
 public:
  /// An exec check is none of its business.
  Transfer(std::uint64_t number, ProbeQuestion question, std::function<void(ProbeAnswer)> done);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  std::uint64_t number() const { return number_; }
  /// The one that `handle` belongs to.
  static Transfer& of(CURL* handle);
  /// nullptr: libcurl could not make one.
  CURL* handle() const { return handle_; }
  /// Tells the answer; afterwards the transfer may only be destroyed.
  void finish(CURLcode result);
  void finish(ProbeAnswer answer) { done_(std::move(answer)); }

 private:
  void set_up(const HttpCheck& check);
  void set_up(const TcpCheck& check);
  void set_up(const GrpcCheck& check);
  void set_up(const ExecCheck&) {}
  void add_header(const std::string& line);
  void receive();

  bool take_header(std::string_view line);
  bool take_body(std::string_view bytes);

  bool connected() const;
  ProbeAnswer judge(CURLcode result) const;
  ProbeAnswer judge_answer() const;
  ProbeAnswer judge_fault(CURLcode result) const;

  const std::uint64_t number_;
  ProbeQuestion question_;
  std::function<void(ProbeAnswer)> done_;
  std::string where_;  ///< "10.88.0.2:8080"
  CURL* handle_ = nullptr;
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
