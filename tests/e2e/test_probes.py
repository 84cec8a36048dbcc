"""Probes and restarts, on real containers: what gates ready, what restarts a container, and what is said about it."""
import signal
import subprocess
import sys

from client import ROOT, ClusterTest, V2, patiently, wait_until, workload_pb2

Replica = workload_pb2.Replica
STARTUP, LIVENESS, READINESS = (workload_pb2.ProbeStatus.STARTUP, workload_pb2.ProbeStatus.LIVENESS, workload_pb2.ProbeStatus.READINESS)

# A web server whose answers change by files: /ready passes while /tmp/ready is there, /health until /tmp/sick is there.
SERVER = """mkdir -p /tmp/www/cgi-bin
cat > /tmp/www/cgi-bin/ready <<'END'
#!/bin/sh
[ -e /tmp/ready ] && printf 'Status: 200 OK\\r\\n\\r\\nfine' || printf 'Status: 503 Later\\r\\n\\r\\nnot yet\\nreally'
END
cat > /tmp/www/cgi-bin/health <<'END'
#!/bin/sh
[ -e /tmp/sick ] && printf 'Status: 500 Sick\\r\\n\\r\\n' || printf 'Status: 200 OK\\r\\n\\r\\n'
END
chmod 755 /tmp/www/cgi-bin/*
trap 'exit 0' TERM
httpd -p 8080 -h /tmp/www
while :; do sleep 0.05; done"""


def http(path, **more):
    return {"http": {"port": 8080, "path": path}, "period_ms": 200, "timeout_ms": 2000, **more}


class Probes(ClusterTest):
    def serve(self, name, script=SERVER, **spec):
        return self.create(name, command=["sh", "-c", script], restart_policy={"backoff": {"initial_ms": 100, "max_ms": 1000}}, **spec)

    def replica(self, name):
        return next((r for r in self.get(name).status.replicas if r.state < Replica.SUCCEEDED), None)

    def run_in(self, name, command):
        command = {"replica_id": self.replica(name).id, "command": ["sh", "-c", command]}
        return patiently(lambda: self.api.call("ExecCommand", command, timeout=30))

    def await_replica(self, name, condition, what):
        return wait_until(lambda: (r := self.replica(name)) and condition(r) and r, 60, f"{what}; now:\n{self.get(name)}", pause=0.05)

    def events(self, name, kind):
        return [e.message for e in self.api.call("ListEvents", {"workload": name, "limit": 1000}).events if e.kind == kind]

    def test_readiness_gates_ready_and_says_what_it_waits_for(self):
        self.serve("gated", readiness=http("/cgi-bin/ready", failure_threshold=1))
        self.await_replica("gated", lambda r: r.state == Replica.RUNNING and "503" in r.reason, "it to be asked")
        status = self.get("gated").status
        self.assertEqual((status.phase, status.ready_replicas), (workload_pb2.WorkloadStatus.STARTING, 0))
        self.assertRegex(status.reason, r"waiting for gated-.*: readiness probe failed: HTTP 503 from /cgi-bin/ready: not yet")
        probe = self.replica("gated").probes[0]
        self.assertEqual((probe.kind, probe.standing), (READINESS, workload_pb2.ProbeStatus.FAILING))
        self.run_in("gated", "touch /tmp/ready")
        self.wait_ready("gated", 1)
        self.assertEqual(self.get("gated").status.reason, "")
        self.run_in("gated", "rm /tmp/ready")
        self.await_replica("gated", lambda r: not r.ready, "it to be not ready any more")
        self.assertEqual(self.get("gated").status.phase, workload_pb2.WorkloadStatus.DEGRADED)
        self.assertEqual(self.replica("gated").restarts, 0)
        self.assertTrue(self.events("gated", "ReplicaNotReady"))
        shown = self.cluster.ctl("workload", "describe", "gated").stdout
        self.assertIn("readiness probe failed: HTTP 503 from /cgi-bin/ready", shown)
        self.delete_and_wait("gated")

    def test_a_failed_liveness_probe_restarts_the_container_and_says_why(self):
        self.serve("sick", liveness=http("/cgi-bin/health", failure_threshold=2))
        before = self.await_replica("sick", lambda r: r.ready, "it to run")
        self.run_in("sick", "touch /tmp/sick")
        after = self.await_replica("sick", lambda r: r.restarts == 1 and r.ready, "it to be restarted")
        self.assertEqual((after.id, after.attempt), (before.id, 2))
        self.assertNotEqual(after.container_id, before.container_id)
        self.assertEqual(after.last_end, "liveness probe failed: HTTP 500 from /cgi-bin/health (2 times in a row); exited with code 0")
        self.assertTrue(any("liveness probe failed: HTTP 500" in m for m in self.events("sick", "ReplicaBackOff")))
        self.assertIn("attempt 1: liveness probe failed", self.cluster.ctl("workload", "describe", "sick").stdout)
        self.delete_and_wait("sick")

    def test_startup_holds_the_others_back(self):
        script = "sleep 1.5; touch /tmp/ready\n" + SERVER
        self.serve("slow", script=script, startup={"tcp": {"port": 8080}, "period_ms": 100, "failure_threshold": 100},
                   liveness=http("/cgi-bin/health", failure_threshold=1), readiness=http("/cgi-bin/ready"))
        self.await_replica("slow", lambda r: "startup probe has not passed yet: connection refused by" in r.reason, "it to be asked")
        self.wait_ready("slow", 1)
        replica = self.replica("slow")
        self.assertEqual((replica.restarts, [p.kind for p in replica.probes]), (0, [STARTUP, LIVENESS, READINESS]))
        self.delete_and_wait("slow")

    def test_a_startup_probe_that_never_passes_restarts_again_and_again_with_growing_pauses(self):
        self.serve("never", startup={"tcp": {"port": 81}, "period_ms": 100, "failure_threshold": 2})
        replica = self.await_replica("never", lambda r: r.restarts >= 3, "three restarts")
        self.assertIn("startup probe failed: connection refused by", replica.last_end)
        pause = self.await_replica("never", lambda r: r.state == Replica.BACKOFF, "a pause")
        self.assertRegex(pause.reason, r"; it starts again after (400|800) ms|1 s, at \d\d:\d\d:\d\d UTC$")
        self.delete_and_wait("never")

    def test_exec_probes_run_inside_the_container(self):
        self.serve("inside", readiness={"exec": {"command": ["test", "-e", "/tmp/ready"]}, "period_ms": 200, "timeout_ms": 5000},
                   liveness={"exec": {"command": ["sh", "-c", "[ ! -e /tmp/sick ] || { echo fever >&2; exit 7; }"]}, "period_ms": 200,
                             "timeout_ms": 5000, "failure_threshold": 2})
        self.await_replica("inside", lambda r: "exit code 1 from 'test -e /tmp/ready'" in r.reason, "it to be asked")
        self.run_in("inside", "touch /tmp/ready")
        self.wait_ready("inside", 1)
        self.run_in("inside", "touch /tmp/sick")
        replica = self.await_replica("inside", lambda r: r.restarts >= 1, "it to be restarted")
        self.assertIn("liveness probe failed: exit code 7 from", replica.last_end)
        self.assertIn("fever", replica.last_end)
        self.delete_and_wait("inside")

    def test_a_grpc_health_check_gates_ready(self):
        """The server is Debian's grpc for Python, in the container's network: the sample image has no such thing."""
        self.serve("rpc", script="trap 'exit 0' TERM; while :; do sleep 0.05; done",
                   readiness={"grpc": {"port": 5000, "service": "db"}, "period_ms": 200, "timeout_ms": 2000, "failure_threshold": 1})
        replica = self.await_replica("rpc", lambda r: "readiness probe failed: connection refused by" in r.reason, "it to be asked")
        tasks = self.cluster.ctr("-n", self.cluster.agents[0].namespace, "tasks", "ls").stdout
        pid = next(line.split()[1] for line in tasks.splitlines() if line.startswith(replica.container_id))
        serving = self.cluster.dir / "serving"
        server = subprocess.Popen(["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, ROOT / "tests/support/grpc_health.py", "5000",
                                   "db", serving], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(server.communicate)
        self.assertEqual(server.stdout.readline(), b"serving\n")
        self.await_replica("rpc", lambda r: 'gRPC health for "db" is NOT_SERVING' in r.reason, "it to be told that it does not serve")
        self.assertEqual(self.get("rpc").status.ready_replicas, 0)
        serving.touch()
        self.wait_ready("rpc", 1)
        serving.unlink()
        self.await_replica("rpc", lambda r: not r.ready, "it to be not ready any more")
        self.assertEqual(self.replica("rpc").restarts, 0)
        self.delete_and_wait("rpc")

    def test_hostile_servers_are_not_ready_and_harm_nobody(self):
        self.serve("silent", script="nc -ll -p 8080 -e sleep 1000", readiness=http("/", timeout_ms=300, failure_threshold=1))
        self.serve("endless", script="nc -ll -p 8080 -e yes", readiness=http("/", timeout_ms=300, failure_threshold=1))
        self.serve("fine", readiness={"tcp": {"port": 8080}, "period_ms": 200})
        self.wait_ready("fine", 1)
        self.await_replica("silent", lambda r: "no answer from" in r.reason, "a time-out")
        self.await_replica("endless", lambda r: "readiness probe failed" in r.reason, "it to be refused")
        for name in ("silent", "endless", "fine"):
            self.delete_and_wait(name)

    def test_a_restarted_agent_takes_no_readiness_away(self):
        self.serve("kept", script="touch /tmp/ready\n" + SERVER, readiness=http("/cgi-bin/ready"), liveness=http("/cgi-bin/health"))
        self.wait_ready("kept", 1)
        not_ready = len(self.events("kept", "ReplicaNotReady"))
        agent = self.cluster.agents[0]
        for sig in (signal.SIGKILL, signal.SIGTERM):
            agent.process.stop(sig)
            self.cluster.start_agent(agent)
            self.cluster.wait_nodes()
            self.wait_ready("kept", 1)
        self.run_in("kept", "rm /tmp/ready")
        self.await_replica("kept", lambda r: not r.ready, "its probes to be asked by the new agent")
        self.assertEqual(len(self.events("kept", "ReplicaNotReady")), not_ready + 1)
        self.assertEqual(self.replica("kept").restarts, 0)
        self.delete_and_wait("kept")

    def test_a_version_that_is_never_ready_replaces_nothing(self):
        self.serve("rolling", script="touch /tmp/ready\n" + SERVER, replicas=2, readiness=http("/cgi-bin/ready"))
        self.wait_ready("rolling", 2)
        spec = self.get("rolling").spec
        spec.image = V2
        spec.command[2] = SERVER
        self.api.call("UpdateWorkload", {"name": "rolling", "spec": self.as_json(spec)})
        self.await_status("rolling", lambda s: any(r.version == 2 and "503" in r.reason for r in s.replicas))
        status = self.get("rolling").status
        self.assertEqual((status.ready_replicas, status.updated_replicas), (2, 0))
        self.assertRegex(status.reason, "waiting for rolling-.*readiness probe")
        self.delete_and_wait("rolling")

    def await_status(self, name, condition):
        return wait_until(lambda: condition(self.get(name).status), 60, f"the status of {name}; now:\n{self.get(name)}", pause=0.05)

    @staticmethod
    def as_json(message):
        from google.protobuf import json_format
        return json_format.MessageToDict(message, preserving_proto_field_name=True)


class Restarts(ClusterTest):
    def end_of(self, name, state):
        found = wait_until(lambda: next((r for r in self.get(name).status.replicas if r.state == state), None), 60,
                           f"a replica to be {Replica.State.Name(state)}; now:\n{self.get(name)}", pause=0.05)
        return found

    def job(self, name, script, **restart):
        self.create(name, command=["sh", "-c", script], restart_policy={"backoff": {"initial_ms": 50, "max_ms": 200}, **restart})

    def test_what_follows_an_end_is_the_policys_business(self):
        rows = [  # name, script, restart policy, state in the end, exit code, restarts
            ("never-0", "exit 0", {"mode": "NEVER"}, Replica.SUCCEEDED, 0, 0),
            ("never-3", "exit 3", {"mode": "NEVER"}, Replica.FAILED, 3, 0),
            ("failure-0", "exit 0", {"mode": "ON_FAILURE"}, Replica.SUCCEEDED, 0, 0),
            ("failure-3", "exit 3", {"mode": "ON_FAILURE", "max_retries": 2}, Replica.FAILED, 3, 2),
            ("always-0", "exit 0", {"mode": "ALWAYS", "max_retries": 1}, Replica.SUCCEEDED, 0, 1),
            ("always-4", "exit 4", {"mode": "ALWAYS", "max_retries": 1}, Replica.FAILED, 4, 1),
            ("killed", "sh -c 'kill -9 $$'; exit $?", {"mode": "NEVER"}, Replica.FAILED, 137, 0),
        ]
        for name, script, restart, *_ in rows:
            self.job(name, script, **restart)
        for name, _, _, state, code, restarts in rows:
            with self.subTest(name):
                replica = self.end_of(name, state)
                self.assertEqual((replica.exit_code, replica.restarts), (code, restarts))
                self.assertIn(f"exited with code {code}", replica.last_end)
                if restarts and state == Replica.FAILED:
                    self.assertIn("max_retries", replica.reason)
                phase = self.get(name).status.phase
                self.assertEqual(phase, workload_pb2.WorkloadStatus.Phase.Value(Replica.State.Name(state)))
        for name, *_ in rows:
            self.delete_and_wait(name)

    def test_a_pause_says_when_it_is_over_and_attempts_are_shown(self):
        self.job("crashing", "exit 9", backoff={"initial_ms": 1500, "max_ms": 1500})
        pause = self.end_of("crashing", Replica.BACKOFF)
        self.assertRegex(pause.reason, r"^exited with code 9; it starts again after 1\.5 s, at \d\d:\d\d:\d\d UTC$")
        self.await_restarts("crashing", 2)
        shown = self.cluster.ctl("workload", "get", "crashing").stdout
        self.assertIn("RESTARTS", shown)
        self.delete_and_wait("crashing")

    def await_restarts(self, name, restarts):
        wait_until(lambda: any(r.restarts >= restarts for r in self.get(name).status.replicas), 60, f"{restarts} restarts", pause=0.05)
