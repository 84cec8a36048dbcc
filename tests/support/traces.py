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
    found = 0
    for root in {*CGROUPS.glob("cloudless*"), *CGROUPS.glob("*/cloudless*")}:
        for _, folders, _ in os.walk(root):
            found += sum(folder.startswith(tuple(prefixes)) for folder in folders)
    return found


def _processes(cluster, word):
    """Processes whose program is called `word` and whose arguments name the cluster's directory."""
    count = 0
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                count += word in arguments[0] and any(bytes(cluster.dir) in argument for argument in arguments[1:])
    return count


def _rules(bridge):
    """Lines of the packet filter that name the bridge or its node."""
    out = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=False).stdout
    return sum(bridge in line for line in out.splitlines())


def _files(directory, beside):
    """Files and folders below a node's directory, except those that may grow."""
    count = 0
    for root, folders, files in os.walk(directory):
        if pathlib.Path(root) == pathlib.Path(directory):
            folders[:] = [f for f in folders if f not in beside]
        count += len(folders) + len(files)
    return count


def count(cluster, prefixes):
    """Counters by name. `prefixes`: what the names of the workloads begin with; cgroups are told by them."""
    counters = {"mounts": len(_mounts(cluster.dir)), "cgroups": _cgroups(prefixes), "shims": _processes(cluster, b"containerd-shim"),
                "loggers": _processes(cluster, b"cloudless-logger")}
    for agent in cluster.agents:
        counters[f"{agent.name} containers"] = len(_lines(cluster, agent, "containers", "ls", "-q"))
        counters[f"{agent.name} tasks"] = len(_lines(cluster, agent, "tasks", "ls", "-q"))
        counters[f"{agent.name} snapshots"] = sum(" Active" in line for line in _lines(cluster, agent, "snapshots", "ls"))
        counters[f"{agent.name} leases"] = len(_lines(cluster, agent, "leases", "ls", "-q"))
        counters[f"{agent.name} links"] = len(_links(agent.bridge))
        counters[f"{agent.name} packet rules"] = _rules(agent.bridge)
        counters[f"{agent.name} files"] = _files(agent.dir, {"logs"})
    return counters


def footprint(popen):
    """Open files, threads and resident kilobytes of a process."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{popen.pid}/status").read_text().splitlines())
    return {"open files": len(os.listdir(f"/proc/{popen.pid}/fd")), "threads": int(status["Threads"]),
            "resident": int(status["VmRSS"].split()[0])}
