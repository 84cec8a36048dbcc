"""A gRPC client made by protoc from the public protos alone, and a test case that has a cluster."""
import atexit
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import grpc
from google.protobuf import json_format

from cluster import Cluster, ROOT, wait_until  # noqa: F401 (tests take wait_until from here)


def _make_stubs():
    out = tempfile.mkdtemp(prefix="cloudless-stubs.")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    protos = sorted(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto/cloudless/api").glob("*.proto"))
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={out}", f"--grpc_out={out}",
                    f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}", *protos], check=True)
    sys.path.insert(0, out)


_make_stubs()

from cloudless.api import (agent_service_pb2, agent_service_pb2_grpc, coordinator_service_pb2, coordinator_service_pb2_grpc,  # noqa: E402
                           node_pb2, placement_pb2, stream_pb2, workload_pb2)

V1, V2 = "cloudless.local/hello:v1", "cloudless.local/hello:v2"
READY_SECONDS = 60


def parse(message, json):
    return json_format.ParseDict(json, message)


def patiently(send, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return send()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Api:
    """The public API by JSON, as any client would call it."""

    def __init__(self, server, credentials=None):
        self.channel = grpc.secure_channel(server, credentials) if credentials else grpc.insecure_channel(server)
        self.stub = coordinator_service_pb2_grpc.CoordinatorServiceStub(self.channel)

    def call(self, method, json, timeout=10, metadata=()):
        """Reads are tried again while the answer is UNAVAILABLE, as a client that outlives a restart would do."""
        request = next(getattr(file, method + "Request") for file in (coordinator_service_pb2, stream_pb2, placement_pb2)
                       if hasattr(file, method + "Request"))

        def send():
            return getattr(self.stub, method)(parse(request(), json), timeout=timeout, wait_for_ready=True, metadata=metadata)
        return patiently(send) if method.startswith(("Get", "List")) else send()

    def log_lines(self, json):
        """All lines of a StreamLogs that ends."""
        return patiently(lambda: [line for reply in self.call("StreamLogs", json, timeout=20) for line in reply.lines])

    def close(self):
        self.channel.close()


class ClusterTest(unittest.TestCase):
    """Tests that share one cluster; each uses workload names of its own."""

    agents = 1
    coordinator_options = ()
    agent_options = ()
    credentials = None  # of the API's client; None: plain text

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(cls.agents, coordinator_options=cls.coordinator_options, agent_options=cls.agent_options)
        cls.addClassCleanup(cls.cluster.stop)
        cls.arrange(cls.cluster)
        cls.cluster.start()
        cls.api = Api(cls.cluster.server, cls.credentials)
        cls.addClassCleanup(cls.api.close)

    @classmethod
    def arrange(cls, cluster):
        """Before the cluster starts."""

    def get(self, name):
        return self.api.call("GetWorkload", {"name": name})

    def create(self, name, replicas=1, image=V1, **spec):
        spec = {"image": image, "replicas": replicas, "image_pull_policy": "IMAGE_PULL_POLICY_NEVER",
                "termination_grace_period_ms": 3000, "resources": {"requests": {"cpu_millicores": 10, "memory_bytes": 8 << 20}}, **spec}
        return self.api.call("CreateWorkload", {"name": name, "spec": spec})

    def wait_ready(self, name, replicas, seconds=READY_SECONDS):
        def ready():
            w = self.get(name)
            s = w.status
            live = [r for r in s.replicas if r.state <= workload_pb2.Replica.BACKOFF]
            done = s.ready_replicas == replicas and s.updated_replicas == replicas and len(live) == replicas
            return w if done else None
        return wait_until(ready, seconds, f"{replicas} ready replicas of {name}; now:\n{self.get(name)}", pause=0.05)

    def delete_and_wait(self, name, seconds=READY_SECONDS):
        uid = patiently(lambda: self.api.call("DeleteWorkload", {"name": name})).uid
        self.wait_gone(uid, seconds)

    def wait_gone(self, uid, seconds=READY_SECONDS):
        def gone():
            try:
                self.api.call("GetWorkload", {"uid": uid})
            except grpc.RpcError as error:
                return error.code() == grpc.StatusCode.NOT_FOUND
            return False
        wait_until(gone, seconds, f"workload {uid} to be gone", pause=0.05)

    def refused(self, code, method, json):
        with self.assertRaises(grpc.RpcError) as caught:
            self.api.call(method, json)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()

    def containers(self, agent):
        return self.cluster.ctr("-n", agent.namespace, "containers", "ls", "-q").stdout.split()
