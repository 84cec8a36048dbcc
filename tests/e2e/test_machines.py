"""What an agent says of its machine decides on what is placed there: what it lets workloads do, its runtimes, its over-commit, its GPUs."""
import os
import stat

from client import ClusterTest, wait_until

CORE = 1000
ZERO, FULL = (1, 5), (1, 7)  # device numbers that stand for GPUs


class Machines(ClusterTest):
    """The second node alone allows privileged containers, lets replicas reserve twice its one core, and has two GPUs."""

    agents = 2
    coordinator_options = ("--scoring-cost", "400", "--scoring-mode", "balance")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.strict, cls.open = cls.cluster.agents
        cls.gpus = [cls.device("gpu0", ZERO), cls.device("gpu1", FULL)]
        one_core = ["--capacity-cpu-millicores", str(CORE), "--reserved-cpu-millicores", "0"]
        cls.strict.options = one_core
        cls.open.options = [*one_core, "--policy-allow-privileged", "true", "--capacity-cpu-overcommit-percent", "200",
                            "--gpus-devices", ",".join(cls.gpus), "--gpus-common", cls.device("gpuctl", ZERO)]
        for agent in cls.cluster.agents:
            agent.process.stop()
            cls.cluster.start_agent(agent)
        wait_until(lambda: cls.node(cls.open).policy.privileged and cls.node(cls.strict).allocatable.cpu_millicores == CORE, 30,
                   "the agents to say what their machines are like")
        cls.cluster.wait_nodes()

    @classmethod
    def device(cls, name, numbers):
        path = cls.cluster.dir / name
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(*numbers))
        path.chmod(0o666)
        return str(path)

    @classmethod
    def node(cls, agent):
        return cls.api.call("GetNode", {"node_id": agent.name})

    def nodes_of(self, name):
        return [r.node_id for r in self.get(name).status.replicas if r.node_id and not r.stop_requested]

    def wait_reason(self, name):
        def reason():
            return next((r.reason for r in self.get(name).status.replicas if not r.node_id and r.reason), None)
        return wait_until(reason, 30, f"a reason why {name} waits", pause=0.05)

    def sh(self, replica, script):
        done = self.api.call("ExecCommand", {"replica_id": replica.id, "command": ["/bin/sh", "-c", script]})
        return (done.stdout + done.stderr).decode()

    def test_privileged_goes_where_it_is_allowed(self):
        self.addCleanup(self.delete_and_wait, "privileged")
        self.create("privileged", 3, security_context={"privileged": True})
        self.wait_ready("privileged", 3)
        self.assertEqual(self.nodes_of("privileged"), [self.open.name] * 3)

    def test_who_may_go_nowhere_is_told_what_its_nodes_do_not_allow(self):
        self.addCleanup(self.delete_and_wait, "spy")
        self.create("spy", security_context={"host_pid": True})
        self.assertIn("does not allow the host's processes", self.wait_reason("spy"))

    def test_a_runtime_class_that_no_node_has_keeps_its_workload_waiting(self):
        self.assertIn("runc", self.node(self.strict).runtime_classes)
        self.addCleanup(self.delete_and_wait, "kata")
        self.create("kata", runtime_class="kata")
        self.assertIn("kata", self.wait_reason("kata"))

    def test_over_commit_lets_two_fit_where_one_would(self):
        self.assertEqual(self.node(self.open).cpu_overcommit_percent, 200)
        requests = {"requests": {"cpu_millicores": 900, "memory_bytes": 8 << 20}}
        self.addCleanup(self.delete_and_wait, "big")
        self.create("big", 4, resources=requests)
        self.assertIn("cpu", self.wait_reason("big"))
        wait_until(lambda: self.get("big").status.ready_replicas == 3, 60, "what has room to be ready", pause=0.05)
        self.assertEqual(sorted(self.nodes_of("big")), [self.strict.name] + [self.open.name] * 2)

    def test_gpus_are_handed_out_by_index_with_their_devices(self):
        self.assertEqual(self.node(self.open).capacity.gpu_count, 2)
        for name, share in (("large", 700), ("small", 300)):
            self.addCleanup(self.delete_and_wait, name)
            self.create(name, resources={"requests": {"cpu_millicores": 10, "memory_bytes": 8 << 20, "gpu_milli": share}})
            self.wait_ready(name, 1)
        self.addCleanup(self.delete_and_wait, "whole")
        self.create("whole", 2, resources={"requests": {"cpu_millicores": 10, "memory_bytes": 8 << 20, "gpu_count": 1}})
        self.assertIn("GPU", self.wait_reason("whole").replace("gpu", "GPU"))
        wait_until(lambda: self.get("whole").status.ready_replicas == 1, 60, "the other GPU to be used", pause=0.05)

        held = {f.workload: list(f.gpus) for f in self.api.call("GetFragments", {"node_id": self.open.name}).fragments if f.gpus}
        self.assertEqual(held, {"large": [0], "small": [0], "whole": [1]})
        look = f"ls {self.cluster.dir}; echo $CLOUDLESS_GPUS/$CLOUDLESS_GPU_MILLI/$NVIDIA_VISIBLE_DEVICES"
        for name, expected in (("large", "gpu0\ngpuctl\n0/700/0\n"), ("small", "gpu0\ngpuctl\n0/300/0\n"),
                               ("whole", "gpu1\ngpuctl\n1//1\n")):
            replica = next(r for r in self.get(name).status.replicas if r.node_id)
            self.assertEqual(self.sh(replica, look), expected)
            self.assertEqual(list(replica.gpus), held[name])

    def test_weights_that_a_workload_leaves_out_are_those_of_the_coordinators_settings(self):
        for name, scoring in (("plain", {}), ("own", {"cost_milli": 10, "mode": "PACK"})):
            self.addCleanup(self.delete_and_wait, name)
            self.create(name, scoring=scoring)
        plain, own = self.get("plain"), self.get("own")
        self.assertEqual((plain.spec.scoring.cost_milli, plain.spec.scoring.mode), (400, 2))
        self.assertEqual((own.spec.scoring.cost_milli, own.spec.scoring.mode), (10, 1))
        self.assertFalse(plain.spec.scoring.HasField("locality_milli"))
        again = self.api.call("UpdateWorkload", {"name": "plain", "spec": {"labels": {"a": "b"}}, "update_mask": "labels"})
        self.assertEqual((again.spec.scoring.cost_milli, again.status.version), (400, 1))
