"""Published ports as users meet them: through the API and cloudlessctl, over the death of an agent, and where they clash."""
import re
import signal
import socket
import subprocess
import urllib.request

from client import ClusterTest, patiently, wait_until, workload_pb2
from cluster import BUILD, free_port

SERVE = ["sh", "-c", "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www"]


def fetch(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
        return reply.read().decode()


def answers(port):
    try:
        return fetch(port) == "hello\n"
    except OSError:
        return False


def rules():
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


class Ports(ClusterTest):
    def setUp(self):
        self.agent = self.cluster.agents[0]

    def publish(self, name, host_port, **spec):
        self.create(name, command=SERVE, ports=[{"name": "http", "container_port": 8080, "host_port": host_port}], **spec)

    def wait_ready_count(self, name, count):
        wait_until(lambda: self.get(name).status.ready_replicas == count, 20, f"{count} ready replicas of {name}", pause=0.05)

    def replica(self, name):
        return next(r for r in self.get(name).status.replicas if r.state <= workload_pb2.Replica.BACKOFF)

    def test_a_port_that_the_node_chose_is_told_and_lives_through_the_death_of_the_agent(self):
        subprocess.run(["nft", "add", "table", "ip", "stranger"], check=True)
        self.addCleanup(subprocess.run, ["nft", "delete", "table", "ip", "stranger"], check=False)
        self.publish("chosen", 0)
        self.wait_ready("chosen", 1)
        (port,) = self.replica("chosen").published_ports
        self.assertEqual((port.name, port.container_port, port.protocol), ("http", 8080, workload_pb2.Port.TCP))
        self.assertTrue(30000 <= port.host_port <= 32767, port.host_port)
        wait_until(lambda: answers(port.host_port), 20, "an answer on the published port")
        for words in (("workload", "get", "chosen", "-o", "yaml"), ("workload", "describe", "chosen")):
            self.assertIn(str(port.host_port), self.cluster.ctl(*words).stdout)
        self.assertIn(f"{port.host_port}->8080/tcp", self.cluster.ctl("workload", "describe", "chosen").stdout)
        self.agent.process.stop(signal.SIGKILL)
        self.assertEqual(fetch(port.host_port), "hello\n")
        self.cluster.start_agent(self.agent)
        self.cluster.wait_nodes()
        self.wait_ready("chosen", 1)
        self.assertEqual(self.replica("chosen").published_ports[0].host_port, port.host_port)
        self.assertEqual(fetch(port.host_port), "hello\n")
        self.delete_and_wait("chosen")
        self.assertFalse(answers(port.host_port))
        self.assertNotIn(str(port.host_port), rules())
        self.assertIn("table ip stranger", rules())

    def test_what_was_removed_while_the_agent_was_dead_is_published_no_longer_when_it_is_back(self):
        number = free_port()
        self.publish("gone", number)
        self.wait_ready("gone", 1)
        wait_until(lambda: answers(number), 20, "an answer on the published port")
        self.agent.process.stop(signal.SIGKILL)
        uid = patiently(lambda: self.api.call("DeleteWorkload", {"name": "gone"})).uid
        self.cluster.start_agent(self.agent)
        self.wait_gone(uid)
        wait_until(lambda: str(number) not in rules(), 20, "the rule to go")
        self.assertFalse(answers(number))

    def test_one_port_of_a_node_is_for_one_replica_and_the_other_is_told_why_it_waits(self):
        number = free_port()
        self.publish("twice", number, replicas=2)
        words = f"has host port {number}/tcp taken"
        wait_until(lambda: any(words in r.reason for r in self.get("twice").status.replicas), 20, words)
        self.wait_ready_count("twice", 1)
        self.assertEqual(sum(len(r.published_ports) for r in self.get("twice").status.replicas), 1)
        self.delete_and_wait("twice")

    def test_a_port_that_a_program_of_the_node_has_is_named_as_the_reason(self):
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            number = stranger.getsockname()[1]
            self.publish("late", number, restart_policy={"backoff": {"initial_ms": 100, "max_ms": 200}})
            words = f"port {number}/tcp of the node is in use by another program"
            wait_until(lambda: any(words in r.reason for r in self.get("late").status.replicas), 20, words)
        self.wait_ready("late", 1)
        wait_until(lambda: answers(number), 20, "an answer on the published port")
        self.delete_and_wait("late")

    def test_the_nodes_own_network_is_refused_unless_its_agent_allows_it(self):
        self.create("own", host_network=True, restart_policy={"mode": "NEVER"})
        words = "policy.allow_host_network"
        wait_until(lambda: any(words in r.reason for r in self.get("own").status.replicas), 20, words)
        self.delete_and_wait("own")

    def test_an_agent_with_a_bridge_that_no_kernel_takes_says_so_and_ends(self):
        ended = subprocess.run([BUILD / "services/agent/cloudless-agent", "--node-name", "n", "--bridge", "cloudless-bridge-0"],
                               capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(ended.returncode, 0)
        self.assertTrue(re.search(r"bridge: .*1-15", ended.stderr + ended.stdout), ended)
