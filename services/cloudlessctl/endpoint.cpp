#include "services/cloudlessctl/endpoint.hpp"

#include <utility>

#include "services/settings/address.hpp"

namespace cloudless::cli {
namespace {

constexpr auto& kCa = "--ca";
constexpr auto& kCert = "--cert";
constexpr auto& kKey = "--key";

tl::unexpected<Error> refuse(const std::string& what) {
  return fail(Errc::invalid_argument, what);
}

Result<void> load_authority(const EndpointOptions& options, Endpoint& out) {
  auto ca = settings::read_pem(kCa, options.ca);
  if (!ca) return fail(ca.error());
  if (auto good = settings::check_certificates(*ca); !good) return good;
  out.ca = std::move(*ca);
  return {};
}

Result<void> load_own(const EndpointOptions& options, Endpoint& out) {
  if (options.cert.empty() && options.key.empty()) return {};
  auto cert = settings::read_pem(kCert, options.cert);
  if (!cert) return fail(cert.error());
  auto key = settings::read_pem(kKey, options.key);
  if (!key) return fail(key.error());
  if (auto fits = settings::check_pair(*cert, *key); !fits) return fits;
  out.cert = std::move(*cert);
  out.key = std::move(*key);
  return {};
}

Result<void> check_together(const EndpointOptions& options, const settings::Address& address) {
  if (options.cert.empty() != options.key.empty())
    return refuse(options.key.empty() ? "--cert needs --key, the file with the certificate's key"
                                      : "--key needs --cert, the file with the key's certificate");
  if (!options.ca.empty()) return {};
  if (!options.cert.empty() || !options.server_name.empty())
    return refuse(std::string(options.cert.empty() ? "--server-name" : "--cert") +
                  " needs --ca: without an authority to verify the server with there is no TLS");
  if (!settings::is_loopback(address))
    return refuse(
        "--server " + options.server +
        " is another machine: give --ca, the file with the authority of its certificate; plain text "
        "is for localhost, 127.0.0.0/8 and [::1] only");
  return {};
}

}  // namespace

Result<Endpoint> endpoint_of(const EndpointOptions& options) {
  const auto address = settings::parse_address(options.server);
  if (!address) {
    const bool scheme = options.server.find("://") != std::string::npos;
    return refuse("--server: " + address.error().message +
                  (scheme ? "; TLS comes with --ca, not with a scheme" : ""));
  }
  if (auto good = check_together(options, *address); !good) return fail(good.error());
  Endpoint out{options.server, options.server_name.empty() ? address->host : options.server_name,
               !options.ca.empty()};
  if (!out.tls) return out;
  if (auto loaded = load_authority(options, out); !loaded) return fail(loaded.error());
  if (auto loaded = load_own(options, out); !loaded) return fail(loaded.error());
  return out;
}

}  // namespace cloudless::cli
