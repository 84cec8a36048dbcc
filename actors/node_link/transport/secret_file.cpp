#include "actors/node_link/transport/secret_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cloudless::node_link {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kDigits = "0123456789abcdef";

std::string to_hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Result<std::string> from_hex(const std::string& path, std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto high = kDigits.find(text[i]);
    const auto low = kDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) break;
    out += static_cast<char>(high << 4 | low);
  }
  if (text.size() != 2 * kSecretBytes || out.size() != kSecretBytes)
    return fail(Errc::invalid_argument,
                "secret file " + path +
                    ": must hold 64 lower-case hexadecimal digits; copy the "
                    "coordinator's file again, or delete it there to have a new one made");
  return out;
}

tl::unexpected<Error> system_error(Errc code, const std::string& path, const char* what) {
  return fail(code, "secret file " + path + ": " + what + ": " + std::strerror(errno));
}

/// Closes its descriptor.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const auto got = ::getrandom(out.data() + have, count - have, 0);
    if (got > 0)
      have += static_cast<std::size_t>(got);
    else if (errno != EINTR)
      std::abort();  // a kernel without randomness: nothing here could be trusted
  }
  return out;
}

std::string ring_secret_path(const std::string& link_secret_path) {
  return link_secret_path + ".ring";
}

Result<std::string> load_secret(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    if (errno == ENOENT)
      return fail(Errc::not_found,
                  "secret file " + path + " does not exist; the coordinator makes it when it starts first");
    return system_error(Errc::permission_denied, path, "cannot be opened");
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return system_error(Errc::internal, path, "cannot be read");
  if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0)
    return fail(Errc::permission_denied,
                "secret file " + path + " may be read by others; do: chmod 600 " + path);
  std::array<char, 256> text{};
  const auto size = ::read(file.fd, text.data(), text.size());
  if (size < 0) return system_error(Errc::internal, path, "cannot be read");
  return from_hex(path, {text.data(), static_cast<std::size_t>(size)});
}

Result<std::string> load_or_make_secret(const std::string& path) {
  auto found = load_secret(path);
  if (found || found.error().code != Errc::not_found) return found;
  // Complete under another name first: whoever sees the file sees all of it.
  auto draft = path + ".XXXXXX";
  const Descriptor file{::mkostemp(draft.data(), O_CLOEXEC)};
  if (file.fd < 0) return system_error(Errc::permission_denied, path, "cannot be made");
  const auto text = to_hex(random_bytes(kSecretBytes)) + "\n";
  const bool written = ::write(file.fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fchmod(file.fd, 0600) == 0 && ::fsync(file.fd) == 0;
  const bool linked = written && (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int problem = errno;
  ::unlink(draft.c_str());
  errno = problem;
  if (!linked) return system_error(Errc::unavailable, path, "cannot be written");
  return load_secret(path);
}

}  // namespace cloudless::node_link
