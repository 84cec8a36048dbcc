"""Every process of ours is killed at any time, and containerd too: acknowledged writes survive, containers keep running."""
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import grpc

from client import Api, ClusterTest, V1, patiently, wait_until
from cluster import Cluster


class Kills(ClusterTest):
    agents = 2

    def pids(self, name):
        """Replica id to the process id that its node reports; equal before and after means it kept running."""
        return {r.id: (r.container_id, r.attempt, r.started_at.ToNanoseconds()) for r in self.get(name).status.replicas if r.ready}

    def kill_coordinator(self):
        self.cluster.coordinator.stop(signal.SIGKILL)
        self.cluster.start_coordinator()

    def kill_agent(self, number):
        agent = self.cluster.agents[number]
        agent.process.stop(signal.SIGKILL)
        self.cluster.start_agent(agent)

    def kill_containerd(self):
        self.cluster.containerd.stop(signal.SIGKILL)
        self.cluster.start_containerd()

    def test_containers_outlive_every_process_of_ours(self):
        self.create("rock", replicas=4)
        self.wait_ready("rock", 4)
        before = self.pids("rock")
        for kill in (self.kill_coordinator, lambda: self.kill_agent(0), lambda: self.kill_agent(1), self.kill_containerd):
            kill()
            self.cluster.wait_nodes()
            self.wait_ready("rock", 4)
            self.assertEqual(self.pids("rock"), before)
        patiently(lambda: self.api.call("ScaleWorkload", {"name": "rock", "replicas": 6}))
        self.wait_ready("rock", 6)
        self.delete_and_wait("rock")

    def test_an_idempotency_key_survives_a_restart(self):
        request = {"name": "keyed", "spec": {"image": V1, "replicas": 0}, "idempotency_key": "restart"}
        uid = self.api.call("CreateWorkload", request).uid
        self.kill_coordinator()
        self.assertEqual(patiently(lambda: self.api.call("CreateWorkload", request)).uid, uid)

    def test_acknowledged_writes_survive_kills_in_a_loop(self):
        """Writers go on while a random part is killed again and again."""
        rng = random.Random(7)
        acknowledged, stop = {}, threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                name = f"w{number}"
                try:
                    uid = self.api.call("CreateWorkload", {"name": name, "spec": {"image": V1, "replicas": 0}}, timeout=5).uid
                    acknowledged[name] = uid
                except grpc.RpcError:
                    pass
                number += 1
        self.create("busy", replicas=3)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for round_number in range(6):
                replicas = rng.randint(1, 5)
                patiently(lambda n=replicas: self.api.call("ScaleWorkload", {"name": "busy", "replicas": n}, timeout=20))
                rng.choice([self.kill_coordinator, lambda: self.kill_agent(rng.randrange(2)), self.kill_containerd])()
        finally:
            stop.set()
            writer.join()
        self.assertGreater(len(acknowledged), 10)
        for name, uid in acknowledged.items():
            self.assertEqual(self.get(name).uid, uid)
        wanted = self.get("busy").spec.replicas
        self.wait_ready("busy", wanted)
        self.delete_and_wait("busy")

        def no_orphans():
            return not [c for a in self.cluster.agents for c in self.containers(a) if c.startswith("busy-")]
        wait_until(no_orphans, 30, "no orphan containers")

    def test_no_log_line_is_lost_when_containerd_and_the_agent_die(self):
        self.create("chatty", command=["sh", "-c", "trap 'exit 0' TERM; i=0; while true; do echo $i; i=$((i+1)); sleep 0.01; done"])
        self.wait_ready("chatty", 1)
        self.kill_containerd()
        node = next(r.node_id for r in self.get("chatty").status.replicas)
        self.kill_agent(int(node[-1]) - 1)
        self.cluster.wait_nodes()
        self.wait_ready("chatty", 1)

        def enough():
            numbers = [int(line.line) for line in self.api.log_lines({"workload": "chatty"})]
            self.assertEqual(numbers, list(range(len(numbers))))
            return len(numbers) > 300
        wait_until(enough, 60, "300 lines without a gap", pause=0.3)
        self.delete_and_wait("chatty")

    def test_no_log_line_is_lost_when_loggers_are_killed(self):
        """A child of the container's first process goes on printing, and would be killed if nobody read what it says."""
        count = "(i=0; while true; do echo $i; i=$((i+1)); sleep 0.002; done) & trap 'exit 0' TERM; wait"
        self.create("talker", command=["sh", "-c", count])
        self.wait_ready("talker", 1)
        before = self.pids("talker")
        for _ in range(20):
            for pid in self.loggers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

        def enough():
            numbers = [int(line.line) for line in self.api.log_lines({"workload": "talker"})]
            self.assertEqual(numbers, list(range(len(numbers))))
            return len(numbers) > 1000
        wait_until(enough, 60, "1000 lines without a gap", pause=0.3)
        self.assertEqual(self.pids("talker"), before)
        self.delete_and_wait("talker")

    def loggers(self):
        """Process ids of this cluster's loggers."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"cloudless-logger") and any(str(self.cluster.dir).encode() in word for word in words):
                    found.append(int(entry.name))
        return found

    def test_a_node_that_is_gone_is_replaced(self):
        self.create("moving", replicas=2)
        self.wait_ready("moving", 2)
        agent = self.cluster.agents[1]
        agent.process.stop(signal.SIGKILL)
        try:
            wait_until(lambda: any(n.get("id") == agent.name and n.get("state") == "OFFLINE" for n in self.cluster.nodes()), 60,
                       "the node to be OFFLINE", pause=0.2)
            workload = self.wait_ready("moving", 2)
            self.assertEqual({r.node_id for r in workload.status.replicas if r.ready}, {"node-1"})
        finally:
            self.cluster.start_agent(agent)
        self.cluster.wait_nodes()
        wait_until(lambda: not [c for c in self.containers(agent) if c.startswith("moving-")], 30, "the old container to be removed")
        self.delete_and_wait("moving")


class BlankStore(ClusterTest):
    def test_a_blank_store_does_not_stop_the_fleet(self):
        self.create("kept", replicas=2)
        self.wait_ready("kept", 2)
        agent = self.cluster.agents[0]
        before = sorted(self.containers(agent))
        self.cluster.coordinator.stop(signal.SIGKILL)
        (self.cluster.dir / "coordinator").rename(self.cluster.dir / "elsewhere")
        self.cluster.start_coordinator()
        log = self.cluster.dir / f"{agent.name}.log"
        wait_until(lambda: "cluster" in log.read_text() and "accept-cluster" in log.read_text(), 30, "the agent to refuse the blank cluster")
        self.assertEqual(sorted(self.containers(agent)), before)
        tasks = self.cluster.ctr("-n", agent.namespace, "tasks", "ls").stdout
        self.assertEqual(tasks.count("RUNNING"), 2)
        self.cluster.coordinator.stop()
        for path in (self.cluster.dir / "coordinator",):
            path.rename(self.cluster.dir / "blank")
        (self.cluster.dir / "elsewhere").rename(self.cluster.dir / "coordinator")
        self.cluster.start_coordinator()
        self.cluster.wait_nodes()
        self.wait_ready("kept", 2)
        self.assertEqual(sorted(self.containers(agent)), before)


class FullDisk(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.stop)
        data = cls.cluster.dir / "coordinator"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", data], check=True)
        cls.cluster.start()
        cls.api = Api(cls.cluster.server)
        cls.addClassCleanup(cls.api.close)

    def test_a_full_disk_refuses_writes_and_loses_nothing(self):
        self.create("survivor")
        self.wait_ready("survivor", 1)
        data = self.cluster.dir / "coordinator"
        acknowledged = []
        with open(data / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(b"x" * 4096)

        def until_refused():
            try:
                name = f"full-{len(acknowledged)}"
                self.api.call("CreateWorkload", {"name": name, "spec": {"image": V1, "replicas": 0}}, timeout=5)
                acknowledged.append(name)
            except grpc.RpcError as error:
                return error
            return None
        error = wait_until(until_refused, 60, "the disk to be full", pause=0)
        self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, error.details())
        self.assertEqual(self.get("survivor").status.ready_replicas, 1, "reads go on")
        (data / "ballast").unlink()
        wait_until(lambda: until_refused() is None, 30, "writes to be taken again", pause=0.1)
        self.cluster.coordinator.stop(signal.SIGKILL)
        self.cluster.start_coordinator()
        for name in acknowledged:
            self.get(name)
        self.wait_ready("survivor", 1)
