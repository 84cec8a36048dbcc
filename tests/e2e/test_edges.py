"""What clients do that stubs and good manners would not: raw bytes, leaving early, too much at once; on both services."""
import concurrent.futures
import os
import pathlib

import grpc

from client import ClusterTest, agent_service_pb2_grpc, parse, stream_pb2, wait_until

CODE = grpc.StatusCode
SERVING = b"\x08\x01"


def raw(channel, method, request=b"", timeout=20):
    """Bytes in, bytes out; an error as its code and words."""
    try:
        return channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)(request, timeout=timeout)
    except grpc.RpcError as error:
        return error.code(), error.details()


def command_line(entry):
    """Of a process, or nothing if it has just ended."""
    try:
        return entry.read_bytes()
    except OSError:
        return b""


class Edges(ClusterTest):
    def services(self):
        """Each service's name, channel, and stub for StreamLogs and ExecCommand."""
        channel = grpc.insecure_channel(f"127.0.0.1:{self.cluster.agents[0].grpc_port}", options=[("grpc.max_send_message_length", -1)])
        self.addCleanup(channel.close)
        yield "AgentService", channel, agent_service_pb2_grpc.AgentServiceStub(channel)
        channel = grpc.insecure_channel(self.cluster.server, options=[("grpc.max_send_message_length", -1)])
        self.addCleanup(channel.close)
        yield "CoordinatorService", channel, self.api.stub

    def test_raw_bytes_are_refused_and_health_answers_by_name(self):
        for name, channel, _ in self.services():
            service = f"cloudless.api.{name}"
            with self.subTest(service):
                named = bytes([10, len(service)]) + service.encode()
                self.assertEqual(raw(channel, "/grpc.health.v1.Health/Check", named), SERVING)
                self.assertEqual(raw(channel, "/grpc.health.v1.Health/Check"), SERVING)
                for garbage in (b"\x0a\x05ab", b"\xff" * 300, b"\x1a\x02\xff\xfe"):
                    code, words = raw(channel, f"/{service}/ExecCommand", garbage)
                    self.assertEqual(code, CODE.INVALID_ARGUMENT, words)
                self.assertEqual(raw(channel, f"/{service}/NoSuchMethod")[0], CODE.UNIMPLEMENTED)
                self.assertEqual(raw(channel, f"/{service}/ExecCommand", b"a" * (100 << 20), 60)[0], CODE.RESOURCE_EXHAUSTED)
                self.assertEqual(raw(channel, "/grpc.health.v1.Health/Check"), SERVING)

    def test_a_command_ends_when_its_client_leaves_and_many_run_at_once(self):
        self.create("busy")
        replica = self.wait_ready("busy", 1).status.replicas[0]

        def request(*command, **fields):
            return parse(stream_pb2.ExecCommandRequest(), {"container_id": replica.container_id, "command": list(command), **fields})
        # Seen from this machine: in a chroot a process that joins a container may have another root, and another ps.
        for seconds, (name, _, stub) in enumerate(self.services(), start=1000000 + 10 * os.getpid()):
            with self.subTest(name):
                left = stub.ExecCommand.future(request("sleep", str(seconds), timeout_ms=3600000), timeout=60)

                def runs(words=f"sleep\0{seconds}\0".encode()):
                    return any(words == command_line(entry) for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"))
                wait_until(runs, 20, "the command to run", pause=0.05)
                left.cancel()
                wait_until(lambda: not runs(), 20, "the command to be killed", pause=0.05)
                with concurrent.futures.ThreadPoolExecutor(10) as pool:
                    said = pool.map(lambda n: stub.ExecCommand(request("sh", "-c", f"sleep 0.5; echo {n}"), timeout=30).stdout, range(10))
                    self.assertEqual(list(said), [f"{n}\n".encode() for n in range(10)])
        self.delete_and_wait("busy")
