"""An agent and its machine: its own API, what it keeps, what it adopts, and what it leaves behind."""
import os
import signal
import subprocess

import grpc

from client import ClusterTest, V1, agent_service_pb2, agent_service_pb2_grpc, patiently, stream_pb2, wait_until, workload_pb2
from cluster import BUILD


class Agents(ClusterTest):
    def setUp(self):
        self.agent = self.cluster.agents[0]

    def tasks(self):
        """Container id to process id and state, as containerd tells it."""
        lines = self.cluster.ctr("-n", self.agent.namespace, "tasks", "ls").stdout.splitlines()[1:]
        return {line.split()[0]: tuple(line.split()[1:]) for line in lines}

    def stub(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.agent.grpc_port}")
        self.addCleanup(channel.close)
        return agent_service_pb2_grpc.AgentServiceStub(channel)

    def refused_by_agent(self, code, call):
        with self.assertRaises(grpc.RpcError) as caught:
            result = call()
            list(result) if hasattr(result, "__iter__") else None
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()

    def restart(self, sig):
        self.agent.process.stop(sig)
        self.cluster.start_agent(self.agent)
        self.cluster.wait_nodes()

    def test_it_ends_cleanly_and_leaves_its_containers_running(self):
        self.create("staying", replicas=2)
        self.wait_ready("staying", 2)
        before = self.tasks()
        self.agent.process.stop(signal.SIGTERM)
        self.assertEqual(self.agent.process.popen.returncode, 0)
        self.assertEqual(self.tasks(), before)
        self.cluster.start_agent(self.agent)
        self.cluster.wait_nodes()
        self.wait_ready("staying", 2)
        self.assertEqual(self.tasks(), before)
        self.delete_and_wait("staying")

    def test_a_job_that_ends_while_the_agent_is_dead_keeps_its_exit_code(self):
        self.create("job", command=["sh", "-c", "sleep 2; exit 42"], restart_policy={"mode": "NEVER"})
        self.wait_ready("job", 1)
        self.agent.process.stop(signal.SIGKILL)
        wait_until(lambda: all(state == "STOPPED" for _, state in self.tasks().values()), 20, "the job to end", pause=0.1)
        self.cluster.start_agent(self.agent)
        replica = wait_until(lambda: next((r for r in self.get("job").status.replicas if r.state == workload_pb2.Replica.FAILED), None),
                             30, "the replica to be FAILED", pause=0.1)
        self.assertEqual((replica.exit_code, replica.attempt), (42, 1))
        self.delete_and_wait("job")
        wait_until(lambda: not self.tasks(), 20, "no container to be left", pause=0.1)

    def test_what_was_deleted_while_the_agent_was_dead_is_removed_when_it_is_back(self):
        self.create("doomed", replicas=2)
        self.wait_ready("doomed", 2)
        self.agent.process.stop(signal.SIGKILL)
        uid = patiently(lambda: self.api.call("DeleteWorkload", {"name": "doomed"})).uid
        self.cluster.start_agent(self.agent)
        self.wait_gone(uid)
        wait_until(lambda: not self.containers(self.agent), 20, "no container to be left", pause=0.1)

    def test_without_its_state_file_it_adopts_what_runs(self):
        for damage in ("lost", "torn"):
            with self.subTest(damage):
                self.create(f"adopted-{damage}", replicas=2)
                self.wait_ready(f"adopted-{damage}", 2)
                before = self.tasks()
                self.agent.process.stop(signal.SIGKILL)
                state = self.agent.dir / "agent-state"
                state.unlink() if damage == "lost" else state.write_bytes(state.read_bytes()[:-7])
                self.cluster.start_agent(self.agent)
                self.cluster.wait_nodes()
                self.wait_ready(f"adopted-{damage}", 2)
                self.assertEqual(self.tasks(), before)
                self.delete_and_wait(f"adopted-{damage}")

    def test_a_container_that_is_killed_behind_its_back_comes_back(self):
        self.create("struck", restart_policy={"backoff": {"initial_ms": 100, "max_ms": 1000}})
        self.wait_ready("struck", 1)
        (pid, _), = [task for container, task in self.tasks().items() if container.startswith("struck-")]
        os.kill(int(pid), signal.SIGKILL)
        replica = wait_until(lambda: next((r for r in self.get("struck").status.replicas if r.ready and r.attempt == 2), None), 30,
                             "a second attempt", pause=0.1)
        self.assertEqual(replica.exit_code, 137)
        self.delete_and_wait("struck")

    def test_its_api_tells_and_runs_and_refuses(self):
        self.create("local", command=["sh", "-c", "echo one; echo two >&2; exec sleep 600"])
        replica = self.wait_ready("local", 1).status.replicas[0]
        stub = self.stub()
        status = stub.GetContainerStatus(agent_service_pb2.GetContainerStatusRequest(container_id=replica.container_id), timeout=30)
        self.assertEqual((status.replica_id, status.state, status.attempt), (replica.id, workload_pb2.Replica.RUNNING, 1))
        self.assertEqual(self.tasks()[replica.container_id][0], str(status.pid))

        def lines(**request):
            reply = stub.StreamLogs(stream_pb2.StreamLogsRequest(container_id=replica.container_id, **request), timeout=10)
            return sorted((line.stream, line.line) for message in reply for line in message.lines)
        wait_until(lambda: lines() == [("stderr", b"two"), ("stdout", b"one")], 10, "both lines", pause=0.1)
        self.assertEqual(lines(stream="stdout", tail_lines=5), [("stdout", b"one")])

        done = stub.ExecCommand(stream_pb2.ExecCommandRequest(container_id=replica.container_id, command=["sh", "-c", "cat; exit 3"],
                                                              stdin=b"in"), timeout=10)
        self.assertEqual((done.stdout, done.exit_code), (b"in", 3))
        late = stub.ExecCommand(stream_pb2.ExecCommandRequest(container_id=replica.container_id, command=["sleep", "60"], timeout_ms=300),
                                timeout=10)
        self.assertTrue(late.timed_out)
        big = stub.ExecCommand(stream_pb2.ExecCommandRequest(replica_id=replica.id, command=["sh", "-c", "yes | head -c 500000"]), timeout=20)
        self.assertEqual(len(big.stdout), 500000)

        code = grpc.StatusCode
        self.refused_by_agent(code.NOT_FOUND, lambda: stub.GetContainerStatus(
            agent_service_pb2.GetContainerStatusRequest(container_id="nobody"), timeout=30))
        self.refused_by_agent(code.INVALID_ARGUMENT, lambda: stub.GetContainerStatus(
            agent_service_pb2.GetContainerStatusRequest(), timeout=30))
        self.refused_by_agent(code.NOT_FOUND, lambda: stub.StreamLogs(stream_pb2.StreamLogsRequest(container_id="nobody"), timeout=30))
        self.refused_by_agent(code.INVALID_ARGUMENT, lambda: stub.StreamLogs(stream_pb2.StreamLogsRequest(workload="local"), timeout=30))
        self.refused_by_agent(code.NOT_FOUND, lambda: stub.ExecCommand(
            stream_pb2.ExecCommandRequest(container_id="nobody", command=["true"]), timeout=30))
        self.delete_and_wait("local")
        self.refused_by_agent(code.NOT_FOUND, lambda: stub.ExecCommand(
            stream_pb2.ExecCommandRequest(container_id=replica.container_id, command=["true"]), timeout=30))

    def test_its_settings_say_what_is_wrong(self):
        config = self.cluster.dir / "bad.yaml"
        config.write_text("node:\n  name: n1\n  zonne: a\n")
        result = subprocess.run([BUILD / "services/agent/cloudless-agent", "--config", config], capture_output=True, text=True, timeout=10,
                                check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"{config}:3: node.zonne", result.stderr)


class NewCluster(ClusterTest):
    def test_an_agent_that_is_told_to_takes_the_sets_of_another_cluster(self):
        agent = self.cluster.agents[0]
        self.create("former", replicas=1)
        self.wait_ready("former", 1)
        self.cluster.coordinator.stop(signal.SIGKILL)
        (self.cluster.dir / "coordinator").rename(self.cluster.dir / "elsewhere")
        self.cluster.start_coordinator()
        agent.process.stop()
        os.environ["CLOUDLESS_ACCEPT_CLUSTER"] = "true"
        try:
            self.cluster.start_agent(agent)
        finally:
            del os.environ["CLOUDLESS_ACCEPT_CLUSTER"]
        self.cluster.wait_nodes()
        wait_until(lambda: not self.containers(agent), 30, "the former cluster's containers to go", pause=0.1)
        patiently(lambda: self.create("present", replicas=1, image=V1))
        self.wait_ready("present", 1)
        self.delete_and_wait("present")
