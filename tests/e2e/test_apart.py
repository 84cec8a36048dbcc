"""Agents and a gateway on machines of their own, as far as the network goes: what passes between them is encrypted and proved."""
import json
import socket
import subprocess
import urllib.request

from client import ClusterTest, V1, wait_until
from cluster import BUILD, free_port
from machines import Listener, Machines


class MachinesApart(ClusterTest):
    agents = 2
    coordinator_options = ("--lease-duration", "3s")

    @classmethod
    def setUpClass(cls):
        cls.machines = Machines(cls.agents)
        cls.addClassCleanup(cls.machines.remove)
        super().setUpClass()

    @classmethod
    def arrange(cls, cluster):
        cluster.host = cls.machines.address
        for agent, machine in zip(cluster.agents, cls.machines.all):
            agent.machine = machine.command

    def state_of(self, agent):
        return {node["id"]: node["state"] for node in self.cluster.nodes()}[agent.name]

    def test_a_workload_lives_on_machines_apart_and_nobody_between_them_hears_of_it(self):
        word = "word-that-only-we-know"
        with Listener(self.machines.bridge) as listener:
            self.create("apart", replicas=2, env=[{"name": "WORD", "value": word}], ports=[{"name": "web", "container_port": 8080, "host_port": 8080}])
            replicas = self.wait_ready("apart", 2).status.replicas
            done = self.api.call("ExecCommand", {"replica_id": replicas[0].id, "command": ["sh", "-c", "echo $WORD"]})
            self.assertEqual(done.stdout.decode(), f"{word}\n")
            lines = wait_until(lambda: len(found := self.api.log_lines({"workload": "apart"})) == 2 and found, 10, "a line of each")
            self.assertEqual({line.line for line in lines}, {b"hello v1 serving on port 8080"})
            # The two ports did not fit on one machine; each is reached at its own.
            self.assertEqual({r.node_id for r in replicas}, {agent.name for agent in self.cluster.agents})
            for machine in self.machines.all:
                with urllib.request.urlopen(f"http://{machine.address}:8080/", timeout=10) as answer:
                    self.assertTrue(answer.read().startswith(b"hello v1 from "))
        heard = bytes(listener.heard)
        self.assertTrue(b"hello v1 from " in heard)  # what a replica serves is its own business
        for ours in (word, V1, "serving on port", replicas[0].container_id):
            self.assertFalse(ours.encode() in heard, ours)
        self.delete_and_wait("apart")

    def test_a_machine_that_was_cut_off_comes_back_with_what_it_ran(self):
        self.create("cut", replicas=2, ports=[{"name": "web", "container_port": 8080, "host_port": 8081}])
        before = {r.id: r.container_id for r in self.wait_ready("cut", 2).status.replicas}
        agent, machine = self.cluster.agents[0], self.machines.all[0]
        machine.unplug()
        wait_until(lambda: self.state_of(agent) != "READY", 30, "the node to be missed", pause=0.1)
        machine.plug_in()
        wait_until(lambda: self.state_of(agent) == "READY", 30, "the node to be back", pause=0.1)
        after = {r.id: r.container_id for r in self.wait_ready("cut", 2).status.replicas}
        self.assertEqual(after, before)
        self.delete_and_wait("cut")

    def test_a_gateway_on_another_machine_serves_the_api_there(self):
        machine, port, http = self.machines.all[1], free_port(), free_port()
        gateway = self.cluster.start_other(
            "gateway", "services/gateway/cloudless-gateway", "--coordinator", f"{self.cluster.host}:{self.cluster.ports['ring']}",
            "--grpc-address", f"127.0.0.1:{port}", "--http-address", f"127.0.0.1:{http}", "--metrics-address", "off",
            machine=machine.command)
        self.addCleanup(lambda: self.cluster.others.pop("gateway").stop())

        def nodes():
            gateway.check()
            out = subprocess.run([*machine.command, BUILD / "services/cloudlessctl/cloudlessctl", "--server", f"127.0.0.1:{port}", "node",
                                  "list", "-o", "json"], capture_output=True, text=True, check=False)
            return json.loads(out.stdout)["nodes"] if out.returncode == 0 else None
        self.assertEqual({n["id"] for n in wait_until(nodes, 30, "the gateway to answer", pause=0.1)},
                         {agent.name for agent in self.cluster.agents})

    def test_ports_beyond_loopback_say_that_they_encrypt_and_take_nothing_unproved(self):
        for name in ("link", "ring"):
            with self.subTest(name), socket.create_connection((self.cluster.host, self.cluster.ports[name]), timeout=10) as stranger:
                self.assertEqual(stranger.recv(16, socket.MSG_WAITALL), b"cloudless-tls--1")
                self.assertEqual(len(stranger.recv(32, socket.MSG_WAITALL)), 32)
                stranger.sendall(b"x" * 64)  # as long as a proof
                self.assertEqual(stranger.recv(1), b"")
