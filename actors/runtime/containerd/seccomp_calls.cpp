#include "actors/runtime/containerd/seccomp_calls.hpp"

#include <algorithm>

namespace cloudless::runtime {
namespace {

constexpr char kNever[] = "-";

struct CallGroup {
  std::string_view needs;  ///< "": nothing; kNever; else capabilities, between blanks
  std::string_view names;  ///< between blanks
  CallCondition condition = CallCondition::none;
};

// Calls of every 64-bit architecture.
constexpr CallGroup kEverywhere[] = {
    // Files by descriptor and by name.
    {"",
     "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range lseek "
     "openat openat2 fstat newfstatat statx statfs fstatfs truncate ftruncate fallocate fadvise64 readahead "
     "fsync fdatasync sync syncfs sync_file_range sendfile splice tee vmsplice copy_file_range fcntl flock "
     "ioctl dup dup3 pipe2 umask getcwd chdir fchdir getdents64 mkdirat mknodat unlinkat renameat renameat2 "
     "linkat symlinkat readlinkat faccessat faccessat2 fchmod fchmodat fchown fchownat utimensat "
     "name_to_handle_at"},
    {"",
     "setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr "
     "lremovexattr fremovexattr inotify_init1 inotify_add_watch inotify_rm_watch"},
    // Waiting for descriptors; events and timers as descriptors; asynchronous reads and writes.
    {"",
     "pselect6 ppoll epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 eventfd2 signalfd4 timerfd_create "
     "timerfd_settime timerfd_gettime io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents"},
    // Memory.
    {"",
     "brk mmap munmap mremap mprotect msync mincore madvise mlock mlock2 munlock mlockall munlockall "
     "remap_file_pages membarrier memfd_create memfd_secret pkey_alloc pkey_free pkey_mprotect"},
    // Processes, threads and their signals.
    {"",
     "execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid setpgid getsid setsid kill "
     "tkill tgkill pidfd_open pidfd_send_signal process_mrelease rt_sigaction rt_sigpending rt_sigprocmask "
     "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack "
     "restart_syscall set_tid_address set_robust_list get_robust_list futex futex_waitv rseq prctl times "
     "getrusage prlimit64 getpriority setpriority ioprio_get ioprio_set sched_yield getcpu "
     "sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam "
     "sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min "
     "sched_rr_get_interval"},
    // Who one is, and giving power up.
    {"",
     "getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid setresuid "
     "setresgid setfsuid setfsgid setgroups capget capset seccomp landlock_create_ruleset landlock_add_rule "
     "landlock_restrict_self"},
    // Time, randomness, the machine's name and load.
    {"",
     "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday getitimer setitimer timer_create "
     "timer_settime timer_gettime timer_getoverrun timer_delete getrandom uname sysinfo"},
    // Sockets, and what processes of a container share.
    {"",
     "socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt "
     "sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg"},
    {"",
     "shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink "
     "mq_timedsend mq_timedreceive mq_notify mq_getsetattr"},
    // Allowed to some extent.
    {"SYS_ADMIN", "clone", CallCondition::clone_flags},
    {"", "personality", CallCondition::personality},
    {"", "socket", CallCondition::socket_family},

    // With a capability.
    {"SYS_ADMIN",
     "clone3 unshare setns mount umount2 pivot_root fsopen fsconfig fsmount fspick open_tree move_mount "
     "mount_setattr quotactl quotactl_fd sethostname setdomainname fanotify_init fanotify_mark"},
    {"BPF SYS_ADMIN", "bpf"},
    {"PERFMON SYS_ADMIN", "perf_event_open"},
    {"DAC_READ_SEARCH", "open_by_handle_at"},
    {"SYS_BOOT", "reboot"},
    {"SYS_CHROOT", "chroot"},
    {"SYS_MODULE", "init_module finit_module delete_module"},
    {"SYS_NICE", "get_mempolicy set_mempolicy set_mempolicy_home_node mbind migrate_pages move_pages"},
    {"SYS_PACCT", "acct"},
    {"SYS_PTRACE", "ptrace kcmp process_vm_readv process_vm_writev process_madvise pidfd_getfd"},
    {"SYS_TIME", "settimeofday clock_settime clock_adjtime adjtimex"},
    {"SYS_TTY_CONFIG", "vhangup"},
    {"SYSLOG", "syslog"},

    // Another kernel, swap, keys that are not namespaced, and doors that were often forced.
    {kNever,
     "kexec_load kexec_file_load swapon swapoff add_key request_key keyctl userfaultfd io_uring_setup "
     "io_uring_enter io_uring_register lookup_dcookie nfsservctl"},
};

// The older ways that amd64 still has.
constexpr CallGroup kAmd64[] = {
    {"",
     "open creat stat lstat access pipe dup2 getdents rename mkdir rmdir link unlink symlink readlink chmod "
     "chown lchown utime utimes futimesat mknod inotify_init"},
    {"", "select poll epoll_create epoll_wait eventfd signalfd"},
    {"", "fork vfork pause alarm getpgrp time arch_prctl getrlimit setrlimit"},
    {"SYS_RAWIO", "iopl ioperm"},
    {kNever,
     "modify_ldt uselib ustat sysfs _sysctl create_module get_kernel_syms query_module getpmsg putpmsg "
     "afs_syscall tuxcall security vserver epoll_ctl_old epoll_wait_old set_thread_area get_thread_area"},
};

constexpr CallGroup kArm64[] = {{"", "getrlimit setrlimit"}};
constexpr CallGroup kRiscv64[] = {{"", "riscv_flush_icache riscv_hwprobe"}};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void append(const auto& groups, std::vector<SystemCall>& out) {
  for (const CallGroup& group : groups) {
    const bool never = group.needs == kNever;
    for (const auto name : words(group.names))
      out.push_back(
          {name, never, never ? std::vector<std::string_view>{} : words(group.needs), group.condition});
  }
}

std::vector<SystemCall> table(const auto& of_architecture) {
  std::vector<SystemCall> out;
  append(kEverywhere, out);
  append(of_architecture, out);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

}  // namespace

const std::vector<SystemCall>& system_calls(std::string_view architecture) {
  static const auto amd64 = table(kAmd64), arm64 = table(kArm64), riscv64 = table(kRiscv64);
  return architecture == "amd64" ? amd64 : architecture == "arm64" ? arm64 : riscv64;
}

}  // namespace cloudless::runtime
