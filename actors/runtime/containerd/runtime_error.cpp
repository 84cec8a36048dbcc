#include "actors/runtime/containerd/runtime_error.hpp"

#include <array>
#include <initializer_list>
#include <optional>
#include <utility>

namespace cloudless::runtime {
namespace {

// Numbers of grpc::StatusCode.
enum Code {
  kCancelled = 1,
  kInvalid = 3,
  kDeadline = 4,
  kNotFound = 5,
  kExists = 6,
  kDenied = 7,
  kExhausted = 8,
  kPrecondition = 9,
  kUnimplemented = 12,
  kUnavailable = 14
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const auto part : parts)
    if (has(text, part)) return true;
  return false;
}

/// The text between the first pair of double quotes (or escaped ones) after `marker`; crun quotes with
/// `this`.
std::string quoted_after(std::string_view text, std::string_view marker, char quote = '"') {
  const auto at = text.find(marker);
  if (at == std::string_view::npos) return {};
  const auto open = text.find(quote, at + marker.size());
  if (open == std::string_view::npos) return {};
  const auto close = text.find(quote, open + 1);
  if (close == std::string_view::npos) return {};
  auto word = std::string(text.substr(open + 1, close - open - 1));
  while (!word.empty() && word.back() == '\\') word.pop_back();
  return word;
}

Errc errc_of(int code) {
  switch (code) {
    case kCancelled:
      return Errc::cancelled;
    case kInvalid:
      return Errc::invalid_argument;
    case kDeadline:
      return Errc::deadline_exceeded;
    case kNotFound:
      return Errc::not_found;
    case kExists:
      return Errc::already_exists;
    case kDenied:
      return Errc::permission_denied;
    case kExhausted:
      return Errc::resource_exhausted;
    case kPrecondition:
      return Errc::failed_precondition;
    case kUnimplemented:
      return Errc::unimplemented;
    case kUnavailable:
      return Errc::unavailable;
    default:
      return Errc::internal;
  }
}

Error error(Errc code, std::string message) {
  return Error{code, std::move(message), {}};
}

Error no_such_command(const std::string& command) {
  return error(Errc::failed_precondition, "command \"" + command + "\" does not exist in the image");
}

Error no_program(const std::string& command) {
  return error(Errc::failed_precondition, "command" + (command.empty() ? "" : " \"" + command + "\"") +
                                              " cannot be executed: not a program, or not for this machine");
}

Error no_working_directory(const std::string& directory) {
  return error(Errc::failed_precondition, "working directory \"" + directory + "\" cannot be entered");
}

/// What crun says of a command or a directory that cannot be.
std::optional<Error> crun_error(std::string_view text) {
  if (const auto command = quoted_after(text, "executable file ", '`'); !command.empty())
    return no_such_command(command);
  if (const auto command = quoted_after(text, "exec container process ", '`'); !command.empty())
    return no_program(command);
  if (has(text, "open executable: ")) return no_program({});
  if (const auto directory = quoted_after(text, "chdir ", '`'); !directory.empty())
    return no_working_directory(directory);
  return std::nullopt;
}

}  // namespace

Error runtime_error(int code, std::string_view text, std::string_view what) {
  if (code == kUnavailable)
    return error(Errc::unavailable, "containerd does not answer: " + std::string(text));
  // The shim is gone, or containerd is leaving: which of the two, the next call tells.
  if (has(text, "ttrpc: closed"))
    return error(Errc::unavailable, std::string(what) + ": the container's shim does not answer");
  if (has(text, "no space left on device"))
    return error(Errc::resource_exhausted, std::string(what) + ": no space left on the node's disk");
  if (has(text, "exec:") || has(text, "exec failed")) {
    const auto command = quoted_after(text, "exec:");
    if (has_any(text, {"executable file not found", "no such file or directory"}))
      return no_such_command(command);
    if (has_any(text, {"permission denied", "is a directory", "exec format error"}))
      return no_program(command);
  }
  if (auto said = crun_error(text)) return std::move(*said);
  if (has_any(text, {"chdir to cwd", "mkdir /"}) &&
      has_any(text, {"no such file", "not a directory", "permission denied"}))
    return no_working_directory(quoted_after(text, "cwd ("));
  if (has_any(text, {"OCI runtime create failed", "runc create failed", "failed to create shim task"}))
    return error(Errc::failed_precondition,
                 std::string(what) + ": the runtime refused: " + std::string(text));
  return error(errc_of(code), std::string(what) + ": " + std::string(text));
}

Error pull_error(int code, std::string_view text, std::string_view image) {
  const auto say = [&](const char* why) { return "image " + std::string(image) + ": " + why; };
  if (code == kUnimplemented)
    return error(Errc::unavailable, say("it is not on this node, and containerd's CRI plugin, which pulls, "
                                        "is disabled (disabled_plugins in containerd's config.toml)"));
  if (has_any(text, {"401 Unauthorized", "403 Forbidden", "authorization failed", "no basic auth credentials",
                     "insufficient_scope", "pull access denied", "authentication required"}))
    return error(Errc::permission_denied,
                 say("the registry refuses access (no such repository, or it needs credentials)"));
  if (code == kNotFound ||
      has_any(text, {": not found", "manifest unknown", "404 Not Found", "does not exist"}))
    return error(Errc::not_found, say("the registry has no such image"));
  if (has_any(text, {"connection refused", "no such host", "i/o timeout", "TLS handshake", "no route to host",
                     "network is unreachable", "connection reset", "server misbehaving",
                     "context deadline exceeded", "503 Service", "502 Bad", "500 Internal", "EOF"}))
    return error(Errc::unavailable, say("the registry cannot be reached: ") + std::string(text));
  if (has(text, "no space left on device"))
    return error(Errc::resource_exhausted, say("no space left on the node's disk"));
  if (code == kUnavailable)
    return error(Errc::unavailable, "containerd does not answer: " + std::string(text));
  if (code == kInvalid || has(text, "invalid reference"))
    return error(Errc::invalid_argument, say("this is not an image name"));
  return error(errc_of(code) == Errc::internal ? Errc::unavailable : errc_of(code),
               say("") + std::string(text));
}

}  // namespace cloudless::runtime
