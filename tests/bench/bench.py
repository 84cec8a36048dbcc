#!/usr/bin/env python3
"""`./dev bench [api|runtime|probes|rollout|scheduler] [--json [FILE]] [--runs N]`: measures a real cluster beside a baseline in the same run, and prints a table.

Figures are medians; the machine may be shared, so the ratio to the baseline of the same run says more than the milliseconds.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "e2e")]

from cluster import BUILD, Cluster, wait_until  # noqa: E402
from logs_bench import bench_logs  # noqa: E402
from rollout_bench import bench_rollout  # noqa: E402
from scheduler_bench import bench_scheduler  # noqa: E402


class Table:
    """Rows of: what, ours, baseline, ratio, goal."""

    def __init__(self):
        self.rows = []

    def add(self, what, ours, unit, baseline=None, baseline_name="", goal="", ratio=None):
        """The ratio is that of the two figures, unless a better one is given (of each round, say)."""
        self.rows.append({"what": what, "ours": ours, "unit": unit, "baseline": baseline, "baseline_name": baseline_name,
                          "ratio": ratio if ratio is not None else ours / baseline if baseline else None, "goal": goal})

    def print(self):
        def number(value, unit=""):
            return "" if value is None else f"{value:,.2f} {unit}".strip() if abs(value) < 1000 else f"{value:,.0f} {unit}".strip()
        lines = [("", "ours", "baseline", "ratio", "goal")]
        for r in self.rows:
            base = f"{number(r['baseline'], r['unit'])} ({r['baseline_name']})" if r["baseline"] is not None else ""
            lines.append((r["what"], number(r["ours"], r["unit"]), base, number(r["ratio"]), r["goal"]))
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def resident_megabytes(pid, field="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def add_memory(table, what, pid, goal):
    """Resident, and the part that is not pages of files (programs and libraries, which processes share)."""
    table.add(f"{what}, memory", resident_megabytes(pid), "MB", goal=goal)
    table.add(f"{what}, memory without libraries", resident_megabytes(pid, "RssAnon"), "MB")


def bench_api(table, runs):
    with Cluster(agents=1) as cluster:
        cluster.start()
        time.sleep(2)  # at rest: what starting up needed has been given back
        table.add("coordinator at rest", resident_megabytes(cluster.coordinator.popen.pid), "MB", goal="< 40")
        table.add("agent at rest", resident_megabytes(cluster.agents[0].process.popen.pid), "MB", goal="< 30")
        out = subprocess.run([BUILD / "tests/bench/api_bench", cluster.server, cluster.dir, str(runs)], check=True, capture_output=True,
                             text=True).stdout
    result = json.loads(out)
    call, fsync = result["floor_call"]["p50_ms"], result["floor_fsync"]["p50_ms"]
    table.add("GetWorkload p50", result["get"]["p50_ms"], "ms", call, "empty call", "<= 0.15 ms")
    table.add("GetWorkload p99", result["get"]["p99_ms"], "ms", result["floor_call"]["p99_ms"], "empty call")
    table.add("ListWorkloads of 100 p50", result["list_100"]["p50_ms"], "ms", call, "empty call", "<= 1 ms")
    for name in ("create", "update", "scale", "delete"):
        table.add(f"{name} p50", result[name]["p50_ms"], "ms", fsync + call, "empty call + fdatasync", "<= 1 ms")
        table.add(f"{name} p99", result[name]["p99_ms"], "ms", goal="<= 10 ms")
    table.add("Get, 64 in flight", result["get_per_second"], "/s", goal=">= 20,000")
    table.add("Create, 64 in flight", result["create_per_second"], "/s", goal=">= 5,000")


class Runtime:
    """Starts and ends containers in two ways, turn by turn."""

    def __init__(self, cluster, api):
        self.cluster, self.api = cluster, api
        self.namespace = cluster.agents[0].namespace
        self.number = 0

    def create(self, replicas):
        self.number += 1
        name = f"bench-{self.number}"
        out = subprocess.run([BUILD / "tests/bench/start_bench", self.cluster.server, name, "cloudless.local/hello:v1", str(replicas)],
                             check=True, capture_output=True, text=True).stdout
        return name, float(out) / 1000

    def delete(self, name):
        containers = set(self.containers())
        begun = time.monotonic()
        uid = self.api.call("DeleteWorkload", {"name": name}).uid

        def gone():
            try:
                self.api.call("GetWorkload", {"uid": uid})
                return False
            except Exception as error:  # NOT_FOUND is what is awaited; anything else shows at the next call
                return "NOT_FOUND" in str(error)
        wait_until(gone, 120, f"{name} to be gone", pause=0.001)
        elapsed = time.monotonic() - begun
        assert containers, "there was something to delete"
        return elapsed

    def containers(self):
        return self.cluster.ctr("-n", self.namespace, "containers", "ls", "-q").stdout.split()

    def ctr_run(self):
        self.number += 1
        name = f"floor-{self.number}"
        begun = time.monotonic()
        self.cluster.ctr("-n", self.namespace, "run", "-d", "cloudless.local/hello:v1", name)
        return name, time.monotonic() - begun

    def ctr_remove(self, name):
        begun = time.monotonic()
        self.cluster.ctr("-n", self.namespace, "task", "rm", "-f", name)
        self.cluster.ctr("-n", self.namespace, "container", "rm", name)
        return time.monotonic() - begun


    def bare(self, replicas, way="lean"):
        """As many containers through containerd's bare API, in one of containerd_floor's ways; what that measured."""
        more = {"lean": [], "same": [self.cluster.agents[0].cgroup_parent],
                "logged": [self.cluster.agents[0].cgroup_parent, BUILD / "services/logger/cloudless-logger"]}[way]
        out = subprocess.run([BUILD / "tests/bench/containerd_floor", self.cluster.socket, self.namespace, "cloudless.local/hello:v1",
                              str(replicas), way, *more], check=True, capture_output=True, text=True).stdout
        return json.loads(out)


def median_ms(values):
    return statistics.median(values) * 1000


def cpu_seconds(pid):
    """Processor time that a process has used, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench_many(table):
    """What an agent costs that has much to look after and nothing to do."""
    from client import Api
    seconds, replicas = 20, 200
    with Cluster(agents=1) as cluster:
        cluster.start()
        pid = cluster.agents[0].process.popen.pid
        time.sleep(2)  # at rest: what starting up needed has been given back
        add_memory(table, "agent without replicas", pid, "< 30")
        runtime = Runtime(cluster, Api(cluster.server))
        name, _ = runtime.create(replicas)
        time.sleep(5)  # the last reports are on their way
        begun = cpu_seconds(pid)
        time.sleep(seconds)
        table.add(f"agent with {replicas} replicas, processor", 100 * (cpu_seconds(pid) - begun) / seconds, "%", goal="< 2 %")
        add_memory(table, f"agent with {replicas} replicas", pid, "< 80")
        runtime.delete(name)


def bench_exec(table, runs):
    """A command in a running container: by our command line and by our API, beside containerd's own command line."""
    from client import Api
    with Cluster(agents=1) as cluster:
        cluster.start()
        api = Api(cluster.server)
        runtime = Runtime(cluster, api)
        name, _ = runtime.create(1)
        replica = api.call("GetWorkload", {"name": name}).status.replicas[0]
        namespace, container = runtime.namespace, replica.container_id
        ctl = [BUILD / "services/cloudlessctl/cloudlessctl", "--server", cluster.server, "exec", replica.id, "--", "true"]
        ways = {"cloudlessctl exec": lambda n: subprocess.run(ctl, check=True, capture_output=True),
                "ExecCommand": lambda n: api.call("ExecCommand", {"replica_id": replica.id, "command": ["true"]}),
                "ctr": lambda n: cluster.ctr("-n", namespace, "task", "exec", "--exec-id", f"bench-{n}", container, "true")}
        taken = {way: [] for way in ways}
        for n in range(30 * runs):
            for way, run in ways.items():
                begun = time.monotonic()
                run(n)
                taken[way].append(time.monotonic() - begun)
        for way in ("cloudlessctl exec", "ExecCommand"):
            table.add(f"{way} p50", median_ms(taken[way]), "ms", median_ms(taken["ctr"]), "ctr task exec", "<= 1.3x")
        runtime.delete(name)


def bench_runtime(table, runs):
    from client import Api
    with Cluster(agents=1) as cluster:
        cluster.start()
        api = Api(cluster.server)
        runtime = Runtime(cluster, api)
        start, floor_start, end, floor_end = [], [], [], []
        floors = {"same": "bare API, the same OCI spec", "logged": "bare API, the same OCI spec and log",
                  "lean": "bare API, network and seccomp alone"}
        bare = {way: [] for way in floors}
        attach = []
        neighbour, _ = runtime.create(1)  # the first container of a node also makes the control groups above it
        for n in range(20 * runs):
            name, seconds = runtime.ctr_run()
            floor_start.append(seconds)
            floor_end.append(runtime.ctr_remove(name))
            turn = n % len(floors)  # what comes after a removal is slower: each in turn
            for way in [*floors][turn:] + [*floors][:turn]:
                measured = runtime.bare(1, way)
                bare[way].append(measured["start_p50_ms"])
                attach.append(measured["attach_p50_ms"])
            name, seconds = runtime.create(1)
            start.append(seconds)
            end.append(runtime.delete(name))
        runtime.delete(neighbour)
        for way, taken in bare.items():
            table.add("one replica, create to running p50", median_ms(start), "ms", statistics.median(taken), floors[way],
                      "<= 1.2x" if way == "same" else "")
        table.add("one replica, create to running p50", median_ms(start), "ms", median_ms(floor_start), "ctr run -d")
        table.add("of that, the network attached p50", statistics.median(attach), "ms", goal="about 1 ms")
        table.add("deleted and gone p50", median_ms(end), "ms", median_ms(floor_end), "ctr task rm -f, container rm", "<= 1.5x")
        for replicas in (20, 50):
            rates, bare_rates, failed = [], [], 0
            for _ in range(max(2, runs)):
                bare_rates.append(runtime.bare(replicas)["per_second"])
                name, seconds = runtime.create(replicas)
                rates.append(replicas / seconds)
                failed += sum(r.attempt - 1 for r in api.call("GetWorkload", {"name": name}).status.replicas)
                runtime.delete(name)
            table.add(f"{replicas} replicas at once", statistics.median(rates), "/s", statistics.median(bare_rates), floors["lean"],
                      ">= 0.9x")
            table.add(f"{replicas} replicas at once, starts that failed", failed, "", goal="0")


def bench_probes(table, runs):
    """Network probes: the agent's actors and prober alone, its server elsewhere. Exec probes: real containers."""
    from client import Api
    for kind in ("http", "tcp"):
        out = subprocess.run([BUILD / "tests/bench/probe_bench", kind, "500", "1000", str(5 * runs)], check=True, capture_output=True,
                             text=True)
        result = json.loads(out.stdout)
        assert result["failed"] == 0, result
        table.add(f"{result['per_second']:.0f} {kind} probes a second", result["core_percent"], "% of a core",
                  result["bare_percent"], "bare sockets", "< 5 %")
    replicas, period = 4, 0.2
    with Cluster(agents=1) as cluster:
        cluster.start()
        api = Api(cluster.server)
        api.call("CreateWorkload", {"name": "asked", "spec": {
            "image": "cloudless.local/hello:v1", "replicas": replicas, "image_pull_policy": "IMAGE_PULL_POLICY_NEVER",
            "resources": {"requests": {"cpu_millicores": 1, "memory_bytes": 1 << 20}},
            "readiness": {"exec": {"command": ["true"]}, "period_ms": round(period * 1000), "timeout_ms": 10000}}})
        wait_until(lambda: api.call("GetWorkload", {"name": "asked"}).status.ready_replicas == replicas, 120, "replicas to be ready")
        pids = {"agent": cluster.agents[0].process.popen.pid, "containerd": cluster.containerd.popen.pid}
        before, begun = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
        time.sleep(10 * runs)
        asked = (time.monotonic() - begun) / period * replicas
        for name, pid in pids.items():
            table.add(f"an exec probe, {name}", (cpu_seconds(pid) - before[name]) / asked * 1000, "ms of a core")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("what", nargs="?", choices=["api", "runtime", "probes", "rollout", "scheduler"], help="one part; default: all")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write the figures there too; without a FILE print only them")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="N times as many measurements")
    options = parser.parse_args()
    table = Table()
    if options.what in (None, "api"):
        bench_api(table, options.runs)
    if options.what in (None, "runtime"):
        bench_runtime(table, options.runs)
        bench_exec(table, options.runs)
        bench_many(table)
        bench_logs(table, options.runs)
    if options.what in (None, "probes"):
        bench_probes(table, options.runs)
    if options.what in (None, "rollout"):
        bench_rollout(table, options.runs)
    if options.what in (None, "scheduler"):
        bench_scheduler(table)
    if options.json == "-":
        print(json.dumps(table.rows, indent=1))
        return
    table.print()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(table.rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
