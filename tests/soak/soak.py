#!/usr/bin/env python3
"""`./dev test soak [--minutes N] [--seed S] [--agents N]`: a real cluster under random starts, stops, updates and kills.

What should be is compared with what is again and again; at the end everything is deleted, and the machine must be as it was before.
The same seed makes the same decisions; how they meet depends on the machine. Ends with "N passed, N failed".
"""
import argparse
import contextlib
import os
import pathlib
import random
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "e2e")]

import traces  # noqa: E402
from client import Api, V1, V2, grpc, patiently, workload_pb2  # noqa: E402
from cluster import Cluster, ClusterError, wait_until  # noqa: E402

# Short, and different in each run: control groups are told by it.
PREFIX = f"soak{os.getpid()}-"
LIVE_REPLICAS = 40
OPERATIONS_BETWEEN_CHECKS = 12
SETTLE_SECONDS = 120
REPORT_SECONDS = 30

# What containers do. Each kind says how its replicas should end up: running, or over with an exit code.
KINDS = {
    "server": (["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 1; done"], None, None),
    "stubborn": (["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], None, None),
    "chatty": (["sh", "-c", "while :; do head -c 200000 /dev/zero | tr '\\0' x; echo; sleep 2; done"], None, None),
    "forks": (["sh", "-c", "for i in 1 2 3 4 5; do sleep 100000 & done; wait"], None, None),
    "job": (["sh", "-c", "sleep 1; exit 0"], "NEVER", 0),
    "failing": (["sh", "-c", "sleep 1; exit 7"], "NEVER", 7),
}


class Wanted:
    """A workload as it should be."""

    def __init__(self, name, kind, replicas):
        self.name, self.kind, self.replicas = name, kind, replicas
        self.disturbed = False  # something of it was killed: how its jobs end is open

    @property
    def exit_code(self):
        return KINDS[self.kind][2]

    def is_met(self, status):
        live = [r for r in status.replicas if r.state <= workload_pb2.Replica.BACKOFF]
        if self.exit_code is None:
            return len(live) == self.replicas and status.ready_replicas == self.replicas == status.updated_replicas
        over = [r for r in status.replicas if r.state in (workload_pb2.Replica.SUCCEEDED, workload_pb2.Replica.FAILED)]
        as_told = all(r.exit_code == self.exit_code for r in over)
        return not live and len(over) == self.replicas and (as_told or self.disturbed)


class Soak:
    def __init__(self, cluster, seed):
        self.cluster, self.dice = cluster, random.Random(seed)
        self.api = Api(cluster.server)
        self.wanted = {}
        self.deleted = []  # uids
        self.number = 0
        self.counts = {}
        self.failures = []
        self.checks = 0

    # -- what is done ------------------------------------------------------------------------------------------------------

    def create(self):
        if sum(w.replicas for w in self.wanted.values()) >= LIVE_REPLICAS:
            return self.delete()
        self.number += 1
        kind = self.dice.choice(list(KINDS))
        w = Wanted(f"{PREFIX}{self.number}", kind, self.dice.randint(1, 6))
        command, restart, _ = KINDS[kind]
        spec = {"image": V1, "image_pull_policy": "IMAGE_PULL_POLICY_NEVER", "replicas": w.replicas, "command": command,
                "termination_grace_period_ms": self.dice.choice([0, 200, 1000]),
                "resources": {"requests": {"cpu_millicores": 5, "memory_bytes": 1 << 20}, "limits": {"memory_bytes": 64 << 20}},
                "restart_policy": {"mode": restart or "ALWAYS", "backoff": {"initial_ms": 100, "max_ms": 2000}}}
        self.send("CreateWorkload", {"name": w.name, "spec": spec})
        self.wanted[w.name] = w

    def pick(self, servers_only=False):
        names = [n for n, w in self.wanted.items() if not servers_only or w.exit_code is None]
        return self.wanted[self.dice.choice(sorted(names))] if names else None

    def delete(self):
        if w := self.pick():
            self.deleted.append(self.send("DeleteWorkload", {"name": w.name}).uid)
            del self.wanted[w.name]

    def scale(self):
        if w := self.pick(servers_only=True):
            w.replicas = self.dice.randint(0, 6)
            self.send("ScaleWorkload", {"name": w.name, "replicas": w.replicas})

    def update(self):
        if w := self.pick(servers_only=True):
            self.send("UpdateWorkload", {"name": w.name, "update_mask": "image", "spec": {"image": self.dice.choice([V1, V2])}})

    def send(self, method, message):
        """A kill may have taken the answer away: the same key makes the repetition harmless."""
        self.number += 1
        return patiently(lambda: self.api.call(method, {**message, "idempotency_key": f"soak-{self.number}"}), 60)

    def kill_agent(self):
        agent = self.dice.choice(self.cluster.agents)
        agent.process.stop(signal.SIGKILL)
        self.cluster.start_agent(agent)

    def kill_coordinator(self):
        self.cluster.coordinator.stop(signal.SIGKILL)
        self.cluster.start_coordinator()

    def kill_containerd(self):
        self.cluster.containerd.stop(signal.SIGKILL)
        self.cluster.start_containerd()

    def victims(self, word):
        """Processes of this cluster by program, with the container that they belong to."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    arguments = (entry / "cmdline").read_bytes().split(b"\0")
                    ours = any(bytes(self.cluster.dir) in a for a in arguments[1:]) or bytes(self.cluster.socket) in arguments
                    if word in arguments[0] and ours:
                        found.append((int(entry.name), " ".join(a.decode(errors="replace") for a in arguments)))
        return sorted(found)

    def kill_logger(self):
        if found := self.victims(b"cloudless-logger"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.dice.choice(found)[0], signal.SIGKILL)

    def kill_shim(self):
        if found := self.victims(b"containerd-shim"):
            pid, arguments = self.dice.choice(found)
            self.disturb(arguments)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_container(self):
        agent = self.dice.choice(self.cluster.agents)
        lines = self.cluster.ctr("-n", agent.namespace, "tasks", "ls", check=False).stdout.splitlines()[1:]
        running = [line.split() for line in lines if line.split()[2:] == ["RUNNING"]]
        if running:
            container, pid, _ = self.dice.choice(running)
            self.disturb(container)
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def disturb(self, text):
        for w in self.wanted.values():
            w.disturbed |= f"{w.name}-" in text

    def step(self):
        operations = [(self.create, 30), (self.delete, 14), (self.scale, 14), (self.update, 8), (self.kill_container, 12),
                      (self.kill_logger, 8), (self.kill_shim, 4), (self.kill_agent, 5), (self.kill_containerd, 2), (self.kill_coordinator, 3)]
        operation = self.dice.choices([o for o, _ in operations], [w for _, w in operations])[0]
        self.counts[operation.__name__] = self.counts.get(operation.__name__, 0) + 1
        try:
            operation()
        except (grpc.RpcError, ClusterError) as error:
            self.failures.append(f"{operation.__name__}: {error}")

    # -- what is compared --------------------------------------------------------------------------------------------------

    def expect(self, what, condition, seconds=SETTLE_SECONDS, show=lambda: ""):
        self.checks += 1
        try:
            wait_until(condition, seconds, what, pause=0.2)
        except ClusterError as error:
            self.failures.append(f"{error}\n{show()}")
            print(f"FAILED: {self.failures[-1]}", flush=True)

    def settle(self):
        for w in list(self.wanted.values()):
            def read(w=w):
                return self.api.call("GetWorkload", {"name": w.name}).status
            self.expect(f"{w.name} ({w.kind}) to be as told, {w.replicas} replicas", lambda w=w: w.is_met(read()), show=read)
        for uid in self.deleted:
            self.expect(f"workload {uid} to be gone", lambda uid=uid: self.is_gone(uid))
        self.deleted.clear()

    def is_gone(self, uid):
        try:
            self.api.call("GetWorkload", {"uid": uid})
        except grpc.RpcError as error:
            return error.code() == grpc.StatusCode.NOT_FOUND
        return False

    def remove_everything(self):
        while self.wanted:
            self.delete()
        self.settle()


def processes_of(cluster):
    return {"coordinator": cluster.coordinator, **{f"agent of {a.name}": a.process for a in cluster.agents}}


def warm_up(soak):
    """What the first containers of a process leave for all later ones is there before anything is counted."""
    for _ in range(6):
        soak.create()
    soak.settle()
    soak.remove_everything()


def run(options):
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"soak: {options.minutes:g} minutes, {options.agents} agents, seed {seed}", flush=True)
    with Cluster(agents=options.agents) as cluster:
        cluster.start()
        soak = Soak(cluster, seed)
        warm_up(soak)
        before = traces.count(cluster, (PREFIX,))
        feet_before = {name: traces.footprint(p.popen) for name, p in processes_of(cluster).items()}
        begun = reported = time.monotonic()
        steps = 0
        while time.monotonic() - begun < options.minutes * 60:
            soak.step()
            steps += 1
            if steps % OPERATIONS_BETWEEN_CHECKS == 0:
                soak.settle()
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                print(f"{(reported - begun) / 60:5.1f} min: {steps} operations, {soak.checks} checks, {len(soak.failures)} failed", flush=True)
        soak.remove_everything()
        soak.expect("the machine to be as it was", lambda: traces.count(cluster, (PREFIX,)) == before, 60,
                    show=lambda: traces.excess(cluster, (PREFIX,), before))
        if options.keep and soak.failures:
            input(f"kept in {cluster.dir}; Enter removes it ")
        print("operations:", ", ".join(f"{name} {n}" for name, n in sorted(soak.counts.items())))
        print("counters before and after:", before)
        for name, process in processes_of(cluster).items():
            print(f"{name}: before {feet_before[name]}, after {traces.footprint(process.popen)}")
    failed = len(soak.failures)
    print(f"{max(0, soak.checks - failed)} passed, {failed} failed")
    return 1 if failed or not soak.checks else 0


def main():
    parser = argparse.ArgumentParser(prog="./dev test soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5, metavar="N", help="how long (default: 5)")
    parser.add_argument("--seed", type=int, metavar="S", help="repeat the decisions of an earlier run")
    parser.add_argument("--agents", type=int, default=2, metavar="N", help="how many nodes (default: 2)")
    parser.add_argument("--keep", action="store_true", help="wait before a cluster with failures is removed")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
