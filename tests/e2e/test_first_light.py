"""One gRPC call becomes running containers, and everything that people do next."""
import json
import re
import shutil
import subprocess
import threading

import grpc

from client import ClusterTest, V1, V2, agent_service_pb2, agent_service_pb2_grpc, stream_pb2, wait_until, workload_pb2
from cluster import http_get, links_of_bridge

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def answer(address):
    """What a replica answers over HTTP, or None."""
    try:
        return http_get(f"http://{address}:8080/", timeout=1).strip()
    except OSError:
        return None


class FirstLight(ClusterTest):
    agents = 2

    def test_the_documented_calls_work_as_they_stand(self):
        self.api.call("CreateWorkload", {"namespace": "default", "name": "test", "spec": {"image": V1, "replicas": 2}})
        workload = self.wait_ready("test", 2)
        self.assertEqual(workload.status.phase, workload_pb2.WorkloadStatus.RUNNING)
        self.assertEqual(len({r.node_id for r in workload.status.replicas}), 2, "replicas are spread over the nodes")
        replica = workload.status.replicas[0]
        agent = next(a for a in self.cluster.agents if a.name == replica.node_id)
        with grpc.insecure_channel(f"127.0.0.1:{agent.grpc_port}") as channel:
            stub = agent_service_pb2_grpc.AgentServiceStub(channel)
            stream = stub.StreamLogs(stream_pb2.StreamLogsRequest(container_id=replica.container_id, follow=True), timeout=20)
            line = next(iter(stream)).lines[0]
            stream.cancel()
            self.assertEqual((line.line, line.stream), (b"hello v1 serving on port 8080", "stdout"))
            status = stub.GetContainerStatus(agent_service_pb2.GetContainerStatusRequest(container_id=replica.container_id), timeout=30)
            self.assertEqual((status.replica_id, status.state), (replica.id, workload_pb2.Replica.RUNNING))
        self.assertIn("ok", http_get(f"http://127.0.0.1:{self.cluster.ports['http']}/health").lower())
        self.assertIn("cloudless", http_get(f"http://127.0.0.1:{self.cluster.ports['metrics']}/metrics"))
        self.delete_and_wait("test")

    def test_reflection_serves_a_client_that_has_no_protos(self):
        if not shutil.which("npx"):
            self.skipTest("npx is not installed")
        self.create("reflected", replicas=0)
        result = subprocess.run(
            ["npx", "--yes", "@bufbuild/buf", "curl", "--http2-prior-knowledge", "--protocol", "grpc", "-d",
             '{"namespace":"default","name":"reflected"}', f"http://{self.cluster.server}/cloudless.api.CoordinatorService/GetWorkload"],
            capture_output=True, text=True, timeout=300, check=False)
        if "npm ERR" in result.stderr or "npm error" in result.stderr:
            self.skipTest("the client could not be installed")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["name"], "reflected")

    def test_scale_update_and_delete_reach_the_containers(self):
        self.create("web", replicas=2)
        first = self.wait_ready("web", 2)
        wait_until(lambda: (answer(first.status.replicas[0].address) or "").startswith("hello v1"), 10, "v1 to answer")
        self.api.call("ScaleWorkload", {"name": "web", "replicas": 4})
        self.wait_ready("web", 4)
        self.api.call("ScaleWorkload", {"name": "web", "replicas": 2})
        self.wait_ready("web", 2)
        updated = self.api.call("UpdateWorkload", {"name": "web", "spec": {"image": V2}, "update_mask": "image"})
        self.assertEqual(updated.status.version, first.status.version + 1)
        second = wait_until(lambda: (w := self.wait_ready("web", 2)) and w.status.phase == workload_pb2.WorkloadStatus.RUNNING and w, 60,
                            "the new version everywhere")
        for replica in second.status.replicas:
            if replica.ready:
                wait_until(lambda r=replica: (answer(r.address) or "").startswith("hello v2"), 10, "v2 to answer")
        self.delete_and_wait("web")
        for agent in self.cluster.agents:
            wait_until(lambda a=agent: not [c for c in self.containers(a) if c.startswith("web-")], 20, "no container of web")

    def test_a_rolling_update_keeps_answering(self):
        self.create("steady", replicas=2)
        self.wait_ready("steady", 2)
        counts, stop = [], threading.Event()

        def sample():
            while not stop.is_set():
                counts.append(self.get("steady").status.ready_replicas)
        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            self.api.call("UpdateWorkload", {"name": "steady", "spec": {"image": V2}, "update_mask": "image"})
            self.wait_ready("steady", 2)
        finally:
            stop.set()
            sampler.join()
        self.assertGreaterEqual(min(counts), 2, "max_unavailable is 0 by default")
        self.delete_and_wait("steady")

    def test_logs_and_exec_come_back(self):
        self.create("talk", replicas=2)
        workload = self.wait_ready("talk", 2)
        lines = set()

        def all_lines():
            for reply in self.api.call("StreamLogs", {"workload": "talk"}):
                lines.update((line.replica_id, line.line) for line in reply.lines)
            return len(lines) == 2
        wait_until(all_lines, 20, "a line of each replica")
        replica = workload.status.replicas[0]
        result = self.api.call("ExecCommand", {"replica_id": replica.id, "command": ["sh", "-c", "cat; echo oops >&2; exit 7"],
                                               "stdin": "aGVsbG8="})
        self.assertEqual((result.stdout, result.stderr, result.exit_code), (b"hello", b"oops\n", 7))
        result = self.api.call("ExecCommand", {"replica_id": replica.id, "command": ["sleep", "60"], "timeout_ms": 300})
        self.assertTrue(result.timed_out)
        self.refused(grpc.StatusCode.NOT_FOUND, "ExecCommand", {"replica_id": "none-0000000000-0", "command": ["true"]})
        self.delete_and_wait("talk")

    def test_following_a_log_brings_lines_as_they_are_written(self):
        self.create("ticker", command=["sh", "-c", "trap 'exit 0' TERM; i=0; while true; do echo tick $i; i=$((i+1)); sleep 0.1; done"])
        self.wait_ready("ticker", 1)
        stream = self.api.call("StreamLogs", {"workload": "ticker", "follow": True}, timeout=30)
        seen = []
        for reply in stream:
            seen += [int(line.line.split()[1]) for line in reply.lines]
            if len(seen) >= 20:
                break
        stream.cancel()
        self.assertEqual(seen, list(range(len(seen))))
        tail = [line.line for reply in self.api.call("StreamLogs", {"workload": "ticker", "tail_lines": 3}) for line in reply.lines]
        self.assertEqual(len(tail), 3)
        self.delete_and_wait("ticker")

    def test_bad_input_names_every_field_and_stores_nothing(self):
        details = self.refused(INVALID, "CreateWorkload", {"name": "Bad_Name", "spec": {
            "image": "no spaces allowed", "replicas": 20000, "env": [{"name": "A"}, {"name": "A"}],
            "ports": [{"name": "x", "container_port": 70000}],
            "resources": {"requests": {"memory_bytes": 100}, "limits": {"memory_bytes": 50}}}})
        for path in ("name", "spec.image", "spec.replicas", "spec.env[1].name", "spec.ports[0].container_port", "spec.resources.limits.memory_bytes"):
            self.assertRegex(details, re.escape(path) + r"\b")
        self.assertEqual(len(self.api.call("ListWorkloads", {"label_selector": "bad"}).workloads), 0)
        for name in ("", "a" * 64, "-a", "ü"):
            self.refused(INVALID, "CreateWorkload", {"name": name, "spec": {"image": V1}})
        self.refused(INVALID, "CreateWorkload", {"name": "enum", "spec": {"image": V1, "image_pull_policy": 77}})
        self.assertIn("spec.exclusive", self.refused(grpc.StatusCode.UNIMPLEMENTED, "CreateWorkload", {
            "name": "later", "spec": {"image": V1, "exclusive": True}}))
        self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "CreateWorkload", {"name": "big", "spec": {"image": V1, "args": ["x" * (8 << 20)]}})
        for name in ("enum", "later", "big"):
            self.refused(grpc.StatusCode.NOT_FOUND, "GetWorkload", {"name": name})

    def test_writes_compare_and_set_and_are_idempotent(self):
        first = self.api.call("CreateWorkload", {"name": "once", "spec": {"image": V1, "replicas": 0}, "idempotency_key": "k1"})
        again = self.api.call("CreateWorkload", {"name": "once", "spec": {"image": V1, "replicas": 0}, "idempotency_key": "k1"})
        self.assertEqual(first.uid, again.uid)
        self.refused(INVALID, "CreateWorkload", {"name": "once", "spec": {"image": V2, "replicas": 0}, "idempotency_key": "k1"})
        self.refused(grpc.StatusCode.ALREADY_EXISTS, "CreateWorkload", {"name": "once", "spec": {"image": V1, "replicas": 0}})
        self.api.call("ScaleWorkload", {"name": "once", "replicas": 0, "expected_revision": first.revision})
        self.refused(grpc.StatusCode.ABORTED, "DeleteWorkload", {"name": "once", "expected_revision": first.revision + 12345})
        self.api.call("DeleteWorkload", {"name": "once"})
        self.refused(grpc.StatusCode.NOT_FOUND, "DeleteWorkload", {"name": "once"})

    def test_lists_page_and_select(self):
        for number in range(5):
            self.create(f"page-{number}", replicas=0, labels={"app": "page", "odd": str(number % 2)})
        names, token = [], ""
        while True:
            reply = self.api.call("ListWorkloads", {"label_selector": "app=page", "page_size": 2, "page_token": token})
            names += [w.name for w in reply.workloads]
            token = reply.next_page_token
            if not token:
                break
        self.assertEqual(names, [f"page-{n}" for n in range(5)])
        odd = self.api.call("ListWorkloads", {"label_selector": "app=page,odd!=0"})
        self.assertEqual([w.name for w in odd.workloads], ["page-1", "page-3"])
        self.refused(INVALID, "ListWorkloads", {"page_token": "nonsense"})

    def test_a_watch_goes_on_where_it_was(self):
        start = self.create("watched", replicas=0).store_revision
        self.api.call("ScaleWorkload", {"name": "watched", "replicas": 1})
        stream = self.api.call("WatchWorkloads", {"from_revision": start}, timeout=30)
        for reply in stream:
            if reply.workload.name == "watched" and reply.workload.spec.replicas == 1:
                break
        stream.cancel()
        self.delete_and_wait("watched")

    def test_what_cannot_run_says_why(self):
        self.create("huge", resources={"requests": {"cpu_millicores": 900000}})
        reason = wait_until(lambda: next((r.reason for r in self.get("huge").status.replicas if r.reason), None), 20, "a reason")
        self.assertRegex(reason, r"cpu")
        self.create("no-image", image="cloudless.local/absent:v9")
        self.create("no-command", command=["/no/such/program"])
        self.create("ends", command=["sh", "-c", "echo bye; exit 3"], restart_policy={"mode": "NEVER"})
        for name, pattern in (("no-image", "image|absent"), ("no-command", "does not exist")):
            wait_until(lambda n=name, p=pattern: any(re.search(p, r.reason, re.I) for r in self.get(n).status.replicas), 30,
                       f"a reason for {name}")
        ended = wait_until(lambda: next((r for r in self.get("ends").status.replicas if r.state == workload_pb2.Replica.FAILED), None), 30,
                           "the replica to fail")
        self.assertEqual(ended.exit_code, 3)
        for name in ("huge", "no-image", "no-command", "ends"):
            self.delete_and_wait(name)

    def test_a_container_that_ends_is_started_again_after_a_pause(self):
        self.create("again", command=["sh", "-c", "exit 5"], restart_policy={"backoff": {"initial_ms": 100, "max_ms": 200}})
        wait_until(lambda: any(r.attempt >= 3 and r.exit_code == 5 for r in self.get("again").status.replicas), 40, "a third attempt")
        self.delete_and_wait("again")

    def test_a_cordoned_node_gets_nothing_new(self):
        self.api.call("CordonNode", {"node_id": "node-1"})
        self.create("elsewhere", replicas=3)
        workload = self.wait_ready("elsewhere", 3)
        self.assertEqual({r.node_id for r in workload.status.replicas}, {"node-2"})
        self.api.call("UncordonNode", {"node_id": "node-1"})
        self.delete_and_wait("elsewhere")

    def test_events_tell_the_story(self):
        self.create("story")
        self.wait_ready("story", 1)
        kinds = wait_until(lambda: [e.kind for e in self.api.call("ListEvents", {"workload": "story"}).events], 10, "events")
        self.assertIn("WorkloadCreated", kinds)
        self.delete_and_wait("story")

    def test_nothing_is_left_after_deletion(self):
        self.create("trace", replicas=4)
        self.wait_ready("trace", 4)
        self.delete_and_wait("trace")
        for agent in self.cluster.agents:
            wait_until(lambda a=agent: not [c for c in self.containers(a) if c.startswith("trace-")], 20, "containers to go")
            tasks = self.cluster.ctr("-n", agent.namespace, "tasks", "ls", "-q").stdout.split()
            wait_until(lambda a=agent, t=tasks: len(links_of_bridge(a.bridge)) <= len(t), 20, "links to go")
            snapshots = self.cluster.ctr("-n", agent.namespace, "snapshots", "ls").stdout
            self.assertNotIn("trace-", snapshots)
