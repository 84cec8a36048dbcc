#include "messages/domain/sysctl.hpp"

#include <doctest/doctest.h>

namespace cloudless {

TEST_CASE("a kernel parameter belongs to the machine unless a namespace has one of its own") {
  struct Case {
    const char* name;
    SysctlScope scope;
  };
  for (const auto& c : std::initializer_list<Case>{{"net.core.somaxconn", SysctlScope::network},
                                                   {"net.ipv4.conf.all.rp_filter", SysctlScope::network},
                                                   {"kernel.shmmax", SysctlScope::ipc},
                                                   {"kernel.sem", SysctlScope::ipc},
                                                   {"fs.mqueue.msg_max", SysctlScope::ipc},
                                                   {"kernel.hostname", SysctlScope::machine},
                                                   {"kernel.core_pattern", SysctlScope::machine},
                                                   {"kernel.shm_next_id", SysctlScope::machine},
                                                   {"vm.swappiness", SysctlScope::machine},
                                                   {"fs.file-max", SysctlScope::machine},
                                                   {"netfilter", SysctlScope::machine}}) {
    CAPTURE(c.name);
    CHECK(sysctl_scope(c.name) == c.scope);
  }
  for (const auto& name : safe_sysctls()) {
    CAPTURE(name);
    CHECK(sysctl_scope(name) != SysctlScope::machine);
    CHECK(is_sysctl_name(name));
    CHECK(is_safe_sysctl(name));
  }
  CHECK_FALSE(is_safe_sysctl("net.core.somaxconn"));
}

TEST_CASE("names of kernel parameters are words between dots, and never a way out of /proc/sys") {
  for (const char* good : {"net.core.somaxconn", "fs.mqueue.msg_max", "a", "a-b.c_d.0"})
    CHECK_MESSAGE(is_sysctl_name(good), good);
  for (const char* bad :
       {"", ".", "net..core", ".net", "net.", "net/core", "../x", "net.core.*", "Net", "a b"})
    CHECK_MESSAGE(!is_sysctl_name(bad), bad);
  CHECK_FALSE(is_sysctl_name(std::string(129, 'a')));
}

TEST_CASE("values of safe parameters are numbers within their range") {
  struct Case {
    const char* name;
    const char* value;
    bool good;
  };
  for (const auto& c : std::initializer_list<Case>{{"net.ipv4.ip_unprivileged_port_start", "0", true},
                                                   {"net.ipv4.ip_unprivileged_port_start", "65536", false},
                                                   {"net.ipv4.ip_unprivileged_port_start", "-1", false},
                                                   {"net.ipv4.ip_unprivileged_port_start", "80 81", false},
                                                   {"net.ipv4.ip_unprivileged_port_start", "", false},
                                                   {"net.ipv4.ip_unprivileged_port_start", "80x", false},
                                                   {"net.ipv4.ip_unprivileged_port_start", "0\n1", false},
                                                   {"net.ipv4.ip_local_port_range", "1024 2048", true},
                                                   {"net.ipv4.ip_local_port_range", "1024\t2048", true},
                                                   {"net.ipv4.ip_local_port_range", "2048 1024", false},
                                                   {"net.ipv4.ping_group_range", "1 0", true},
                                                   {"net.ipv4.tcp_rmem", "4096 131072 6291456", true},
                                                   {"net.core.somaxconn", "anything", true},
                                                   {"net.core.somaxconn", "a\nb", false}}) {
    CAPTURE(c.name);
    CAPTURE(c.value);
    CHECK(sysctl_value_error(c.name, c.value).empty() == c.good);
  }
}

}  // namespace cloudless
