"""What replicas reserve, may use and do use: in the kernel's own files, through the public API, cloudlessctl and metrics."""
import json
import pathlib
import signal
import urllib.request

import grpc

from client import ClusterTest, agent_service_pb2, agent_service_pb2_grpc, wait_until, workload_pb2

MIB = 1 << 20
CGROUPS = pathlib.Path("/sys/fs/cgroup")
UNIFIED = (CGROUPS / "cgroup.controllers").exists()


def group_of(pid, controller):
    """The folder of a process's control group, as the kernel tells it."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if UNIFIED and controllers == "":
            return CGROUPS / path[1:]
        if controller in controllers.split(","):
            return CGROUPS / controller / path[1:]
    raise AssertionError(f"process {pid} is in no group of {controller}")


def limits_of(pid):
    """Memory, quota and processes in force for a process."""
    names = ("memory.max", "cpu.max", "pids.max") if UNIFIED else ("memory.limit_in_bytes", "cpu.cfs_quota_us", "pids.max")
    return tuple((group_of(pid, controller) / name).read_text().split()[0] for controller, name in zip(("memory", "cpu", "pids"), names))


class Resources(ClusterTest):
    def setUp(self):
        self.agent = self.cluster.agents[0]

    def pid_of(self, name):
        lines = self.cluster.ctr("-n", self.agent.namespace, "tasks", "ls").stdout.splitlines()[1:]
        (pid,) = [int(line.split()[1]) for line in lines if line.startswith(f"{name}-") and line.split()[2] == "RUNNING"]
        return pid

    def groups(self):
        """Every control group of this node."""
        return [p for root in (CGROUPS, *CGROUPS.glob("*/")) for p in (root / self.agent.cgroup_parent[1:],) if p.exists()]

    def set_resources(self, name, resources, *paths):
        return self.api.call("UpdateWorkload", {"name": name, "spec": {"resources": resources}, "update_mask": ",".join(paths)})

    def only_replica(self, name):
        (replica,) = self.get(name).status.replicas
        return replica

    def test_limits_change_in_place_without_a_new_version_or_a_restart(self):
        self.create("limited", resources={"requests": {"cpu_millicores": 100, "memory_bytes": 8 * MIB},
                                          "limits": {"cpu_millicores": 500, "memory_bytes": 64 * MIB}, "pids_limit": 50})
        before = self.wait_ready("limited", 1)
        pid = self.pid_of("limited")
        self.assertEqual(limits_of(pid), (str(64 * MIB), "50000", "50"))
        group = str(group_of(pid, "memory"))
        self.assertTrue(group.endswith(f"{self.agent.cgroup_parent}/default/{before.status.replicas[0].id}"), group)

        # All containers of the node together: what is reserved for the machine is out of their reach.
        whole = CGROUPS / ("" if UNIFIED else "memory") / self.agent.cgroup_parent[1:]
        allocatable = self.api.call("GetNode", {"node_id": self.agent.name}).allocatable
        self.assertEqual(int((whole / ("memory.max" if UNIFIED else "memory.limit_in_bytes")).read_text()),
                         allocatable.memory_bytes // 4096 * 4096)

        changed = self.set_resources("limited", {"limits": {"cpu_millicores": 250, "memory_bytes": 96 * MIB}, "pids_limit": 60},
                                     "resources.limits", "resources.pidsLimit")
        self.assertEqual(changed.status.version, before.status.version)
        self.assertGreater(changed.revision, before.revision)
        wait_until(lambda: limits_of(pid) == (str(96 * MIB), "25000", "60"), 20, f"the new limits; now {limits_of(pid)}", pause=0.05)

        # While the agent is dead, and with what it reads from its disk before the coordinator speaks to it.
        self.agent.process.stop(signal.SIGKILL)
        self.set_resources("limited", {"limits": {"memory_bytes": 128 * MIB}}, "resources.limits.memoryBytes")
        self.cluster.start_agent(self.agent)
        wait_until(lambda: limits_of(pid) == (str(128 * MIB), "25000", "60"), 30, f"limits of after a restart; now {limits_of(pid)}", pause=0.05)
        after = self.wait_ready("limited", 1)
        replica = after.status.replicas[0]
        self.assertEqual((after.status.version, replica.id, replica.attempt, self.pid_of("limited")),
                         (1, before.status.replicas[0].id, 1, pid))
        # A restart in place begins with the present ones.
        self.cluster.ctr("-n", self.agent.namespace, "tasks", "kill", "-s", "KILL", replica.container_id)
        wait_until(lambda: self.only_replica("limited").attempt == 2 and self.only_replica("limited").ready, 40, "a second attempt")
        self.assertEqual(limits_of(self.pid_of("limited")), (str(128 * MIB), "25000", "60"))
        self.delete_and_wait("limited")
        wait_until(lambda: not self.groups(), 10, f"no group to be left; there is {self.groups()}", pause=0.05)

    def test_a_limit_below_what_is_in_use_is_refused_and_said(self):
        # The last ":" keeps the shell, and its variable of 24 MiB, there.
        self.create("full", command=["sh", "-c", "x=$(head -c 25165824 /dev/zero | tr '\\0' x); echo full; sleep 100000; :"],
                    resources={"requests": {"cpu_millicores": 10, "memory_bytes": 8 * MIB}, "limits": {"memory_bytes": 256 * MIB}})
        self.wait_ready("full", 1)
        wait_until(lambda: self.api.log_lines({"workload": "full"}), 20, "it to be full", pause=0.1)
        pid = self.pid_of("full")
        self.set_resources("full", {"limits": {"memory_bytes": 16 * MIB}}, "resources.limits.memoryBytes")
        reason = wait_until(lambda: self.only_replica("full").reason, 20, "a reason", pause=0.05)
        self.assertIn("memory limit 16 MiB is below the", reason)
        self.assertEqual(limits_of(pid)[0], str(256 * MIB))
        self.assertTrue(self.only_replica("full").ready)
        self.set_resources("full", {"limits": {"memory_bytes": 64 * MIB}}, "resources.limits.memoryBytes")
        wait_until(lambda: limits_of(pid)[0] == str(64 * MIB) and not self.only_replica("full").reason, 20, "the limit", pause=0.05)
        self.delete_and_wait("full")

    def test_out_of_memory_is_said_with_the_limit_also_when_the_agent_was_away(self):
        for name, command, away in (("eater", "tail /dev/zero", False), ("later", "sleep 3; tail /dev/zero", True)):
            with self.subTest(name):
                self.create(name, command=["sh", "-c", command], restart_policy={"mode": "NEVER"},
                            resources={"requests": {"cpu_millicores": 10, "memory_bytes": 8 * MIB}, "limits": {"memory_bytes": 64 * MIB}})
                if away:
                    self.wait_ready(name, 1)
                    self.agent.process.stop(signal.SIGKILL)
                    wait_until(lambda: "STOPPED" in self.cluster.ctr("-n", self.agent.namespace, "tasks", "ls").stdout, 20, "its end", pause=0.1)
                    self.cluster.start_agent(self.agent)
                replica = wait_until(lambda: next((r for r in self.get(name).status.replicas if r.state == workload_pb2.Replica.FAILED), None),
                                     40, "it to be FAILED", pause=0.05)
                self.assertEqual(replica.exit_code, 137)
                self.assertIn("out of memory, limit 64 MiB", replica.reason)
                self.delete_and_wait(name)

    def test_bad_amounts_are_refused_with_their_paths(self):
        for resources, path in (({"pids_limit": 0}, "spec.resources.pids_limit"), ({"pids_limit": 4194305}, "spec.resources.pids_limit"),
                                ({"limits": {"memory_bytes": 1}}, "spec.resources.limits.memory_bytes"),
                                ({"requests": {"cpu_millicores": 2000000}}, "spec.resources.requests.cpu_millicores")):
            with self.subTest(path):
                details = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "CreateWorkload",
                                       {"name": "bad", "spec": {"image": "x", "resources": resources}})
                self.assertIn(path, details)

    def test_usage_is_told_by_top_the_api_and_metrics(self):
        # Nobody needs to listen at the node's end of the bridge: packets go both ways all the same.
        self.create("busy", command=["sh", "-c", "gateway=$(ip route | cut -d' ' -f3 | head -1); while :; do "
                                     "dd if=/dev/zero of=/f bs=1M count=4 conv=fsync 2>/dev/null; "
                                     "head -c 100000 /dev/zero | nc -w 1 $gateway 9; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; done"])
        self.create("quiet", command=["sleep", "100000"])
        self.wait_ready("busy", 1)
        self.wait_ready("quiet", 1)

        def top(*words):
            return json.loads(self.cluster.ctl("top", *words, "-o", "json").stdout)

        def busy():
            rows = {row["workload"]: row for row in top("workloads").get("workloads", [])}
            usage = rows.get("busy", {}).get("usage", {})
            moving = ("network_received_bps", "network_sent_bps", "disk_written_bps")
            return rows if usage.get("cpu_millicores", 0) > 20 and all(usage.get(field, 0) > 0 for field in moving) else None
        rows = wait_until(busy, 40, "busy to be seen", pause=0.5)  # a busy machine leaves it little
        self.assertLess(rows["quiet"]["usage"]["cpu_millicores"], rows["busy"]["usage"]["cpu_millicores"])
        self.assertEqual(rows["busy"]["resources"]["requests"]["cpu_millicores"], 10)
        (replica,) = top("replicas", "busy")["replicas"]
        self.assertEqual(replica["workload"], "busy")
        self.assertGreater(replica["usage"]["disk_written_bytes"], 1 << 20)
        (node,) = top("nodes")["nodes"]
        self.assertEqual((node["node_id"], node["error"]), (self.agent.name, ""))
        self.assertGreater(node["usage"]["cpu_millicores"], 0)
        table = self.cluster.ctl("top", "--sort", "cpu").stdout.splitlines()
        self.assertTrue(table[0].startswith("WORKLOAD") and table[1].startswith("busy"), table)
        self.assertEqual(self.cluster.ctl("top", "workloads", "absent", check=False).returncode, 4)

        channel = grpc.insecure_channel(f"127.0.0.1:{self.agent.grpc_port}")
        self.addCleanup(channel.close)
        said = agent_service_pb2_grpc.AgentServiceStub(channel).GetUsage(agent_service_pb2.GetUsageRequest(), timeout=30)
        self.assertEqual(said.node_id, self.agent.name)
        self.assertEqual({r.replica_id.rsplit("-", 2)[0] for r in said.replicas}, {"busy", "quiet"})

        metrics = urllib.request.urlopen(f"http://127.0.0.1:{self.agent.http_port}/metrics", timeout=30).read().decode()
        seconds = [float(line.split()[1]) for line in metrics.splitlines()
                   if line.startswith('cloudless_replica_cpu_seconds_total{namespace="default",replica="busy-')]
        self.assertEqual(len(seconds), 1)
        self.assertGreater(seconds[0], 0)

        # A node that cannot be asked is named, and what others said is there.
        self.agent.process.stop(signal.SIGKILL)
        (node,) = wait_until(lambda: [n for n in top("nodes")["nodes"] if n["error"]], 30, "the node to be missing")
        self.assertNotIn("usage", node)
        self.cluster.start_agent(self.agent)
        self.cluster.wait_nodes()
        self.delete_and_wait("busy")
        self.delete_and_wait("quiet")

    def test_a_node_whose_containerd_is_away_says_so_and_gets_nothing_new(self):
        self.create("there")
        self.wait_ready("there", 1)
        self.cluster.containerd.stop(signal.SIGKILL)

        def node():
            return self.api.call("GetNode", {"node_id": self.agent.name})
        wait_until(lambda: "container runtime does not answer" in node().reason, 40, f"the node to say so; now {node()}", pause=0.1)
        self.create("later")
        pending = wait_until(lambda: next((r for r in self.get("later").status.replicas if r.reason), None), 20, "a reason", pause=0.1)
        self.assertEqual((pending.state, pending.node_id), (workload_pb2.Replica.PENDING, ""))
        self.assertIn("tainted", pending.reason)
        self.assertTrue(self.get("there").status.replicas[0].ready)
        self.cluster.start_containerd()
        self.wait_ready("later", 1)
        wait_until(lambda: not node().reason and not node().taints, 20, f"the node to be well; now {node()}", pause=0.1)
        for name in ("there", "later"):
            self.delete_and_wait(name)
