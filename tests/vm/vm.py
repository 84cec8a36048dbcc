#!/usr/bin/env python3
"""`./dev test vm [FILTER]`: integration tests on a kernel of Debian's, in virtual machines, one with AppArmor and one with SELinux: control groups
of version 2 alone, project quotas, and crun, whatever this machine has. FILTER: names of test cases, as doctest takes them (-tc).

The machine's root file system is this one's, read-only, below a layer of memory; the kernel and what else the guest needs are downloaded with
apt-get into the build directory and not installed. There is no KVM, and the guest's clock counts instructions: a busy machine makes it slow and not wrong.
Ends with "N passed, N failed".
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from cluster import BUILD, ROOT, wait_until  # noqa: E402

WORK = BUILD / "vm"
KERNEL = "linux-image-cloud-amd64"
TOOLS = ("apparmor", "checkpolicy", "xfsprogs", "libinih1", "liburcu8")  # for the guest: profiles, a policy, quotas of xfs
VIRTIOFSD = next((p for p in ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd") if os.path.exists(p)), None)
FIRST_MODULES = ("virtio_pci", "virtiofs", "overlay")  # until the root file system is there
# What the kernel's differences are about.
FILES = ("cgroups", "containerd_apparmor", "containerd_crun", "containerd_exec", "containerd_life", "containerd_limits", "containerd_security", "containerd_volumes")
# A kernel has one of AppArmor and SELinux: what is on its command line, and the files of tests. guest.sh loads selinux.conf.
MACHINES = (("", FILES), ("security=selinux", ("containerd_selinux",)))
MEGABYTES = 4096
DISK_BYTES = 8 << 30

INIT = f"""#!/bin/busybox sh
fail() {{ echo "vm: no $1"; /bin/busybox poweroff -f; }}
for module in /modules/*; do /bin/busybox insmod $module || fail $module; done
/bin/busybox mount -t virtiofs -o ro root /lower || fail "root file system"
/bin/busybox mount -t tmpfs -o size=50% none /memory
/bin/busybox mkdir /memory/upper /memory/work
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work none /new || fail "overlay"
exec /bin/busybox switch_root /new /bin/bash {HERE}/guest.sh {WORK}/image {WORK}/job.sh
"""


def needed():
    """Debian packages that are not there."""
    programs = {"qemu-system-x86": "qemu-system-x86_64", "kmod": "modprobe", "cpio": "cpio", "busybox-static": "busybox", "e2fsprogs": "mkfs.ext4"}
    missing = [package for package, program in programs.items() if not shutil.which(program)]
    return missing + ([] if VIRTIOFSD or missing else ["virtiofsd"])


def unpack(package):
    """A Debian package, below image/."""
    if not any(WORK.glob(f"{package}_*.deb")):
        subprocess.run(["apt-get", "download", "-qq", package], check=True, cwd=WORK, stderr=subprocess.DEVNULL)
    subprocess.run(["dpkg-deb", "-x", next(WORK.glob(f"{package}_*.deb")), WORK / "image"], check=True)


def fetch_kernel():
    """The kernel's image, and its version; its modules are below image/lib/modules."""
    image = WORK / "image"
    if not any(image.glob("boot/vmlinuz-*")):
        depends = subprocess.run(["apt-cache", "depends", KERNEL], check=True, capture_output=True, text=True).stdout
        unpack(re.search(r"Depends: (linux-image-\S+)", depends).group(1))
    kernel = next(image.glob("boot/vmlinuz-*"))
    version = kernel.name.partition("-")[2]
    subprocess.run(["depmod", "-b", image, version], check=True)
    return kernel, version


def make_initramfs(version):
    directory = WORK / "initramfs"
    shutil.rmtree(directory, ignore_errors=True)
    for folder in ("bin", "modules", "new", "lower", "memory"):
        (directory / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), directory / "bin/busybox")
    modules = []
    for name in FIRST_MODULES:
        said = subprocess.run(["modprobe", "-d", WORK / "image", "-S", version, "--show-depends", name], check=True, capture_output=True,
                              text=True).stdout
        modules += [line.split()[1] for line in said.splitlines() if line.startswith("insmod")]
    for number, module in enumerate(dict.fromkeys(modules)):
        shutil.copy(module, directory / "modules" / f"{number:02}-{pathlib.Path(module).name}")
    (directory / "init").write_text(INIT)
    (directory / "init").chmod(0o755)
    out = WORK / "initramfs.img"
    subprocess.run(f"find . | cpio -o -H newc --quiet | gzip -1 > {out}", shell=True, check=True, cwd=directory)
    return out


def make_disk():
    """An empty disk with project quotas, for what the tests write."""
    disk = WORK / "disk.img"
    disk.unlink(missing_ok=True)
    with open(disk, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "project,quota", "-E", "quotatype=prjquota", disk], check=True)
    return disk


@contextlib.contextmanager
def shared_root():
    """A server of this machine's root file system; the socket's path."""
    path = WORK / "root.sock"
    path.unlink(missing_ok=True)
    with open(WORK / "virtiofsd.log", "wb") as log:
        server = subprocess.Popen([VIRTIOFSD, f"--socket-path={path}", "-o", "source=/", "-o", "cache=always", "-o", "sandbox=chroot",
                                   "-o", "xattr"], stdout=log, stderr=log)
    try:
        wait_until(path.exists, 10, "virtiofsd")
        yield path
    finally:
        server.kill()
        server.wait()


def boot(kernel, initramfs, disk, minutes, parameters):
    """What the guest says, line by line."""
    with shared_root() as path:
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-icount", "shift=2,sleep=on", "-cpu", "max", "-smp", "1",
                   "-m", str(MEGABYTES), "-object", f"memory-backend-memfd,id=memory,size={MEGABYTES}M,share=on", "-numa", "node,memdev=memory",
                   "-chardev", f"socket,id=root,path={path}", "-device", "vhost-user-fs-pci,chardev=root,tag=root",
                   "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe",
                   "-nographic", "-nic", "none", "-no-reboot", "-kernel", kernel, "-initrd", initramfs,
                   "-append", f"{parameters} console=ttyS0 panic=-1 no_timer_check tsc=reliable loglevel=3"]
        guest = subprocess.Popen(["timeout", f"{minutes}m", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for line in guest.stdout:
                yield re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc", "", line.decode(errors="replace")).rstrip("\r\n")
        finally:
            guest.terminate()
            guest.wait()


def watch(lines):
    """Cases that passed and failed in the guest, which is printed; an end that is not told is a failure."""
    passed, failed, code = 0, 0, None
    for line in lines:
        print(line, flush=True)
        if counts := re.search(r"test cases: .*\| +(\d+) passed \| +(\d+) failed", line):
            passed, failed = int(counts.group(1)), failed + int(counts.group(2))
        failed += "not tested on this machine" in line  # what these kernels are for
        if told := re.match(r"vm: exit code (\d+)", line):
            code = int(told.group(1))
    return passed, failed + (code is None or (code != 0 and not failed))


def main():
    parser = argparse.ArgumentParser(prog="./dev test vm", description=__doc__.splitlines()[0])
    parser.add_argument("filter", nargs="?", help="names of test cases, with * and commas; default: all that differ between kernels")
    parser.add_argument("--minutes", type=int, default=120, metavar="N", help="at most (default: 120)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the guest, too
    if missing := needed():
        sys.exit(f"tests/vm needs Debian's {' '.join(missing)}")
    WORK.mkdir(exist_ok=True)
    kernel, version = fetch_kernel()
    for package in TOOLS:
        unpack(package)
    initramfs = make_initramfs(version)
    tests = WORK / "integration_tests"  # of its own: a build meanwhile would take it away under the guest
    shutil.copy(BUILD / "tests/integration/integration_tests", tests)
    passed = failed = 0
    for parameters, files in MACHINES:
        chosen = "-sf='" + ",".join(f"*/{name}.test.cpp" for name in files) + "'" + (f" -tc='{options.filter}'" if options.filter else "")
        (WORK / "job.sh").write_text(f"cd {ROOT}\nexec {tests} -d {chosen}\n")
        counts = watch(boot(kernel, initramfs, make_disk(), options.minutes, parameters))
        passed, failed = passed + counts[0], failed + counts[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
