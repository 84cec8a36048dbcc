"""Rollouts on real containers: every way forward and back, what fails and says why, and that no client notices.

`CLOUDLESS_ROLLOUTS=50 ./dev test e2e` makes the proof without downtime as long as it is meant to be (it is 4 rollouts otherwise);
alone: `CLOUDLESS_ROLLOUTS=50 python3 tests/e2e/run.py test_no_request_fails`.
"""
import collections
import contextlib
import http.client
import itertools
import os
import threading
import time

import grpc

from client import Api, ClusterTest, V1, V2, coordinator_service_pb2, parse, wait_until, workload_pb2
from cloudless.api import rollout_pb2
from cluster import free_port

Rollout = rollout_pb2.Rollout
Replica = workload_pb2.Replica
RUNNING = Replica.RUNNING
OVER = (Rollout.COMPLETED, Rollout.FAILED, Rollout.SUPERSEDED)
PORT = 8080
# Answers at once, is told to end, answers what has begun, and ends.
GRACEFUL = f"""mkdir -p /www && echo "$TAG" > /www/index.html
httpd -p {PORT} -h /www
trap 'sleep 0.2; exit 0' TERM
while :; do sleep 0.05; done"""

# Without it a replica is ready when its process runs, which is before anybody listens.
LISTENS = {"tcp": {"port": PORT}, "period_ms": 200, "timeout_ms": 5000, "failure_threshold": 10}


def counts(replica):
    return replica.state == RUNNING and replica.ready and not replica.stop_requested


class Balancer:
    """Sends requests where the endpoints' marks say, by turns, and never again what failed. A set is acknowledged when no request
    goes by an earlier one any more."""

    def __init__(self, server, name):
        self.api = Api(server)
        self.name = name
        self.changed = threading.Condition()
        self.generation = 0            # of the set in use
        self.targets = []
        self.busy = collections.Counter()  # requests under way, by generation
        self.acknowledged = []
        self.results = collections.Counter()
        self.failures = []
        self.stopping = False
        self.stream = self.api.stub.FollowEndpoints(self.inputs())
        self.threads = [threading.Thread(target=self.follow)] + [threading.Thread(target=self.ask) for _ in range(4)]

    def inputs(self):
        yield parse(coordinator_service_pb2.FollowEndpointsInput(), {"name": self.name})
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.acknowledged or self.stopping)
                if self.stopping:
                    return
                revision = self.acknowledged.pop(0)
            yield coordinator_service_pb2.FollowEndpointsInput(acknowledged_revision=revision)

    def follow(self):
        with contextlib.suppress(grpc.RpcError):
            for output in self.stream:
                with self.changed:
                    self.generation += 1
                    self.targets = [(e.replica_id, e.address) for e in output.endpoints if e.ready and e.serving and e.address]
                    now = self.generation
                    self.changed.wait_for(lambda: not any(n for g, n in self.busy.items() if g < now))
                    self.acknowledged.append(output.revision)
                    self.changed.notify_all()

    def ask(self):
        turn = 0
        while not self.stopping:
            with self.changed:
                if not self.targets:
                    self.failures.append("nobody to ask")
                    self.changed.wait(0.02)
                    continue
                turn += 1
                generation, (replica, address) = self.generation, self.targets[turn % len(self.targets)]
                self.busy[generation] += 1
            try:
                connection = http.client.HTTPConnection(address, PORT, timeout=10)
                connection.request("GET", "/")
                answer = connection.getresponse()
                body = answer.read().decode().strip()
                connection.close()
                if answer.status != 200:
                    raise OSError(f"HTTP {answer.status}")
                self.results[body] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{replica} at {address}: {error!r}")
            finally:
                with self.changed:
                    self.busy[generation] -= 1
                    self.changed.notify_all()
            time.sleep(0.002)

    def __enter__(self):
        self.threads[0].start()
        wait_until(lambda: self.targets, 30, f"somebody to ask of {self.name}")
        for thread in self.threads[1:]:
            thread.start()
        return self

    def __exit__(self, *_):
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        for thread in self.threads[1:]:
            thread.join()
        self.stream.cancel()
        self.threads[0].join()
        self.api.close()


class Sampler:
    """How many replicas count, every 50 ms."""

    def __init__(self, server, name):
        self.api, self.name = Api(server), name
        self.least, self.samples, self.stopping = None, 0, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping:
            begun = time.monotonic()
            with contextlib.suppress(grpc.RpcError):
                now = sum(counts(r) and r.serving for r in self.api.call("GetWorkload", {"name": self.name}).status.replicas)
                self.least = now if self.least is None else min(self.least, now)
                self.samples += 1
            time.sleep(max(0, 0.05 - (time.monotonic() - begun)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.api.close()


class RolloutTest(ClusterTest):
    def serve(self, name, replicas, tag="one", **spec):
        workload = self.create(name, replicas, command=["sh", "-c", GRACEFUL], env=[{"name": "TAG", "value": tag}], **spec)
        self.wait_ready(name, replicas)
        self.await_rollout(name, Rollout.COMPLETED)
        return workload

    def change(self, name, **fields):
        return self.api.call("UpdateWorkload", {"name": name, "spec": fields, "update_mask": ",".join(fields)})

    def retag(self, name, tag):
        return self.change(name, env=[{"name": "TAG", "value": tag}])

    def rollout(self, name, number=0):
        return self.api.call("GetRollout", {"name": name, "number": number})

    def await_rollout(self, name, *phases, number=0, seconds=60):
        return wait_until(lambda: (r := self.rollout(name, number)).phase in phases and r, seconds,
                          f"a rollout of {name} to be {[Rollout.Phase.Name(p) for p in phases]}; now:\n{self.rollout(name, number)}\n"
                          f"{self.get(name).status}", pause=0.05)

    def live(self, name):
        return [r for r in self.get(name).status.replicas if r.state < Replica.SUCCEEDED]

    def events(self, name, kind):
        return [e.message for e in self.api.call("ListEvents", {"workload": name, "limit": 1000}).events if e.kind == kind]

    def watch(self, name, **more):
        """Every state of a rollout until it is over."""
        return list(self.api.call("WatchRollout", {"name": name, **more}, timeout=120))

    def versions(self, name):
        return {v.number: v for v in self.api.call("ListVersions", {"name": name}).versions}


class Rollouts(RolloutTest):
    def test_a_rolling_update_replaces_every_replica_and_says_how_far_it_is(self):
        self.serve("rolling", 4, rollout={"max_surge": {"absolute": 1}, "max_unavailable": {"absolute": 0}})
        with Sampler(self.cluster.server, "rolling") as sampler:
            self.retag("rolling", "two")
            seen = self.watch("rolling")
        self.assertEqual([r.number for r in seen], [2] * len(seen))
        self.assertIn(seen[0].phase, (Rollout.STARTING, Rollout.IN_PROGRESS))
        self.assertEqual((seen[-1].phase, seen[-1].updated, seen[-1].available), (Rollout.COMPLETED, 4, 4))
        self.assertTrue(all(r.waiting_for for r in seen[:-1] if r.phase != Rollout.COMPLETED), seen)
        self.assertGreaterEqual(sampler.least, 4)
        self.wait_ready("rolling", 4)
        versions = self.versions("rolling")
        self.assertEqual([(n, v.proven, v.current) for n, v in sorted(versions.items())], [(1, True, False), (2, True, True)])
        self.assertEqual(len(self.events("rolling", "RolloutStarted")), 2)
        self.assertEqual(len(self.events("rolling", "RolloutCompleted")), 2)
        shown = self.cluster.ctl("rollout", "history", "rolling").stdout
        self.assertIn("2 (current)", shown)
        self.assertIn("+    value: two", self.cluster.ctl("rollout", "diff", "rolling").stdout.replace("+  - value", "+    value"))
        self.assertIn("COMPLETED", self.cluster.ctl("rollout", "status", "rolling").stdout)
        self.delete_and_wait("rolling")

    def test_a_version_that_fails_says_why_in_time_and_goes_back_by_itself(self):
        limits = {"progress_deadline_ms": 4000, "ready_timeout_ms": 1500}
        refused = {"tcp": {"port": 81}, "period_ms": 200, "failure_threshold": 1}
        rows = [("unready", {"readiness": refused}, r"refused by"),
                ("no-image", {"image": "cloudless.local/absent:v9"}, r"absent:v9"),
                ("exits", {"command": ["sh", "-c", "exit 1"]}, r"exited with code 1")]
        for name, change, reason in rows:
            with self.subTest(name):
                self.serve(name, 2, rollout=limits)
                with Sampler(self.cluster.server, name) as sampler:
                    self.change(name, **change)
                    ctl = self.cluster.ctl("rollout", "status", name, "--watch", "--timeout", "60", check=False)
                    self.await_rollout(name, Rollout.COMPLETED, number=3)
                self.assertEqual(ctl.returncode, 7, ctl.stdout + ctl.stderr)
                self.assertRegex(ctl.stdout, rf"rollout 2: FAILED: .*{reason}")
                failed = self.rollout(name, 2)
                self.assertEqual(failed.phase, Rollout.FAILED)
                self.assertRegex(failed.reason, reason)
                took = failed.ended_at.ToMilliseconds() - failed.created_at.ToMilliseconds()
                self.assertLess(took, 30_000)
                back = self.rollout(name)
                self.assertEqual((back.number, back.to_version, back.cause), (3, 1, Rollout.ONE_BEFORE_FAILED))
                self.assertEqual(back.phase, Rollout.COMPLETED)
                self.assertGreaterEqual(sampler.least, 1)
                self.wait_ready(name, 2)
                self.assertEqual(self.get(name).status.version, 1)
                self.assertEqual({r.version for r in self.live(name)}, {1})
                self.assertTrue(self.events(name, "RolloutFailed"))
                self.assertTrue(self.events(name, "RolloutRolledBack"))
                self.delete_and_wait(name)

    def test_without_auto_rollback_it_stays_failed_until_somebody_undoes_it(self):
        self.serve("stays", 2, rollout={"progress_deadline_ms": 3000, "auto_rollback": False})
        self.change("stays", image="cloudless.local/absent:v9")
        failed = self.await_rollout("stays", Rollout.FAILED)
        self.assertEqual(failed.number, 2)
        self.assertIn("rollout 2 failed", self.get("stays").status.reason)
        self.assertGreaterEqual(self.get("stays").status.ready_replicas, 1)
        self.api.call("UndoRollout", {"name": "stays"})
        self.await_rollout("stays", Rollout.COMPLETED, number=3)
        self.wait_ready("stays", 2)
        self.delete_and_wait("stays")

    def test_undo_goes_back_to_the_number_and_restart_makes_a_new_one(self):
        self.serve("undone", 2)
        self.retag("undone", "two")
        self.await_rollout("undone", Rollout.COMPLETED, number=2)
        back = self.api.call("UndoRollout", {"name": "undone"})
        self.assertEqual((back.number, back.from_version, back.to_version, back.cause), (3, 2, 1, Rollout.UNDONE))
        self.assertEqual(self.await_rollout("undone", Rollout.COMPLETED, number=3).to_version, 1)
        self.assertEqual([e.value for e in self.get("undone").spec.env], ["one"])
        forth = self.api.call("UndoRollout", {"name": "undone", "to_version": 2})
        self.assertEqual(forth.to_version, 2)
        self.await_rollout("undone", Rollout.COMPLETED, number=4)
        before = {r.id for r in self.live("undone")}
        again = self.api.call("RestartRollout", {"name": "undone", "idempotency_key": "once"})
        self.assertEqual((again.to_version, again.cause), (3, Rollout.RESTARTED))
        self.assertEqual(self.api.call("RestartRollout", {"name": "undone", "idempotency_key": "once"}).number, again.number)
        self.await_rollout("undone", Rollout.COMPLETED, number=5)
        self.wait_ready("undone", 2)
        self.assertFalse(before & {r.id for r in self.live("undone")})
        self.assertEqual([e.value for e in self.get("undone").spec.env], ["two"])
        self.delete_and_wait("undone")

    def test_a_paused_rollout_starts_and_stops_nothing_until_it_is_resumed(self):
        self.serve("paused", 4, rollout={"max_surge": {"absolute": 1}, "max_unavailable": {"absolute": 0}, "pause_duration_ms": 1000})
        self.retag("paused", "two")
        self.await_rollout("paused", Rollout.IN_PROGRESS)
        paused = self.api.call("PauseRollout", {"name": "paused"})
        self.assertEqual(paused.phase, Rollout.PAUSED)
        self.assertFalse(paused.HasField("deadline"))
        # What was on its way when it was paused comes to rest; from then on nothing moves.
        wait_until(lambda: all(counts(r) for r in self.live("paused")), 30, "the replicas to come to rest")
        at_rest = {r.id for r in self.live("paused")}
        time.sleep(2.5)
        self.assertEqual({r.id for r in self.live("paused")}, at_rest)
        self.assertEqual(self.rollout("paused").phase, Rollout.PAUSED)
        self.api.call("ResumeRollout", {"name": "paused"})
        self.await_rollout("paused", Rollout.COMPLETED)
        self.assertTrue(self.events("paused", "RolloutPaused") and self.events("paused", "RolloutResumed"))
        self.delete_and_wait("paused")

    def test_abort_goes_back_to_what_was_fully_ready(self):
        self.serve("aborted", 4, rollout={"max_surge": {"absolute": 1}, "max_unavailable": {"absolute": 0}, "pause_duration_ms": 60000})
        self.retag("aborted", "two")
        self.await_rollout("aborted", Rollout.IN_PROGRESS)
        back = self.api.call("AbortRollout", {"name": "aborted"})
        self.assertEqual((back.to_version, back.cause, back.phase), (1, Rollout.ABORTED, Rollout.ROLLING_BACK))
        self.change("aborted", rollout={"pause_duration_ms": 0})
        self.await_rollout("aborted", Rollout.COMPLETED, number=3)
        self.assertEqual(self.rollout("aborted", 2).phase, Rollout.SUPERSEDED)
        self.wait_ready("aborted", 4)
        self.delete_and_wait("aborted")

    def test_a_newer_update_supersedes_the_one_before(self):
        self.serve("newer", 2, rollout={"progress_deadline_ms": 60000})
        self.change("newer", image="cloudless.local/absent:v9")
        wait_until(lambda: any(r.version == 2 for r in self.live("newer")), 30, "a replica of the version that never gets ready")
        self.change("newer", image=V2)
        self.await_rollout("newer", Rollout.COMPLETED, number=3)
        self.assertEqual(self.rollout("newer", 2).phase, Rollout.SUPERSEDED)
        self.wait_ready("newer", 2)
        self.delete_and_wait("newer")

    def test_a_canary_waits_for_its_promotion(self):
        self.serve("canary", 4, rollout={"canary": {"replicas": {"absolute": 1}}})
        self.retag("canary", "two")
        waiting = wait_until(lambda: (r := self.rollout("canary")).awaits_promotion and r, 60, "the canary to wait")
        self.assertIn("waiting for promotion: 1 of 4 replicas is of version 2", waiting.waiting_for)
        self.assertEqual(sum(r.version == 2 for r in self.live("canary")), 1)
        self.cluster.ctl("rollout", "promote", "canary", "--watch", "--timeout", "60")
        self.assertEqual(self.rollout("canary").phase, Rollout.COMPLETED)
        self.wait_ready("canary", 4)
        self.retag("canary", "three")
        wait_until(lambda: self.rollout("canary").awaits_promotion, 60, "the canary to wait")
        self.change("canary", rollout={"canary": {"replicas": {"absolute": 1}, "promote_after_ms": 500}})
        self.await_rollout("canary", Rollout.COMPLETED, number=3)
        self.delete_and_wait("canary")

    def test_blue_green_switches_at_once_and_back_within_the_window(self):
        self.serve("colours", 2, readiness=LISTENS, rollout={"strategy": "BLUE_GREEN", "switch_back_window_ms": 60000})
        blue = {r.id for r in self.live("colours")}
        with Balancer(self.cluster.server, "colours") as balancer, Sampler(self.cluster.server, "colours") as sampler:
            self.retag("colours", "two")
            done = self.await_rollout("colours", Rollout.COMPLETED, number=2)
            replicas = self.live("colours")
            self.assertEqual({r.id for r in replicas if not r.serving}, blue)
            self.assertEqual({r.version for r in replicas if r.serving}, {2})
            self.assertTrue(any("are kept for another" in note for note in done.notes), done)
            self.assertEqual(self.get("colours").status.phase, workload_pb2.WorkloadStatus.RUNNING)
            self.api.call("UndoRollout", {"name": "colours"})
            self.await_rollout("colours", Rollout.COMPLETED, number=3)
            self.assertEqual({r.id for r in self.live("colours") if r.serving}, blue)
        self.assertEqual(balancer.failures, [])
        self.assertGreaterEqual(sampler.least, 2)
        self.assertTrue(balancer.results["one"] and balancer.results["two"], balancer.results)
        self.assertEqual(len(self.events("colours", "ServingSwitched")), 2)
        self.change("colours", rollout={"strategy": "BLUE_GREEN", "switch_back_window_ms": 0})
        wait_until(lambda: {r.id for r in self.live("colours")} == blue, 60, "the other set to go when its window is over")
        self.delete_and_wait("colours")

    def test_recreate_stops_all_before_it_starts_and_warns_of_it(self):
        self.serve("again", 2, rollout={"strategy": "RECREATE", "min_available": 1})
        self.retag("again", "two")
        seen = self.watch("again")
        self.assertEqual(seen[-1].phase, Rollout.COMPLETED)
        self.assertTrue(any("min_available 1 is not kept" in note for note in seen[0].notes), seen[0])
        self.assertTrue(any("min_available 1 is not kept" in m for m in self.events("again", "RolloutInterrupts")))
        old = max(e.time.ToMilliseconds() for e in self.all_events("again") if e.kind == "ReplicaStopped")
        new = min(e.time.ToMilliseconds() for e in self.all_events("again") if e.kind == "ReplicaStarted" and e.time.ToMilliseconds() >= old)
        self.assertLessEqual(old, new)
        self.delete_and_wait("again")

    def all_events(self, name):
        return self.api.call("ListEvents", {"workload": name, "limit": 1000}).events

    def test_a_follower_that_never_acknowledges_holds_a_stop_up_no_longer_than_the_grace_period(self):
        self.serve("deaf", 1)
        first = parse(coordinator_service_pb2.FollowEndpointsInput(), {"name": "deaf"})
        stream = self.api.stub.FollowEndpoints(itertools.chain([first], self.nothing_more()))
        self.assertEqual(len(next(stream).endpoints), 1)
        old = self.live("deaf")[0].id
        self.api.call("RestartRollout", {"name": "deaf"})
        seen = self.watch("deaf")
        self.assertEqual(seen[-1].phase, Rollout.COMPLETED)
        wait_until(lambda: old not in {r.id for r in self.live("deaf")}, 20, "the old replica to go all the same")
        marks = [(e.replica_id == old, e.ready, e.serving) for e in next(o for o in stream if any(not e.serving for e in o.endpoints)).endpoints]
        self.assertIn((True, True, False), marks)
        stream.cancel()
        self.delete_and_wait("deaf")

    def test_a_balancer_may_follow_at_a_gateway_in_a_process_of_its_own(self):
        grpc_port, http_port = free_port(), free_port()
        gateway = self.cluster.start_gateway(grpc_port, http_port)
        self.addCleanup(lambda: (self.cluster.others.pop("gateway"), gateway.stop()))
        self.serve("remote", 2, readiness=LISTENS)
        with Balancer(f"127.0.0.1:{grpc_port}", "remote") as balancer:
            for number in (2, 3):
                self.api.call("RestartRollout", {"name": "remote"})
                self.await_rollout("remote", Rollout.COMPLETED, number=number)
                self.wait_ready("remote", 2)
        self.assertEqual(balancer.failures, [])
        self.assertGreater(balancer.results["one"], 100)
        self.delete_and_wait("remote")

    def nothing_more(self):
        """An iterator that waits until the test is over."""
        over = threading.Event()
        self.addCleanup(over.set)
        while not over.wait(0.1):
            continue
        yield from ()

    def test_scale_belongs_to_another_owner_and_makes_no_version(self):
        self.serve("scaled", 2)
        self.api.call("ScaleWorkload", {"name": "scaled", "replicas": 3})
        self.wait_ready("scaled", 3)
        self.assertEqual(list(self.versions("scaled")), [1])
        self.retag("scaled", "two")
        self.await_rollout("scaled", Rollout.COMPLETED, number=2)
        self.assertEqual(self.get("scaled").spec.replicas, 3)
        self.wait_ready("scaled", 3)
        self.delete_and_wait("scaled")

    def test_bad_input_is_refused_with_its_path_and_a_way_out(self):
        self.serve("plain", 1)
        invalid, precondition = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
        zero, spec = {"absolute": 0}, {"image": V1}
        policies = [({"max_surge": zero, "max_unavailable": zero}, r"spec\.rollout\.max_surge: .*raise one of them"),
                    ({"max_surge": {"percent": 101}}, r"spec\.rollout\.max_surge\.percent: "),
                    ({"max_unavailable": {"percent": 200}}, r"spec\.rollout\.max_unavailable\.percent: "),
                    ({"max_surge": {"absolute": 10001}}, r"spec\.rollout\.max_surge\.absolute: "),
                    ({"max_surge": zero, "min_available": 1}, r"spec\.rollout\.max_surge: .*raise max_surge"),
                    ({"progress_deadline_ms": 1}, r"spec\.rollout\.progress_deadline_ms: "),
                    ({"canary": {"replicas": zero}}, r"spec\.rollout\.canary\.replicas: "),
                    ({"strategy": "RECREATE", "canary": {}}, r"spec\.rollout\.canary: .*leave one of them out")]
        for policy, words in policies:
            with self.subTest(policy=policy):
                self.assertRegex(self.refused(invalid, "CreateWorkload", {"name": "bad", "spec": {**spec, "rollout": policy}}), words)
        calls = [(invalid, "UndoRollout", {"name": "plain", "to_version": 99}, "to_version: is 99; the versions that are kept are 1"),
                 (precondition, "UndoRollout", {"name": "plain", "to_version": 1}, "restart makes new containers"),
                 (precondition, "UndoRollout", {"name": "plain"}, "nothing to go back to"),
                 (precondition, "PromoteRollout", {"name": "plain"}, "nothing to promote"),
                 (precondition, "PauseRollout", {"name": "plain"}, "is COMPLETED: there is nothing to pause"),
                 (precondition, "ResumeRollout", {"name": "plain"}, "nothing to resume"),
                 (precondition, "AbortRollout", {"name": "plain"}, "nothing to abort"),
                 (grpc.StatusCode.ABORTED, "RestartRollout", {"name": "plain", "expected_revision": 999999999}, "revision"),
                 (grpc.StatusCode.NOT_FOUND, "RestartRollout", {"name": "nobody"}, "nobody"),
                 (grpc.StatusCode.NOT_FOUND, "GetRollout", {"name": "plain", "number": 7}, "7"),
                 (grpc.StatusCode.NOT_FOUND, "ListVersions", {"name": "nobody"}, "nobody"),
                 (invalid, "UndoRollout", {"name": "No Name"}, "name: "),
                 (invalid, "GetRollout", {}, "name: "),
                 (grpc.StatusCode.NOT_FOUND, "DrainNode", {"node_id": "nowhere"}, "nowhere"),
                 (invalid, "DrainNode", {}, "node_id: ")]
        for code, method, request, words in calls:
            with self.subTest(method=method, request=request):
                self.assertRegex(self.refused(code, method, request), words)
        self.assertEqual(self.cluster.ctl("rollout", "pause", "plain", check=False).returncode, 1)
        self.assertEqual(self.cluster.ctl("rollout", "status", "nobody", check=False).returncode, 4)
        self.delete_and_wait("plain")

    def test_no_request_fails_while_versions_come_and_go(self):
        rollouts, replicas = int(os.environ.get("CLOUDLESS_ROLLOUTS", "4")), 4
        policy = {"max_surge": {"absolute": 2}, "max_unavailable": {"absolute": 1}, "min_available": 3}
        self.serve("front", replicas, tag="tag-0", readiness=LISTENS, rollout=policy)
        with Balancer(self.cluster.server, "front") as balancer, Sampler(self.cluster.server, "front") as sampler:
            begun = time.monotonic()
            for number in range(1, rollouts + 1):
                self.retag("front", f"tag-{number}")
                self.await_rollout("front", Rollout.COMPLETED, number=number + 1)
            took = time.monotonic() - begun
        print(f"        {rollouts} rollouts of {replicas} in {took:.1f} s: {sum(balancer.results.values())} requests, "
              f"{len(balancer.failures)} failed; at least {sampler.least} ready in {sampler.samples} samples", flush=True)
        self.assertEqual(balancer.failures, [])
        self.assertGreaterEqual(sampler.least, policy["min_available"])
        self.assertTrue(balancer.results[f"tag-{rollouts - 1}"], balancer.results)
        self.delete_and_wait("front")


class Drain(RolloutTest):
    agents = 2

    def test_a_drain_moves_a_single_replica_without_a_gap(self):
        self.serve("alone", 1, readiness=LISTENS)
        self.serve("pair", 2)
        node = self.live("alone")[0].node_id
        with Balancer(self.cluster.server, "alone") as balancer, Sampler(self.cluster.server, "alone") as sampler:
            ctl = self.cluster.ctl("node", "drain", node, "--timeout", "60", check=False)
        self.assertEqual(ctl.returncode, 0, ctl.stderr)
        self.assertIn(f"node {node} drained", ctl.stdout)
        drained = self.api.call("GetNode", {"node_id": node})
        self.assertTrue(drained.draining)
        self.assertEqual((drained.drain.replicas_left, len(drained.drain.left)), (0, 0))
        self.assertEqual(balancer.failures, [])
        self.assertGreaterEqual(sampler.least, 1)
        for name in ("alone", "pair"):
            self.wait_ready(name, 2 if name == "pair" else 1)
            self.assertNotIn(node, {r.node_id for r in self.live(name)})
        self.assertTrue(any(e.kind == "NodeDraining" for e in self.api.call("ListEvents", {"node_id": node}).events))
        self.cluster.ctl("node", "uncordon", node)
        self.assertFalse(self.api.call("GetNode", {"node_id": node}).draining)
        for name in ("alone", "pair"):
            self.delete_and_wait(name)

    def test_a_drain_that_cannot_go_on_says_what_blocks_it(self):
        self.serve("stuck", 1)
        replica = self.live("stuck")[0]
        other = next(n.id for n in self.api.call("ListNodes", {}).nodes if n.id != replica.node_id)
        self.api.call("CordonNode", {"node_id": other})
        ctl = self.cluster.ctl("node", "drain", replica.node_id, "--timeout", "2", check=False)
        self.assertEqual(ctl.returncode, 7, ctl.stderr)
        node = self.api.call("GetNode", {"node_id": replica.node_id})
        self.assertEqual(node.drain.replicas_left, 1)
        self.assertRegex(node.drain.left[0].waiting_for, "waiting for a place for stuck-.*cordoned")
        self.assertTrue(counts(self.live("stuck")[0]))
        self.api.call("UncordonNode", {"node_id": other})
        wait_until(lambda: self.api.call("GetNode", {"node_id": replica.node_id}).drain.replicas_left == 0, 60, "the drain to go on")
        self.api.call("UncordonNode", {"node_id": replica.node_id})
        self.delete_and_wait("stuck")
