"""Where replicas go and why, on real nodes: selectors, taints, affinities, spreading, and what the cluster says of it."""
import json
import subprocess
import time

import grpc

from client import ClusterTest, wait_until
from cluster import BUILD, ROOT

CTL = BUILD / "services/cloudlessctl/cloudlessctl"


class Placement(ClusterTest):
    agents = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names = [agent.name for agent in cls.cluster.agents]
        for number, name in enumerate(cls.names):
            cls.api.call("UpdateNode", {"node_id": name, "set_labels": {"disk": "ssd" if number < 2 else "hdd", "rank": str(number)}})

    def nodes_of(self, name):
        return sorted(r.node_id for r in self.get(name).status.replicas if r.node_id and not r.stop_requested)

    def place(self, name, replicas=1, **spec):
        self.addCleanup(self.delete_and_wait, name)
        self.create(name, replicas, **spec)
        self.wait_ready(name, replicas)
        return self.nodes_of(name)

    def ctl(self, *arguments):
        return subprocess.run([CTL, "--server", self.cluster.server, *arguments], capture_output=True, text=True, timeout=60, check=False)

    def reason_of_waiting(self, name):
        def waits():
            for replica in self.get(name).status.replicas:
                if not replica.node_id and replica.reason:
                    return replica.reason
            return None
        return wait_until(waits, 30, f"a reason why {name} waits", pause=0.05)

    @staticmethod
    def expression(key, operator, *values):
        return {"key": key, "operator": f"OPERATOR_{operator}", "values": list(values)}

    def test_selectors_and_expressions_over_labels_are_rules(self):
        self.assertEqual(self.place("on-hdd", 2, placement={"node_selector": {"disk": "hdd"}}), [self.names[2]] * 2)
        rule = {"topology_key": "node", "required": True, "node_expressions": [self.expression("rank", "GT", "0"),
                                                                              self.expression("disk", "IN", "ssd")]}
        self.assertEqual(self.place("between", 2, placement={"affinity": [rule]}), [self.names[1]] * 2)

    def test_a_wish_is_followed_where_it_can_be(self):
        wish = {"topology_key": "node", "weight": 100, "node_expressions": [self.expression("rank", "IN", "2")]}
        self.assertEqual(self.place("wishes", placement={"affinity": [wish]}), [self.names[2]])

    def test_workloads_stay_apart_or_together(self):
        apart = {"topology_key": "kubernetes.io/hostname", "required": True, "workload_selector": {"app": "apart"}}
        nodes = self.place("apart", 3, labels={"app": "apart"}, placement={"anti_affinity": [apart]})
        self.assertEqual(nodes, self.names)
        near = {"topology_key": "node", "required": True, "workload_selector": {"app": "lone"}}
        lone = self.place("lone", labels={"app": "lone"}, placement={"node_selector": {"rank": "1"}})
        self.assertEqual(self.place("near", 2, placement={"affinity": [near]}), lone * 2)

    def test_a_rule_of_spreading_holds(self):
        nodes = self.place("spread", 5, placement={"spread_topology": "node", "max_skew": 1})
        counts = sorted(nodes.count(name) for name in self.names)
        self.assertEqual(counts, [1, 2, 2])

    def test_taints_keep_away_who_does_not_tolerate_them(self):
        self.api.call("UpdateNode", {"node_id": self.names[0], "set_taints": [
            {"key": "gpu", "value": "true", "effect": "TAINT_EFFECT_NO_SCHEDULE"}]})
        self.addCleanup(self.api.call, "UpdateNode", {"node_id": self.names[0], "remove_taints": ["gpu"]})
        self.assertNotIn(self.names[0], self.place("elsewhere", 2))
        tolerant = {"node_selector": {"rank": "0"}, "tolerations": [{"key": "gpu"}]}
        self.assertEqual(self.place("tolerant", placement=tolerant), [self.names[0]])

    def taint(self, node, *changes):
        done = self.ctl("node", "taint", node, *changes)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_no_execute_taint_moves_who_does_not_tolerate_it_surge_first(self):
        here = {"topology_key": "node", "weight": 100, "node_expressions": [self.expression("rank", "IN", "0")]}
        self.assertEqual(self.place("mover", placement={"affinity": [here]}), [self.names[0]])
        tolerant = {"node_selector": {"rank": "0"}, "tolerations": [{"key": "broken"}]}
        self.assertEqual(self.place("stoic", placement=tolerant), [self.names[0]])
        stoic = self.get("stoic").status.replicas[0].id
        self.addCleanup(self.taint, self.names[0], "broken-")
        self.taint(self.names[0], "broken=disk:NO_EXECUTE")

        served = []

        def elsewhere():
            status = self.get("mover").status
            served.append(status.ready_replicas)
            live = [r for r in status.replicas if not r.stop_requested and r.node_id]
            return live and all(r.node_id != self.names[0] for r in live) and status.ready_replicas == 1
        wait_until(elsewhere, 60, "mover to be elsewhere", pause=0.05)
        self.assertGreaterEqual(min(served), 1)
        self.assertEqual(self.get("stoic").status.replicas[0].id, stoic)
        self.assertEqual(self.nodes_of("stoic"), [self.names[0]])

    def test_toleration_seconds_are_how_long_a_replica_stays_and_let_none_come(self):
        here = {"topology_key": "node", "weight": 100, "node_expressions": [self.expression("rank", "IN", "0")]}
        patient = {"key": "broken", "effect": "TAINT_EFFECT_NO_EXECUTE", "toleration_seconds": 3}
        at_once = {"key": "broken", "effect": "TAINT_EFFECT_NO_EXECUTE", "toleration_seconds": 0}
        self.assertEqual(self.place("patient", placement={"affinity": [here], "tolerations": [patient]}), [self.names[0]])
        self.assertEqual(self.place("hasty", placement={"affinity": [here], "tolerations": [at_once]}), [self.names[0]])
        self.addCleanup(self.taint, self.names[0], "broken-")
        tainted = time.monotonic()
        self.taint(self.names[0], "broken:NO_EXECUTE")

        def left(name):
            return lambda: self.nodes_of(name) and self.names[0] not in self.nodes_of(name)
        wait_until(left("hasty"), 60, "hasty to be elsewhere", pause=0.05)
        wait_until(left("patient"), 60, "patient to be elsewhere", pause=0.05)
        self.assertGreaterEqual(time.monotonic() - tainted, 3)
        self.assertNotIn(self.names[0], self.place("late", placement={"affinity": [here], "tolerations": [patient]}))

    def test_who_waits_is_told_why_and_what_would_help_and_goes_on_when_it_is_done(self):
        self.addCleanup(self.delete_and_wait, "wants-nvme")
        self.create("wants-nvme", placement={"node_selector": {"disk": "nvme"}})
        self.assertIn("no node fits", self.reason_of_waiting("wants-nvme"))
        said = self.ctl("workload", "explain", "wants-nvme")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("node_selector", said.stdout)
        exact = json.loads(self.ctl("workload", "explain", "wants-nvme", "-o", "json").stdout)
        self.assertEqual(exact["rejections"], [{"filter": "node_selector", "nodes": 3}])
        self.api.call("UpdateNode", {"node_id": self.names[1], "set_labels": {"disk": "nvme"}})
        self.addCleanup(self.api.call, "UpdateNode", {"node_id": self.names[1], "set_labels": {"disk": "ssd"}})
        self.wait_ready("wants-nvme", 1)
        self.assertEqual(self.nodes_of("wants-nvme"), [self.names[1]])
        placed = self.ctl("workload", "explain", "wants-nvme")
        self.assertIn("utilization", placed.stdout)
        fragments = self.ctl("node", "fragments", self.names[1])
        self.assertIn("default/wants-nvme", fragments.stdout)

    def test_the_example_can_be_applied(self):
        self.addCleanup(self.delete_and_wait, "web")
        done = self.ctl("workload", "apply", "-f", str(ROOT / "config/workloads/placed.yaml"), "--wait")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.nodes_of("web"), self.names[:2])

    def test_higher_priority_is_placed_first(self):
        """Both wait for the same room; when it comes, the higher one gets it."""
        self.addCleanup(self.delete_and_wait, "low")
        self.addCleanup(self.delete_and_wait, "high")
        apart = {"topology_key": "node", "required": True, "workload_selector": {"seat": "one"}}
        seat = {"labels": {"seat": "one"}, "placement": {"node_selector": {"seat": "one"}, "anti_affinity": [apart]}}
        self.create("low", **seat)
        self.create("high", priority=10, **seat)
        self.reason_of_waiting("low")
        self.reason_of_waiting("high")
        self.api.call("UpdateNode", {"node_id": self.names[2], "set_labels": {"seat": "one"}})
        self.addCleanup(self.api.call, "UpdateNode", {"node_id": self.names[2], "remove_labels": ["seat"]})
        self.wait_ready("high", 1)
        self.assertEqual(self.nodes_of("low"), [])

    def more_than_half_a_node(self):
        """A request of which each node has room for one."""
        nodes = self.api.call("ListNodes", {}).nodes
        least = min(node.allocatable.cpu_millicores for node in nodes)
        most = max(node.allocatable.cpu_millicores for node in nodes)
        self.assertLess(most, 2 * (least * 3 // 5))
        return {"requests": {"cpu_millicores": least * 3 // 5}}

    def test_a_gang_starts_together_or_not_at_all(self):
        self.addCleanup(self.delete_and_wait, "gang")
        self.create("gang", 4, all_or_nothing=True, resources=self.more_than_half_a_node())
        self.assertIn("all or nothing: 3 of 4 would fit; no node fits", self.reason_of_waiting("gang"))
        self.assertEqual(self.nodes_of("gang"), [])
        self.api.call("ScaleWorkload", {"name": "gang", "replicas": 3})
        self.wait_ready("gang", 3)
        self.assertEqual(self.nodes_of("gang"), self.names)
        too_many = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "ScaleWorkload", {"name": "gang", "replicas": 65})
        self.assertIn("replicas", too_many)

    def test_a_higher_priority_takes_the_place_of_a_lower_one_above_its_floor(self):
        room = self.more_than_half_a_node()
        self.place("humble", 3, resources=room, rollout={"min_available": 2})
        self.addCleanup(self.delete_and_wait, "urgent")
        self.create("urgent", 2, resources=room, priority=5)
        wait_until(lambda: self.get("urgent").status.ready_replicas == 1, 30, "one of urgent to be ready", pause=0.05)
        # One was evicted for it; its replacement waits, and the floor keeps the other two.
        self.assertEqual(len(self.nodes_of("urgent")), 1)
        protected = "could make room, but the availability of their workloads does not allow it now"
        wait_until(lambda: protected in self.reason_of_waiting("urgent"), 30, "the reason to name the floor", pause=0.05)
        self.assertIn("no node fits", self.reason_of_waiting("humble"))
        self.assertEqual(self.get("humble").status.ready_replicas, 2)
        self.api.call("UpdateWorkload", {"name": "humble", "spec": {"rollout": {"min_available": 1}}, "update_mask": "rollout.minAvailable"})
        self.wait_ready("urgent", 2)
        self.assertEqual(sorted(self.nodes_of("urgent") + self.nodes_of("humble")), self.names)

    def test_a_gang_takes_the_places_of_lower_ones_for_all_of_it_or_for_none(self):
        room = self.more_than_half_a_node()
        self.place("humble", 3, resources=room, rollout={"min_available": 2})
        self.addCleanup(self.delete_and_wait, "gang")
        self.create("gang", 2, resources=room, priority=5, all_or_nothing=True)
        self.assertIn("all or nothing: 1 of 2 would fit, some of them once others have ended", self.reason_of_waiting("gang"))
        self.assertEqual(self.get("humble").status.ready_replicas, 3)
        self.api.call("UpdateWorkload", {"name": "humble", "spec": {"rollout": {"min_available": 1}}, "update_mask": "rollout.minAvailable"})
        self.wait_ready("gang", 2)
        self.assertEqual(sorted(self.nodes_of("gang") + self.nodes_of("humble")), self.names)

    def test_what_no_node_could_meet_is_refused_with_its_path(self):
        rule = {"topology_key": "rack", "required": True, "workload_selector": {"app": "x"}}
        said = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "CreateWorkload",
                            {"name": "bad", "spec": {"image": "a", "priority": 1001, "placement": {"affinity": [rule], "max_skew": 0}}})
        for path in ("spec.placement.affinity[0].topology_key", "spec.placement.max_skew", "spec.priority"):
            self.assertIn(path, said)
