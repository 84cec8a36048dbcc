"""Full disks of a node: its agent's, which carries out what it is told and cannot say so, and its containerd's. People see why."""
import contextlib
import pathlib
import subprocess
import unittest

import traces
from client import Api, ClusterTest, wait_until, workload_pb2
from cluster import Cluster, ClusterError

TAINT = "cloudless.io/disk-not-writable"


class SmallDisk(ClusterTest):
    """A cluster of one node, of which one folder is a small disk."""

    @classmethod
    def folder(cls):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        if cls is SmallDisk:
            raise unittest.SkipTest("only what others are made of")
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.stop)
        cls.agent = cls.cluster.agents[0]
        disk = cls.cluster.dir / "small-disk"
        with open(disk, "wb") as file:
            file.truncate(cls.size)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", disk], check=True)
        cls.folder().mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", "loop", disk, cls.folder()], check=True)
        cls.cluster.start()
        cls.api = Api(cls.cluster.server)
        cls.addClassCleanup(cls.api.close)

    def fill_the_disk(self):
        """To the last byte: whole blocks first, then what is left of it."""
        ballast = self.folder() / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass
        return ballast


class FullDisk(SmallDisk):
    size = 32 << 20

    @classmethod
    def folder(cls):
        return pathlib.Path(cls.agent.dir)

    def node(self):
        return self.api.call("GetNode", {"node_id": self.agent.name})

    def test_what_waits_for_a_node_with_a_full_disk_says_so(self):
        self.create("before")
        self.wait_ready("before", 1)
        ballast = self.fill_the_disk()

        self.create("late")
        waiting = wait_until(lambda: next((r for r in self.get("late").status.replicas if r.reason), None), 30, "a reason", pause=0.1)
        self.assertEqual((waiting.state, waiting.node_id), (workload_pb2.Replica.ASSIGNED, self.agent.name))
        self.assertIn(f"node {self.agent.name}: its agent cannot write to its disk", waiting.reason)
        self.assertIn("cannot write to its disk", self.get("late").status.reason)
        self.assertIn("cannot write to its disk", self.node().reason)
        self.assertEqual([taint.key for taint in self.node().taints], [TAINT])
        self.create("later")
        wait_until(lambda: any("tainted" in r.reason for r in self.get("later").status.replicas), 20, "no place for more", pause=0.1)
        self.assertTrue(self.get("before").status.replicas[0].ready)

        ballast.unlink()
        for name in ("before", "late", "later"):
            self.wait_ready(name, 1)
        wait_until(lambda: not self.node().reason and not self.node().taints, 20, "the node to be well", pause=0.1)
        kinds = [event.kind for event in self.api.call("ListEvents", {"node_id": self.agent.name, "limit": 1000}).events]
        self.assertEqual([kind for kind in kinds if kind in ("NodeTroubled", "NodeRecovered")], ["NodeTroubled", "NodeRecovered"])
        for name in ("before", "late", "later"):
            self.delete_and_wait(name)


class FullDiskOfContainerd(SmallDisk):
    size = 256 << 20

    @classmethod
    def folder(cls):
        return cls.cluster.dir / "containerd"

    def pids(self):
        """Container id to process id of those that run."""
        lines = self.cluster.ctr("-n", self.agent.namespace, "tasks", "ls").stdout.splitlines()[1:]
        return {words[0]: int(words[1]) for words in map(str.split, lines) if words[2] == "RUNNING"}

    def test_what_runs_goes_on_what_cannot_start_says_why_and_nothing_is_left(self):
        self.create("warm")  # what a first container leaves for all later ones is there before
        self.wait_ready("warm", 1)
        self.delete_and_wait("warm")
        prefixes = ("warm-", "old-", "late-", "doomed-")
        before = traces.count(self.cluster, prefixes)
        self.create("old", replicas=5, command=["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done"])
        self.create("doomed", replicas=3)
        self.wait_ready("old", 5)
        self.wait_ready("doomed", 3)
        running = {c: pid for c, pid in self.pids().items() if c.startswith("old-")}
        ballast = self.fill_the_disk()

        self.create("late", replicas=2, restart_policy={"backoff": {"initial_ms": 200, "max_ms": 1000}})
        wait_until(lambda: any("no space left on the node's disk" in r.reason for r in self.get("late").status.replicas), 60,
                   f"the reason; now:\n{self.get('late')}", pause=0.1)
        lines = len(self.api.log_lines({"workload": "old"}))
        wait_until(lambda: len(self.api.log_lines({"workload": "old"})) > lines + 20, 30, "more lines of what runs", pause=0.1)
        self.assertEqual(self.get("old").status.ready_replicas, 5)
        gone = self.api.call("DeleteWorkload", {"name": "doomed"}).uid
        wait_until(lambda: not [c for c in self.pids() if c.startswith("doomed-")], 60, "what is to stop to stop, disk or no disk", pause=0.1)

        ballast.unlink()
        self.wait_gone(gone)
        self.wait_ready("late", 2)
        self.assertEqual({c: pid for c, pid in self.pids().items() if c.startswith("old-")}, running)
        for name in ("old", "late"):
            self.delete_and_wait(name)
        with contextlib.suppress(ClusterError):  # the assertion shows the difference
            wait_until(lambda: traces.count(self.cluster, prefixes) == before, 60, "the machine to be as before", pause=0.5)
        self.assertEqual(traces.count(self.cluster, prefixes), before, traces.excess(self.cluster, prefixes, before))
