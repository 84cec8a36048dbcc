#include "messages/domain/capability.hpp"

#include <doctest/doctest.h>
#include <linux/capability.h>

namespace cloudless {

TEST_CASE("capabilities have the kernel's numbers") {
  CHECK(capability_names().size() == CAP_LAST_CAP + 1);
  struct Case {
    const char* name;
    int number;
  };
  for (const auto& c : std::initializer_list<Case>{{"CHOWN", CAP_CHOWN},
                                                   {"NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
                                                   {"NET_ADMIN", CAP_NET_ADMIN},
                                                   {"SYS_ADMIN", CAP_SYS_ADMIN},
                                                   {"SYS_RESOURCE", CAP_SYS_RESOURCE},
                                                   {"SETFCAP", CAP_SETFCAP},
                                                   {"CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE}}) {
    CAPTURE(c.name);
    CHECK(capability_bit(c.name) == std::uint64_t{1} << c.number);
  }
  for (const char* none : {"", "CAP_CHOWN", "chown", "ALL", "SYS"}) CHECK(capability_bit(none) == 0);
}

TEST_CASE("a mask is the names of its bits") {
  const auto bits = capability_bit("KILL") | capability_bit("BPF");
  CHECK(capabilities_of(bits) == std::vector<std::string>{"KILL", "BPF"});
  CHECK(capabilities_of(~std::uint64_t{0}) == capability_names());
}

TEST_CASE("capabilities that reach the machine are known; those of an own network are not among them") {
  for (const char* machine : {"SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_TIME", "DAC_READ_SEARCH", "BPF"})
    CHECK_MESSAGE(acts_on_machine(machine), machine);
  for (const char* own : {"NET_ADMIN", "NET_RAW", "CHOWN", "SYS_PTRACE", "SYS_NICE", "IPC_LOCK"})
    CHECK_MESSAGE(!acts_on_machine(own), own);
}

}  // namespace cloudless
