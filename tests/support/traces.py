"""What a cluster leaves on its machine: counted before and after, so that nothing leaks unseen.

Counts name only what belongs to this cluster: by its run directory, its bridges, its containerd namespaces, and by what the ids of its
containers begin with.
"""
import contextlib
import json
import os
import pathlib
import subprocess

CGROUPS = pathlib.Path("/sys/fs/cgroup")


def _lines(cluster, agent, *words):
    out = cluster.ctr("-n", agent.namespace, *words, check=False).stdout
    return [line for line in out.splitlines() if line.strip()]


def _mounts(directory):
    return [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if f" {directory}/" in line]


def _links(bridge):
    out = subprocess.run(["ip", "-json", "link", "show", "master", bridge], capture_output=True, text=True, check=False)
    return [link for link in json.loads(out.stdout or "[]") if link] if out.returncode == 0 else []


def _cgroups(prefixes):
    found = []
    for root in {*CGROUPS.glob("cloudless*"), *CGROUPS.glob("*/cloudless*")}:
        for where, folders, _ in os.walk(root):
            found += [f"{where}/{folder}" for folder in folders if folder.startswith(tuple(prefixes))]
    return found


def _processes(cluster, word):
    """Processes whose program is called `word` and whose arguments name the cluster's directory."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                if word in arguments[0] and any(bytes(cluster.dir) in argument for argument in arguments[1:]):
                    found.append(f"{entry.name} " + b" ".join(arguments).decode(errors="replace"))
    return found


def _rules(bridge):
    """Lines of the packet filter that name the bridge or its node."""
    out = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=False).stdout
    return [line for line in out.splitlines() if bridge in line]


def _namespaces(process):
    """Namespaces that a process holds open: one that no process is in any more lives on so. Its own, to which threads go back, do not
    count."""
    held = set()
    for file in pathlib.Path(f"/proc/{process.popen.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            target = os.readlink(file)
            kind = target.partition(":[")[0]
            if kind in ("net", "mnt", "pid", "ipc", "uts", "cgroup") and os.readlink(f"/proc/{process.popen.pid}/ns/{kind}") != target:
                held.add(target)
    return sorted(held)


def _files(directory, beside):
    """Files and folders below a node's directory, except those that may grow."""
    found = []
    for root, folders, files in os.walk(directory):
        if pathlib.Path(root) == pathlib.Path(directory):
            folders[:] = [f for f in folders if f not in beside]
        found += [f"{root}/{name}" for name in folders + files]
    return found


def find(cluster, prefixes):
    """What is there, by kind. `prefixes`: what the names of the workloads begin with; cgroups are told by them."""
    found = {"mounts": _mounts(cluster.dir), "cgroups": _cgroups(prefixes), "shims": _processes(cluster, b"containerd-shim"),
             "loggers": _processes(cluster, b"cloudless-logger")}
    for agent in cluster.agents:
        found[f"{agent.name} containers"] = _lines(cluster, agent, "containers", "ls", "-q")
        found[f"{agent.name} tasks"] = _lines(cluster, agent, "tasks", "ls", "-q")
        found[f"{agent.name} snapshots"] = [line for line in _lines(cluster, agent, "snapshots", "ls") if " Active" in line]
        found[f"{agent.name} leases"] = _lines(cluster, agent, "leases", "ls", "-q")
        found[f"{agent.name} namespaces"] = _namespaces(agent.process)
        found[f"{agent.name} links"] = [link["ifname"] for link in _links(agent.bridge)]
        found[f"{agent.name} packet rules"] = _rules(agent.bridge)
        found[f"{agent.name} files"] = _files(agent.dir, {"logs"})
    return found


def count(cluster, prefixes):
    """How much of each kind there is."""
    return {kind: len(items) for kind, items in find(cluster, prefixes).items()}


def excess(cluster, prefixes, before):
    """What there is of the kinds of which there is more or less than before, for people."""
    found = find(cluster, prefixes)
    return "\n".join(f"{kind}: {before[kind]} before, now {len(items)}: " + "; ".join(items)
                     for kind, items in found.items() if len(items) != before[kind])


def footprint(popen):
    """Open files, threads and resident kilobytes of a process."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{popen.pid}/status").read_text().splitlines())
    return {"open files": len(os.listdir(f"/proc/{popen.pid}/fd")), "threads": int(status["Threads"]),
            "resident": int(status["VmRSS"].split()[0])}
