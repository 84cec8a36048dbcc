"""What would happen, asked of a real cluster, and then what does: plans of manifests, drains and losses, and rebalancing."""
import json
import subprocess

from client import V1, ClusterTest, wait_until
from cluster import BUILD

CTL = BUILD / "services/cloudlessctl/cloudlessctl"


class Plans(ClusterTest):
    agents = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names = [agent.name for agent in cls.cluster.agents]

    def ctl(self, *arguments, text=""):
        return subprocess.run([CTL, "--server", self.cluster.server, *arguments], capture_output=True, text=True, input=text, timeout=60, check=False)

    def ask(self, *arguments, text=""):
        """Exit code, and the answer."""
        ran = self.ctl(*arguments, "-o", "json", text=text)
        self.assertNotEqual(ran.returncode, 255, ran.stderr)
        return ran.returncode, json.loads(ran.stdout)

    def nodes_of(self, name):
        return sorted(r.node_id for r in self.get(name).status.replicas if r.node_id and not r.stop_requested)

    def manifest(self, name, replicas, **spec):
        return json.dumps({"apiVersion": "cloudless.io/v1", "kind": "Workload", "metadata": {"name": name},
                           "spec": {"image": V1, "imagePullPolicy": "NEVER", "replicas": replicas, **spec}})

    def test_a_plan_says_what_apply_then_does(self):
        text = self.manifest("planned", 3, resources={"requests": {"cpuMillicores": 10}})
        code, plan = self.ask("plan", "-f", "-", text=text)
        self.assertEqual(code, 1)
        planned = plan["workloads"][0]
        self.assertEqual((planned["change"], planned["placed"]), ("CREATED", 3))
        self.addCleanup(self.delete_and_wait, "planned")
        self.assertEqual(self.ctl("workload", "apply", "-f", "-", "--wait", text=text).returncode, 0)
        self.assertEqual(self.nodes_of("planned"), sorted(r["place"]["node_id"] for r in planned["replicas"]))
        ran = self.ctl("plan", "-f", "-", text=text)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("would stay as it is", ran.stdout)
        ran = self.ctl("plan", "-f", "-", text=self.manifest("planned", 3, resources={"requests": {"cpuMillicores": 20}}))
        self.assertEqual(ran.returncode, 1)
        self.assertIn("every replica replaced", ran.stdout)
        self.assertIn("cpu_millicores", ran.stdout)

    def test_what_cannot_be_planned_is_255(self):
        self.assertEqual(self.ctl("plan", "drain", "no-such-node").returncode, 255)
        ran = self.ctl("plan", "-f", "-", text=self.manifest("bad", 1, placement={"maxSkew": 0}))
        self.assertEqual(ran.returncode, 255)
        self.assertIn("<stdin>", ran.stderr)
        self.assertIn("max", ran.stderr)

    def test_a_drain_moves_what_its_plan_said(self):
        self.addCleanup(self.delete_and_wait, "moves")
        self.create("moves", 3)
        self.wait_ready("moves", 3)
        node = self.names[0]
        code, plan = self.ask("plan", "drain", node)
        self.assertEqual(code, 1)
        moved = next(w for w in plan["workloads"] if w["name"] == "moves")
        self.assertEqual(moved["change"], "MOVED")
        self.assertEqual({r["from_node_id"] for r in moved["replicas"]}, {node})
        self.assertEqual(moved["serving_left"], 3)
        before = [n for n in self.nodes_of("moves") if n != node]
        self.addCleanup(self.ctl, "node", "uncordon", node)
        self.assertEqual(self.ctl("node", "drain", node).returncode, 0)
        self.wait_ready("moves", 3)
        self.assertEqual(self.nodes_of("moves"), sorted(before + [r["place"]["node_id"] for r in moved["replicas"]]))

    def test_a_loss_says_what_serves_on(self):
        self.addCleanup(self.delete_and_wait, "survives")
        self.create("survives", 3)
        self.wait_ready("survives", 3)
        code, plan = self.ask("plan", "lose", "--node", self.names[1])
        self.assertEqual(code, 1)
        lost = next(w for w in plan["workloads"] if w["name"] == "survives")
        self.assertEqual((lost["serving_now"], lost["serving_left"], lost["min_available"]), (3, 2, 2))
        self.assertEqual((lost["placed"], lost["unplaced"]), (1, 0))
        self.assertEqual(len(self.nodes_of("survives")), 3)

    def test_rebalance_moves_what_its_node_no_longer_suits(self):
        self.addCleanup(self.delete_and_wait, "guest")
        self.create("guest", 1)
        self.wait_ready("guest", 1)
        node = self.nodes_of("guest")[0]
        taint = [{"key": "dedicated", "value": "others", "effect": "TAINT_EFFECT_NO_SCHEDULE"}]
        self.api.call("UpdateNode", {"node_id": node, "set_taints": taint})
        self.addCleanup(self.api.call, "UpdateNode", {"node_id": node, "remove_taints": ["dedicated"]})
        code, plan = self.ask("rebalance", "--dry-run")
        self.assertEqual(code, 0)
        move = next(m for m in plan["moves"] if m["workload"] == "guest")
        self.assertIn("dedicated", move["from"]["lacks"][0])
        self.assertEqual(self.nodes_of("guest"), [node])
        ran = self.ctl("rebalance")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("being moved", ran.stdout)
        wait_until(lambda: self.nodes_of("guest") == [move["to"]["node_id"]], 60, "guest to move", pause=0.05)
        self.wait_ready("guest", 1)
        self.assertEqual(self.ask("rebalance")[1]["moves"], [])
