// A program for images of tests: says who it is, and makes system calls whose outcome tells who refused them.
// Static, because it runs where there is no C library. Its arguments are made so that the kernel itself never
// answers EPERM to a process without capabilities (but for those that say so): EPERM is the filter's.
#include <linux/sched.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

struct Call {
  const char* name;
  long number;
  long a, b, c, d;
};

const Call kCalls[] = {
    {"add_key", SYS_add_key, 0, 0, 0, 0},
    {"keyctl", SYS_keyctl, 0, 0, 0, 0},
    {"userfaultfd", SYS_userfaultfd, -1, 0, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 0, 0, 0, 0},
    {"ptrace", SYS_ptrace, 99999, 1, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, 1, 0, 0, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, -1, 0, -1, 0},
    {"unshare", SYS_unshare, 1, 0, 0, 0},
    {"setns", SYS_setns, -1, 0, 0, 0},
    {"clock_settime", SYS_clock_settime, 9999, 0, 0, 0},
    {"umount2", SYS_umount2, reinterpret_cast<long>("/"), 0x10000, 0, 0},
    {"lookup_dcookie", SYS_lookup_dcookie, 0, 0, 0, 0},
    {"get_mempolicy", SYS_get_mempolicy, 0, 0, 0, 0},
    {"personality", SYS_personality, ADDR_NO_RANDOMIZE, 0, 0, 0},
    {"socket(AF_ALG)", SYS_socket, 38, SOCK_STREAM, 99, 0},
    {"socket(AF_VSOCK)", SYS_socket, 40, SOCK_RAW, 99, 0},
    {"socket(AF_ALG, disguised)", SYS_socket, (1L << 32) | 38, SOCK_STREAM, 99, 0},
};

/// Calls that a program needs: they must not be refused.
const Call kNeeded[] = {
    {"personality(PER_LINUX)", SYS_personality, 0, 0, 0, 0},
    {"personality(query)", SYS_personality, 0xffffffff, 0, 0, 0},
    {"socket(AF_UNIX)", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0},
    {"socket(AF_INET)", SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
    {"socket(AF_INET6)", SYS_socket, AF_INET6, SOCK_STREAM, 0, 0},
    {"socket(AF_NETLINK)", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0},
    {"memfd_create", SYS_memfd_create, reinterpret_cast<long>("x"), 0, 0, 0},
    {"getpid", SYS_getpid, 0, 0, 0, 0},
};

int error_of(const Call& call) {
  errno = 0;
  return syscall(call.number, call.a, call.b, call.c, call.d) < 0 ? errno : 0;
}

int clone_error(unsigned long flags) {
  const long child = syscall(SYS_clone, flags | 17, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child < 0 ? errno : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "who") == 0) {
    std::printf("%u %u\n", geteuid(), getegid());
    return 0;
  }
  if (argc > 1 && std::strcmp(argv[1], "foreign") == 0) {
    // A call of another architecture's numbers: x32's on amd64.
    std::printf("answered %ld\n", syscall(SYS_getpid | 0x40000000));
    return 0;
  }
  for (const auto& call : kCalls)
    std::printf("%s: %s\n", call.name, error_of(call) == EPERM ? "refused" : "reached");
  for (const auto& call : kNeeded)
    if (const int error = error_of(call); error != 0)
      std::printf("%s: %s\n", call.name, std::strerror(error));
  std::printf("clone(NEWUSER): %s\n", clone_error(CLONE_NEWUSER) == EPERM ? "refused" : "reached");
  if (clone_error(0) != 0) std::printf("clone: %s\n", std::strerror(errno));
  errno = 0;
  std::printf("clone3: %s\n",
              syscall(SYS_clone3, nullptr, 0) < 0 && errno == ENOSYS ? "not there" : "reached");
  return 0;
}
