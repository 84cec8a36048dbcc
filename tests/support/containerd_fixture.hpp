// A containerd of a test's own, in a folder of its own, with a small image in it; what the tests of the
// runtime and the end-to-end tests stand on. Needs root. Everything it made is gone afterwards, also when a
// test fails in the middle.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "actors/runtime/containerd/options.hpp"

namespace cloudless::test {

/// Runs a program to its end; `output` is both of its streams.
struct CommandResult {
  int exit_code = -1;
  std::string output;
};
CommandResult run(const std::vector<std::string>& command);

/// tests/support/registry.py over an image: a registry on 127.0.0.1 for as long as this lives.
class Registry {
 public:
  explicit Registry(const std::string& layout) : Registry(std::vector{layout}) {}
  explicit Registry(const std::vector<std::string>& layouts);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  /// "127.0.0.1:<port>"
  const std::string& address() const { return address_; }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  std::string address_;
};

class ContainerdFixture {
 public:
  /// Starts containerd and waits until it answers; `more_config` goes into its config.toml. Throws
  /// std::runtime_error saying what is missing.
  explicit ContainerdFixture(const std::string& more_config = {});
  ~ContainerdFixture();
  ContainerdFixture(const ContainerdFixture&) = delete;
  ContainerdFixture& operator=(const ContainerdFixture&) = delete;

  /// For a runtime of node `node`: bridge, subnet and folders are free ones.
  runtime::ContainerdOptions options(const std::string& node);
  /// Reference of an image whose entry point is `sleep` for ever; in namespace `containerd_namespace`
  /// afterwards.
  std::string import_image(const std::string& containerd_namespace);
  /// Another image, as tests/support/make_image.py makes it with these options; its reference.
  std::string import_image(const std::string& containerd_namespace, const std::string& reference,
                           const std::vector<std::string>& options);
  /// The same image as a tar of an OCI layout.
  std::string image_layout();

  void kill_hard();
  void start_again();
  pid_t pid() const { return pid_; }
  const std::string& folder() const { return folder_; }
  const std::string& socket() const { return socket_; }
  /// `ctr` on this containerd.
  CommandResult ctr(const std::string& containerd_namespace, std::vector<std::string> arguments) const;

 private:
  void launch();
  bool answers() const;

  std::string folder_;
  std::string socket_;
  pid_t pid_ = -1;
  std::vector<runtime::ContainerdOptions> nodes_;
};

}  // namespace cloudless::test
