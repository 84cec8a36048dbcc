#include "actors/runtime/containerd/runtime_error.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace cloudless::runtime {
namespace {

constexpr int kUnknown = 2;

TEST_CASE("what runc and crun say becomes a reason that a user understands") {
  struct Case {
    int code;
    const char* text;
    Errc errc;
    const char* message;
  };
  // Texts as containerd 1.6, runc 1.1 and crun 1.8 wrote them.
  const std::vector<Case> cases = {
      {kUnknown,
       R"(failed to create task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown)",
       Errc::failed_precondition, "command \"nosuch\" does not exist in the image"},
      {kUnknown,
       R"(OCI runtime create failed: runc create failed: unable to start container process: exec: "/no/such": stat /no/such: no such file or directory: unknown)",
       Errc::failed_precondition, "command \"/no/such\" does not exist in the image"},
      {kUnknown,
       R"(OCI runtime create failed: runc create failed: unable to start container process: exec: "/etc": permission denied: unknown)",
       Errc::failed_precondition,
       "command \"/etc\" cannot be executed: not a program, or not for this machine"},
      {kUnknown,
       R"(OCI runtime exec failed: exec failed: unable to start container process: exec: \"x\": executable file not found in $PATH: unknown)",
       Errc::failed_precondition, "command \"x\" does not exist in the image"},
      {kUnknown,
       "failed to create shim task: OCI runtime create failed: executable file `/no/such` not found in "
       "$PATH: "
       "No such file or directory: unknown",
       Errc::failed_precondition, "command \"/no/such\" does not exist in the image"},
      {kUnknown, "OCI runtime create failed: open executable: Permission denied: unknown",
       Errc::failed_precondition, "command cannot be executed: not a program, or not for this machine"},
      {kUnknown, "OCI runtime start failed: exec container process `/bin/x`: Exec format error: unknown",
       Errc::failed_precondition,
       "command \"/bin/x\" cannot be executed: not a program, or not for this machine"},
      {kUnknown, "OCI runtime create failed: chdir `/etc/passwd/x`: Not a directory: unknown",
       Errc::failed_precondition, "working directory \"/etc/passwd/x\" cannot be entered"},
      {14, "connection error: desc = \"transport: Error while dialing\"", Errc::unavailable,
       "containerd does not answer: connection error: desc = \"transport: Error while dialing\""},
      {kUnknown, "write /var/lib/x: no space left on device", Errc::resource_exhausted,
       "start container: no space left on the node's disk"},
      {5, "container \"x\" in namespace \"y\": not found", Errc::not_found,
       "start container: container \"x\" in namespace \"y\": not found"},
      {6, "task x: already exists", Errc::already_exists, "start container: task x: already exists"},
      {kUnknown, "ttrpc: closed: unknown", Errc::unavailable,
       "start container: the container's shim does not answer"},
      {kUnknown, "something new", Errc::internal, "start container: something new"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto error = runtime_error(c.code, c.text, "start container");
    CHECK(error.code == c.errc);
    CHECK(error.message == c.message);
  }
}

TEST_CASE("a pull that fails says whether it is the name, the credentials or the registry") {
  struct Case {
    int code;
    const char* text;
    Errc errc;
  };
  const std::vector<Case> cases = {
      {5,
       "failed to pull and unpack image \"r/x:1\": failed to resolve reference \"r/x:1\": r/x:1: not found",
       Errc::not_found},
      {kUnknown,
       "failed to resolve reference \"r/x:1\": pulling from host r failed with status code [manifests 1]: "
       "401 Unauthorized",
       Errc::permission_denied},
      {kUnknown, "pull access denied, repository does not exist or may require authorization",
       Errc::permission_denied},
      {kUnknown,
       "failed to do request: Head \"https://127.0.0.1:1/v2/x\": dial tcp 127.0.0.1:1: connect: connection "
       "refused",
       Errc::unavailable},
      {kUnknown, "dial tcp: lookup nosuch.example: no such host", Errc::unavailable},
      {kUnknown, "failed to copy: write: no space left on device", Errc::resource_exhausted},
      {12, "unknown service runtime.v1.ImageService", Errc::unavailable},
      {14, "connection refused", Errc::unavailable},
      {kUnknown, "something new", Errc::unavailable},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto error = pull_error(c.code, c.text, "r/x:1");
    CHECK(error.code == c.errc);
    CHECK_FALSE(error.message.empty());
  }
}

}  // namespace
}  // namespace cloudless::runtime
