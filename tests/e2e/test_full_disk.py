"""An agent whose disk is full: it carries out what it is told and cannot say so, and people see why."""
import contextlib
import pathlib
import subprocess

from client import Api, ClusterTest, wait_until, workload_pb2
from cluster import Cluster

TAINT = "cloudless.io/disk-not-writable"


class FullDisk(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.stop)
        cls.agent = cls.cluster.agents[0]
        disk = cls.cluster.dir / "small-disk"
        with open(disk, "wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", disk], check=True)
        subprocess.run(["mount", "-o", "loop", disk, cls.agent.dir], check=True)
        cls.cluster.start()
        cls.api = Api(cls.cluster.server)
        cls.addClassCleanup(cls.api.close)

    def node(self):
        return self.api.call("GetNode", {"node_id": self.agent.name})

    def fill_the_disk(self):
        """To the last byte: whole blocks first, then what is left of it."""
        ballast = pathlib.Path(self.agent.dir) / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass
        return ballast

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
