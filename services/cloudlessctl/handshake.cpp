#include "services/cloudlessctl/handshake.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>

#include "services/cloudlessctl/dial.hpp"

namespace cloudless::cli {
namespace {

using Steady = std::chrono::steady_clock;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Bio over(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

/// What was printed, without what a terminal must not get.
std::string text_of(BIO* printed) {
  constexpr long kShown = 256;
  char* text = nullptr;
  const auto size = std::min(BIO_get_mem_data(printed, &text), kShown);
  std::string out(text, static_cast<std::size_t>(std::max(size, 0L)));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return out;
}

/// "CN=web.example", in quotes.
std::string name_of(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  return "\"" + text_of(out.get()) + "\"";
}

std::string time_of(const ASN1_TIME* time) {
  std::tm broken{};
  char text[sizeof "2026-11-21 22:00:00 UTC"] = "";
  if (ASN1_TIME_to_tm(time, &broken) == 1) std::strftime(text, sizeof text, "%F %T UTC", &broken);
  return text;
}

/// "DNS:web.example, IP Address:10.0.0.1", the first few.
std::string alternatives_of(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string out;
  constexpr int kShown = 5;
  for (int i = 0; i < std::min(sk_GENERAL_NAME_num(names.get()), kShown); ++i) {
    const Bio line(BIO_new(BIO_s_mem()), BIO_free);
    GENERAL_NAME_print(line.get(), sk_GENERAL_NAME_value(names.get(), i));
    out += (out.empty() ? "" : ", ") + text_of(line.get());
  }
  return out;
}

/// What became of the handshake, as its callbacks saw it.
struct Seen {
  long verdict = X509_V_OK;  ///< on the server's certificate
  bool have_certificate = false;
  std::string subject;
  std::string issuer;
  std::string alternatives;
  std::string from;
  std::string until;
  bool asked_for_ours = false;
  std::string wanted_issuers;  ///< of our certificate
  bool issuer_is_wanted = true;
};

Seen& seen_of(SSL* ssl) {
  return *static_cast<Seen*>(SSL_get_app_data(ssl));
}

/// At the first thing that is wrong the handshake ends, before anything of ours is sent.
int on_certificate(int good, X509_STORE_CTX* store) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& seen = seen_of(ssl);
  const auto* certificate = X509_STORE_CTX_get_current_cert(store);
  seen.have_certificate = true;
  if (certificate != nullptr) {
    seen.subject = name_of(X509_get_subject_name(certificate));
    seen.issuer = name_of(X509_get_issuer_name(certificate));
    seen.alternatives = alternatives_of(certificate);
    seen.from = time_of(X509_get0_notBefore(certificate));
    seen.until = time_of(X509_get0_notAfter(certificate));
  }
  if (good != 1) seen.verdict = X509_STORE_CTX_get_error(store);
  return good;
}

/// The server wants a certificate of ours.
int on_request(SSL* ssl, void*) {
  auto& seen = seen_of(ssl);
  seen.asked_for_ours = true;
  const auto* issuers = SSL_get0_peer_CA_list(ssl);
  const auto* own = SSL_get_certificate(ssl);
  bool wanted = false;
  for (int i = 0; i < sk_X509_NAME_num(issuers); ++i) {
    const auto* issuer = sk_X509_NAME_value(issuers, i);
    constexpr int kShown = 3;
    if (i < kShown) seen.wanted_issuers += (i == 0 ? "" : " or ") + name_of(issuer);
    if (own != nullptr && X509_NAME_cmp(issuer, X509_get_issuer_name(own)) == 0) wanted = true;
  }
  STACK_OF(X509)* chain = nullptr;
  SSL_get0_chain_certs(ssl, &chain);
  // Those between may lead to an authority that is wanted.
  seen.issuer_is_wanted = wanted || sk_X509_NAME_num(issuers) <= 0 || sk_X509_num(chain) > 0;
  return 1;
}

std::string same_place(const settings::PemFile& file) {
  return file.option + " " + file.path;
}

class Handshake {
 public:
  Handshake(const Endpoint& endpoint, Steady::time_point until) : endpoint_(endpoint), until_(until) {}

  std::string trouble() {
    socket_ = dial(*settings::parse_address(endpoint_.server), until_);
    if (!socket_.open()) return {};
    set_up();
    const bool shaken = proceed([this] { return SSL_connect(ssl_.get()); });
    // With TLS 1.3 the server judges our certificate after our part is over; one that accepts it begins to
    // speak.
    char byte = 0;
    const bool spoken = shaken && proceed([&] { return SSL_read(ssl_.get(), &byte, 1); });
    if (!endpoint_.tls) return shaken || seen_.have_certificate ? tls_unasked() : "";
    if (seen_.verdict != X509_V_OK) return server_refused();
    if (spoken || timed_out_) return {};
    if (seen_.asked_for_ours) return client_refused();
    return shaken ? "" : no_handshake();
  }

 private:
  void set_up() {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), endpoint_.tls ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, on_certificate);
    SSL_CTX_set_cert_cb(context_.get(), on_request, nullptr);
    if (endpoint_.tls) {
      trust();
      if (!endpoint_.cert.text.empty()) present_ours();
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_app_data(ssl_.get(), &seen_);
    constexpr unsigned char kHttp2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl_.get(), kHttp2, sizeof kHttp2);
    auto* parameters = SSL_get0_param(ssl_.get());
    // As gRPC judges.
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    const bool is_ip = X509_VERIFY_PARAM_set1_ip_asc(parameters, endpoint_.name.c_str()) == 1;
    if (!is_ip) {
      SSL_set_tlsext_host_name(ssl_.get(), endpoint_.name.c_str());
      SSL_set1_host(ssl_.get(), endpoint_.name.c_str());
    }
    SSL_set_fd(ssl_.get(), socket_.number());
  }

  void trust() {
    const auto in = over(endpoint_.ca.text);
    while (const Certificate one{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free})
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), one.get());
  }

  void present_ours() {
    const auto in = over(endpoint_.cert.text);
    ours_.reset(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(context_.get(), ours_.get());
    while (const Certificate next{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free})
      SSL_CTX_add1_chain_cert(context_.get(), next.get());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> secret(
        PEM_read_bio_PrivateKey(over(endpoint_.key.text).get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    SSL_CTX_use_PrivateKey(context_.get(), secret.get());
  }

  /// True when it is done.
  template <class Step>
  bool proceed(Step step) {
    while (true) {
      ERR_clear_error();
      const int done = step();
      if (done == 1) return true;
      const int error = SSL_get_error(ssl_.get(), done);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        reason_ = ERR_peek_last_error();
        return false;
      }
      if (!wait_for(socket_.number(), error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_)) {
        timed_out_ = true;
        return false;
      }
    }
  }

  std::string openssl_words() const {
    const char* words = ERR_reason_error_string(reason_);
    return words != nullptr ? words : "error " + std::to_string(ERR_GET_REASON(reason_));
  }

  std::string tls_unasked() const {
    return "the server at " + endpoint_.server +
           " speaks TLS: give --ca, the file with the authority of its certificate";
  }

  std::string server_refused() const {
    const auto begin = "the server at " + endpoint_.server + " has a certificate that ";
    switch (seen_.verdict) {
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return begin + "is not for \"" + endpoint_.name + "\" but for " +
               (seen_.alternatives.empty() ? seen_.subject : seen_.alternatives) +
               ". If that is the server that you mean, give one of them with --server-name";
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return begin + "is over: that of " + seen_.subject + " was good until " + seen_.until +
               ". The server needs a new one";
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return begin + "is not good yet: that of " + seen_.subject + " begins at " + seen_.from +
               ". Are both clocks right?";
      default:
        return begin + same_place(endpoint_.ca) +
               " does not vouch for: " + X509_verify_cert_error_string(seen_.verdict) + ", subject " +
               seen_.subject + ", issuer " + seen_.issuer +
               ". Is this the server that you mean, and the file of its authority?";
    }
  }

  std::string client_refused() const {
    const auto of = seen_.wanted_issuers.empty() ? std::string{} : " of authority " + seen_.wanted_issuers;
    if (!ours_)
      return "the server at " + endpoint_.server +
             " wants a certificate of its clients: give --cert and --key, one" + of;
    const auto begin =
        "the server at " + endpoint_.server + " does not accept " + same_place(endpoint_.cert) + ": ";
    if (X509_cmp_current_time(X509_get0_notAfter(ours_.get())) < 0)
      return begin + "it was good until " + time_of(X509_get0_notAfter(ours_.get())) + ". You need a new one";
    if (X509_cmp_current_time(X509_get0_notBefore(ours_.get())) > 0)
      return begin + "it begins at " + time_of(X509_get0_notBefore(ours_.get())) + ". Are both clocks right?";
    if (!seen_.issuer_is_wanted)
      return begin + "it is of authority " + name_of(X509_get_issuer_name(ours_.get())) +
             ", and it must be one" + of;
    return begin + (ERR_GET_LIB(reason_) == ERR_LIB_SSL
                        ? openssl_words()
                        : "it does not say why; is it" + of + ", and for clients?");
  }

  std::string no_handshake() const {
    if (ERR_GET_LIB(reason_) != ERR_LIB_SSL)
      return "the server at " + endpoint_.server + " ended the connection within the TLS handshake";
    switch (ERR_GET_REASON(reason_)) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_UNEXPECTED_MESSAGE:
        return "the server at " + endpoint_.server +
               " speaks plain text, and --ca asks for TLS. Is it the right port? "
               "A coordinator or gateway speaks TLS with grpc.tls_certificate";
      default:
        return "the server at " + endpoint_.server +
               " and this client find no TLS in common: " + openssl_words();
    }
  }

  const Endpoint& endpoint_;
  const Steady::time_point until_;
  Seen seen_;
  runtime::Descriptor socket_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  Certificate ours_{nullptr, X509_free};
  unsigned long reason_ = 0;
  bool timed_out_ = false;
};

}  // namespace

std::string handshake_trouble(const Endpoint& endpoint, std::chrono::milliseconds within) {
  ERR_clear_error();
  auto out = Handshake(endpoint, Steady::now() + within).trouble();
  ERR_clear_error();  // gRPC takes what is left for its own
  return out;
}

}  // namespace cloudless::cli
