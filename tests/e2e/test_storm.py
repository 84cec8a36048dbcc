"""Everything on a node is killed, and its disk filled, while fifty replicas run: nothing is lost that need not be."""
import collections
import contextlib
import os
import pathlib
import signal
import subprocess

import traces
from client import Api, ClusterTest, wait_until, workload_pb2
from cluster import Cluster, ClusterError

REPLICAS = 50
# Counts aloud, and keeps the count where the machine can see it.
COUNTING = "i=0; while :; do i=$((i+1)); echo line $i; echo $i > /count; sleep 0.5; done"
JOBS = ("job-a", "job-b", "job-c")
JOB = "while [ ! -e /go ]; do sleep 0.1; done; exit 42"


class Storm(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.stop)
        cls.agent = cls.cluster.agents[0]
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", cls.agent.dir], check=True)
        cls.cluster.start()
        cls.api = Api(cls.cluster.server)
        cls.addClassCleanup(cls.api.close)

    def pids(self):
        """Container id to process id of those that run."""
        lines = self.cluster.ctr("-n", self.agent.namespace, "tasks", "ls").stdout.splitlines()[1:]
        return {words[0]: int(words[1]) for words in (line.split() for line in lines) if words[2] == "RUNNING"}

    def count_of(self, pid):
        return int(pathlib.Path(f"/proc/{pid}/root/count").read_text() or 0)

    def await_lines(self, pids, more=3):
        """Every one of these has printed some lines more than now."""
        goals = {pid: self.count_of(pid) + more for pid in pids}
        wait_until(lambda: all(self.count_of(pid) >= goal for pid, goal in goals.items()), 60, "every container to print", pause=0.2)

    def processes(self, word, needle):
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    arguments = (entry / "cmdline").read_bytes().split(b"\0")
                    if word in arguments[0] and any(needle in argument for argument in arguments):
                        yield int(entry.name)

    def shim_of(self, pid):
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])

    def end_job(self, name):
        """Lets a job end and waits until its process is gone."""
        pid = self.jobs[name]
        pathlib.Path(f"/proc/{pid}/root/go").touch()
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}/root/go").exists(), 20, f"{name} to end", pause=0.1)

    def assert_exit_code_kept(self, name):
        replica = wait_until(lambda: next((r for r in self.get(name).status.replicas if r.state == workload_pb2.Replica.FAILED), None),
                             60, f"the job {name} to be FAILED", pause=0.1)
        self.assertEqual((replica.exit_code, replica.attempt), (42, 1), replica.reason)

    def assert_lines_without_gap(self, replica):
        """Numbers follow each other within each container; what is missing was counted aloud."""
        lines = self.api.log_lines({"replica_id": replica.id})
        last = collections.defaultdict(int)
        for line in lines:
            number = int(line.line.split()[1])
            self.assertEqual(number, last[line.container_id] + 1 + line.dropped_before, f"{replica.id} after {last[line.container_id]}")
            last[line.container_id] = number
        self.assertTrue(lines)

    def kill_the_agent(self):
        self.agent.process.stop(signal.SIGKILL)
        self.end_job("job-a")
        self.cluster.start_agent(self.agent)
        self.cluster.wait_nodes()
        self.assert_exit_code_kept("job-a")

    def kill_containerd(self):
        self.cluster.containerd.stop(signal.SIGKILL)
        self.end_job("job-b")
        self.cluster.start_containerd()
        self.assert_exit_code_kept("job-b")

    def kill_loggers(self):
        killed = sorted(self.processes(b"cloudless-logger", bytes(self.cluster.dir)))[::5]
        self.assertGreater(len(killed), 5)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    def kill_a_shim_while_containerd_is_away(self):
        pid = self.jobs["job-c"]
        shim = self.shim_of(pid)
        self.cluster.containerd.stop(signal.SIGKILL)
        os.kill(shim, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # it may have ended with its shim
            os.kill(pid, signal.SIGKILL)
        self.cluster.start_containerd()
        replica = wait_until(lambda: next((r for r in self.get("job-c").status.replicas if r.state == workload_pb2.Replica.FAILED), None),
                             60, "the job whose shim was killed to be FAILED", pause=0.1)
        self.assertFalse(replica.HasField("exit_code"), replica.exit_code)
        self.assertIn("UNKNOWN", replica.reason)

    def fill_the_disk(self, pids):
        ballast = self.agent.dir / "ballast"
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        self.await_lines(pids, more=6)
        ballast.unlink()
        self.await_lines(pids, more=6)

    def test_nothing_is_lost_that_need_not_be(self):
        self.create("warm")  # what a first container leaves for all later ones is there before
        self.wait_ready("warm", 1)
        self.delete_and_wait("warm")
        prefixes = ("storm-", "job-", "warm-")
        before = traces.count(self.cluster, prefixes)

        for name in JOBS:
            self.create(name, command=["sh", "-c", JOB], restart_policy={"mode": "NEVER"})
            self.wait_ready(name, 1)
        self.create("storm", replicas=REPLICAS, command=["sh", "-c", COUNTING],
                    resources={"requests": {"cpu_millicores": 1, "memory_bytes": 1 << 20}}, restart_policy={"backoff": {"initial_ms": 100}})
        self.wait_ready("storm", REPLICAS, seconds=120)
        running = self.pids()
        self.jobs = {name: pid for container, pid in running.items() for name in JOBS if container.startswith(name + "-")}
        storm = {container: pid for container, pid in running.items() if container.startswith("storm-")}
        self.assertEqual(len(storm), REPLICAS)

        for blow in (self.kill_the_agent, self.kill_containerd, self.kill_loggers, self.kill_a_shim_while_containerd_is_away):
            with self.subTest(blow.__name__):
                blow()
                self.await_lines(storm.values())
                now = self.pids()
                self.assertEqual({c: now.get(c) for c in storm}, storm, "every container lives on")
        with self.subTest("fill_the_disk"):
            self.fill_the_disk(storm.values())
        self.wait_ready("storm", REPLICAS)
        now = self.pids()
        self.assertEqual({c: now.get(c) for c in storm}, storm)
        self.await_lines(storm.values())
        for replica in self.get("storm").status.replicas:
            self.assert_lines_without_gap(replica)

        for name in ("storm", *JOBS):
            self.delete_and_wait(name, seconds=120)
        with contextlib.suppress(ClusterError):  # the assertion shows the difference
            wait_until(lambda: traces.count(self.cluster, prefixes) == before, 60, "the machine to be as before", pause=0.5)
        self.assertEqual(traces.count(self.cluster, prefixes), before, traces.excess(self.cluster, prefixes, before))
