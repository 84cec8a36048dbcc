// What cloudlessctl's exit status says; part of its interface (see --help).
#pragma once

namespace cloudless::cli {

enum class ExitCode : int {
  ok = 0,
  failed = 1,          ///< anything else: the server could not do it, a file could not be read
  usage = 2,           ///< the command line or the configuration is wrong
  invalid = 3,         ///< the manifest or a value is wrong, or not carried out by this version
  not_found = 4,       ///< no such object
  conflict = 5,        ///< it exists already, or changed in the meantime
  unavailable = 6,     ///< the server cannot be reached or did not answer in time
  wait_failed = 7,     ///< --wait, --watch, node drain: not reached in time, or it failed for good
  plan_changes = 1,    ///< plan: something would change
  exec_timeout = 124,  ///< exec: the time limit ended the command
  exec_failed = 125,   ///< exec: the command could not be run; otherwise its own exit code
  plan_failed = 255,   ///< plan: it could not be worked out
};

inline constexpr const char* kExitCodeHelp =
    "Exit codes: 0 done; 1 failed; 2 wrong command line or configuration; 3 wrong manifest or value; 4 not "
    "found;\n"
    "5 conflict (exists already, or changed in the meantime); 6 server not reachable or no answer in time; 7 "
    "--wait,\n"
    "rollout --watch and node drain: not reached in time, or failed for good. exec: the command's own, 124 "
    "at its time\n"
    "limit, 125 if it could not be run. plan: 0 nothing would change, 1 something would, 255 not worked out.";

}  // namespace cloudless::cli
