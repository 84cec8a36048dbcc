// Runs one CNI plugin: a program that reads its configuration, does something to a network namespace, and
// writes a result. Blocking, for some ten milliseconds; may be called from several threads.
#pragma once

#include <string>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

struct CniCall {
  std::string program;  ///< absolute path
  std::string command;  ///< ADD, CHECK or DEL
  std::string container;
  std::string network_namespace;  ///< path; may be empty for DEL
  std::string plugin_folder;      ///< where it finds others
  std::string input;
  Millis timeout = 30000;
};

/// What it wrote. FAILED_PRECONDITION with its own words when it failed, DEADLINE_EXCEEDED when it was
/// killed.
Result<std::string> run_cni_plugin(const CniCall& call);

}  // namespace cloudless::runtime
