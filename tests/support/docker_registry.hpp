// Debian's docker-registry on 127.0.0.1 in a folder of its own, with or without a password; for as long as
// this lives. It can be frozen, stopped and started again on the same port.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/support/containerd_fixture.hpp"

namespace cloudless::test {

class DockerRegistry {
 public:
  /// A user, or none: everybody may pull and push. Throws std::runtime_error saying what is missing.
  explicit DockerRegistry(const std::string& folder, std::string user = {}, std::string password = {});
  ~DockerRegistry();
  DockerRegistry(const DockerRegistry&) = delete;
  DockerRegistry& operator=(const DockerRegistry&) = delete;

  /// "127.0.0.1:<port>"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void start();
  void stop();
  /// Connections are taken and nothing is answered, or it goes on.
  void freeze(bool frozen);
  /// Pushes a tar of an OCI layout under a name ("team/app:v1"); answers with its digest.
  std::string push(ContainerdFixture& machine, const std::string& layout, const std::string& name);

 private:
  const std::string folder_;
  const std::string user_;
  const std::string password_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace cloudless::test
