"""Parts of the control plane in processes of their own: the scheduler, and a gateway. Each is killed, and the coordinator too."""
import signal
import threading
import time

import grpc

from client import Api, ClusterTest, coordinator_service_pb2, parse, wait_until, workload_pb2
from cluster import free_port

PENDING = workload_pb2.Replica.PENDING
Watch = coordinator_service_pb2.WatchWorkloadsReply


class SchedulerElsewhere(ClusterTest):
    coordinator_options = ("--scheduler", "off")

    def setUp(self):
        self.addCleanup(self.stop_host)

    def start_joined(self):
        """A scheduler in a process of its own that joins the coordinator's ring."""
        self.cluster.start_other("host", "services/host/cloudless-host", "--listen-address", "off", "--run", "scheduler",
                                 "--coordinator", f"127.0.0.1:{self.cluster.ports['ring']}")

    def start_bare(self, port):
        """A process on which the coordinator places its scheduler."""
        self.cluster.start_other("host", "services/host/cloudless-host", "--listen-address", f"127.0.0.1:{port}")

    def stop_host(self, sig=signal.SIGKILL):
        if "host" in self.cluster.others:
            self.cluster.others.pop("host").stop(sig)

    def restart_coordinator(self, *options):
        self.cluster.coordinator.stop(signal.SIGKILL)
        self.cluster.coordinator_options = options
        self.cluster.start_coordinator()
        self.cluster.wait_nodes()
        self.api.call("ListNodes", {})  # the first write must not find the dead connection

    def placed(self, name):
        return {r.id: r.container_id for r in self.get(name).status.replicas if r.ready}

    def wait_pending(self, name, count):
        def pending():
            replicas = [r for r in self.get(name).status.replicas if r.state == PENDING]
            return len(replicas) == count and not any(r.node_id for r in replicas)
        wait_until(pending, 20, f"{count} PENDING replicas of {name}")
        # That nobody places them cannot be awaited: an embedded scheduler takes milliseconds.
        time.sleep(0.5)
        self.assertTrue(pending(), self.get(name))

    def check_that_it_comes_and_goes(self, name, start_host, options):
        self.create(name, replicas=2)
        self.wait_pending(name, 2)
        start_host()
        self.wait_ready(name, 2)

        self.stop_host()
        before = self.placed(name)
        self.api.call("ScaleWorkload", {"name": name, "replicas": 3})
        self.wait_pending(name, 1)
        start_host()
        self.wait_ready(name, 3)
        self.assertLessEqual(before.items(), self.placed(name).items())

        before = self.placed(name)
        self.restart_coordinator(*options)
        self.wait_ready(name, 3)
        self.assertEqual(self.placed(name), before, "what was placed stays where it is")
        self.api.call("ScaleWorkload", {"name": name, "replicas": 4})
        self.wait_ready(name, 4)
        self.delete_and_wait(name)
        self.cluster.others["host"].check()

    def test_a_scheduler_that_joins_the_ring_outlives_its_coordinator_and_can_be_killed(self):
        self.restart_coordinator("--scheduler", "off")
        self.check_that_it_comes_and_goes("joined", self.start_joined, ("--scheduler", "off"))

    def test_the_coordinator_places_its_scheduler_on_a_host_again_and_again(self):
        port = free_port()
        options = ("--scheduler", f"127.0.0.1:{port}")
        self.restart_coordinator(*options)
        self.check_that_it_comes_and_goes("hosted", lambda: self.start_bare(port), options)


class GatewayElsewhere(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.grpc_port, cls.http_port = free_port(), free_port()
        cls.cluster.start_gateway(cls.grpc_port, cls.http_port)
        cls.direct, cls.api = cls.api, Api(f"127.0.0.1:{cls.grpc_port}")
        cls.addClassCleanup(cls.api.close)

    def restart_gateway(self):
        self.cluster.others.pop("gateway").stop(signal.SIGKILL)
        self.cluster.start_gateway(self.grpc_port, self.http_port)
        self.api.call("ListNodes", {})  # the first write must not find the dead connection

    def restart_coordinator(self):
        self.cluster.coordinator.stop(signal.SIGKILL)
        self.cluster.start_coordinator()
        self.cluster.wait_nodes()
        self.direct.call("ListNodes", {})  # the first write must not find the dead connection

    def test_the_whole_life_of_a_workload_through_a_gateway(self):
        self.create("through", replicas=1)
        self.wait_ready("through", 1)
        self.api.call("ScaleWorkload", {"name": "through", "replicas": 2})
        self.wait_ready("through", 2)
        lines = wait_until(lambda: len(found := self.api.log_lines({"workload": "through"})) == 2 and found, 10, "a line of each")
        self.assertEqual({line.line for line in lines}, {b"hello v1 serving on port 8080"})
        replica = self.get("through").status.replicas[0]
        done = self.api.call("ExecCommand", {"replica_id": replica.id, "command": ["echo", "hi"]})
        self.assertEqual((done.stdout, done.exit_code), (b"hi\n", 0))
        self.assertEqual(len(self.api.call("ListNodes", {}).nodes), 1)
        self.delete_and_wait("through")
        self.refused(grpc.StatusCode.NOT_FOUND, "GetWorkload", {"name": "through"})

    def test_writes_made_elsewhere_are_read_here_when_the_revision_is_named(self):
        for number in range(50):
            made = self.direct.call("CreateWorkload", {"name": f"seen-{number}", "spec": {"image": "i:1", "replicas": 0}})
            metadata = [("cloudless-min-revision", str(made.store_revision))]
            found = self.api.call("GetWorkload", {"name": f"seen-{number}"}, metadata=metadata)
            self.assertEqual((found.uid, found.revision), (made.uid, made.revision))
            changed = self.api.call("ScaleWorkload", {"name": f"seen-{number}", "replicas": 0, "expected_revision": found.revision})
            metadata = [("cloudless-min-revision", str(changed.store_revision))]
            self.assertEqual(self.direct.call("GetWorkload", {"name": f"seen-{number}"}, metadata=metadata).revision, changed.revision)

    def test_a_watch_goes_on_after_the_gateway_or_the_coordinator_was_killed(self):
        begun = self.direct.call("CreateWorkload", {"name": "watched", "spec": {"image": "i:1", "replicas": 0, "labels": {"t": "w"}}})
        watch = Watcher(self.api, begun.store_revision - 1)
        self.addCleanup(watch.stop)
        watch.await_seen(begun.uid, begun.revision)
        for restart in (self.restart_gateway, self.restart_coordinator, self.restart_gateway):
            restart()
            now = self.direct.call("UpdateWorkload", {"name": "watched", "update_mask": "annotations",
                                                      "spec": {"annotations": {"at": str(time.time_ns())}}})
            watch.await_seen(now.uid, now.revision)
        gone = self.direct.call("DeleteWorkload", {"name": "watched"})
        watch.await_deleted(gone.uid)

    def test_writes_through_the_gateway_are_taken_again_after_a_kill_of_either(self):
        for number, restart in enumerate((self.restart_gateway, self.restart_coordinator)):
            restart()
            uid = wait_until(lambda name=f"again-{number}": self.write(name), 30, "a write to be taken")
            self.assertEqual(self.get(f"again-{number}").uid, uid)

    def write(self, name):
        try:
            return self.api.call("CreateWorkload", {"name": name, "spec": {"image": "i:1", "replicas": 0}, "idempotency_key": name}).uid
        except grpc.RpcError as error:
            self.assertIn(error.code(), (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error.details())
            return None


class Watcher:
    """Watches as clients should: after every break it resumes from the last revision it was given, or else begins anew."""

    def __init__(self, api, from_revision):
        self.api, self.revision, self.seen, self.deleted, self.problem = api, from_revision, {}, set(), None
        self.stopped, self.stream = threading.Event(), None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.is_set():
            try:
                request = parse(coordinator_service_pb2.WatchWorkloadsRequest(), {"from_revision": self.revision, "label_selector": "t=w"})
                self.stream = self.api.stub.WatchWorkloads(request, timeout=120, wait_for_ready=True)
                for reply in self.stream:
                    self.take(reply)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                    self.revision = 0  # a gateway that has just started does not know what happened before
                elif error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    self.problem = error
                    return
                time.sleep(0.05)

    def take(self, reply):
        if reply.revision < self.revision:
            self.problem = AssertionError(f"revision {reply.revision} after {self.revision}")
        self.revision = reply.revision
        if reply.kind in (Watch.ADDED, Watch.CHANGED):
            self.seen[reply.workload.uid] = reply.workload.revision
        elif reply.kind == Watch.DELETED:
            self.deleted.add(reply.workload.uid)

    def await_seen(self, uid, revision):
        wait_until(lambda: self.seen.get(uid) == revision or self.check(), 30, f"the watch to show {uid} at {revision}; shown: {self.seen}")

    def await_deleted(self, uid):
        wait_until(lambda: uid in self.deleted or self.check(), 30, f"the watch to show that {uid} is gone")

    def check(self):
        if self.problem:
            raise self.problem
        return False

    def stop(self):
        self.stopped.set()
        if self.stream:
            self.stream.cancel()
        self.thread.join()
