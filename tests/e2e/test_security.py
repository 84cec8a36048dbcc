"""What a workload says about its security, from the API to the process on the node."""
import re

import grpc

from client import V1, ClusterTest, wait_until, workload_pb2

CODE = grpc.StatusCode


def status_of(cluster, agent, container):
    """The lines of /proc/<pid>/status of a container's first process."""
    table = cluster.ctr("-n", agent.namespace, "tasks", "ls").stdout
    pid = next(line.split()[1] for line in table.splitlines() if line.startswith(container))
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


class Security(ClusterTest):
    agents = 1

    def test_a_container_is_confined_and_a_workload_says_how(self):
        self.create("plain")
        self.create("strict", security_context={
            "run_as_user": 1234, "run_as_group": 2345, "supplemental_groups": [50], "run_as_non_root": True,
            "capabilities_drop": ["ALL"], "sysctls": {"net.ipv4.ip_unprivileged_port_start": "1"}},
            command=["sleep", "100000"])
        expected = {"plain": {"Uid": ["0"] * 4, "CapEff": ["00000000000404fb"], "NoNewPrivs": ["1"], "Seccomp": ["2"]},
                    "strict": {"Uid": ["1234"] * 4, "Gid": ["2345"] * 4, "Groups": ["50"], "CapEff": ["0" * 16],
                               "CapBnd": ["0" * 16], "NoNewPrivs": ["1"], "Seccomp": ["2"]}}
        for name, lines in expected.items():
            replica = self.wait_ready(name, 1).status.replicas[0]
            status = status_of(self.cluster, self.cluster.agents[0], replica.container_id)
            self.assertEqual({key: status[key] for key in lines}, lines)
        self.assertEqual(self.get("strict").spec.security_context.run_as_user, 1234)
        for name in expected:
            self.delete_and_wait(name)

    def test_a_bad_value_of_any_field_is_refused_with_its_path(self):
        """Through the API, as a client meets it; what is yes or no alone cannot be bad."""
        rows = {
            "run_as_user": ({"run_as_non_root": True, "run_as_user": 0}, ""),
            "run_as_group": ({"run_as_group": 4294967295}, ""),
            "supplemental_groups": ({"supplemental_groups": [1, 4294967295]}, "[1]"),
            "capabilities_add": ({"capabilities_add": ["NET_ADMN"]}, "[0]"),
            "capabilities_drop": ({"capabilities_drop": ["KILL", "kill"]}, "[1]"),
            "seccomp": ({"seccomp": "LOCALHOST/../../etc/passwd"}, ""),
            "apparmor": ({"apparmor": "docker-default"}, ""),
            "selinux": ({"selinux": "container_t"}, ""),
            "sysctls": ({"sysctls": {"vm.swappiness": "1"}}, "[vm.swappiness]"),
            "masked_paths": ({"masked_paths": ["/a", "b"]}, "[1]"),
            "read_only_paths": ({"read_only_paths": ["/a/../b"]}, "[0]"),
        }
        fields = {f.name for f in workload_pb2.SecurityContext.DESCRIPTOR.fields if f.type != f.TYPE_BOOL}
        self.assertEqual(set(rows), fields, "a new field needs a row")
        for field, (context, item) in rows.items():
            with self.subTest(field):
                words = self.refused(CODE.INVALID_ARGUMENT, "CreateWorkload",
                                     {"name": "bad", "spec": {"image": V1, "security_context": context}})
                self.assertIn(f"\nspec.security_context.{field}{item}: ", words)
        words = self.refused(CODE.INVALID_ARGUMENT, "CreateWorkload", {"name": "bad", "spec": {"image": V1, "runtime_class": "/bin/runc"}})
        self.assertIn("\nspec.runtime_class: ", words)

    def test_what_a_node_does_not_allow_says_why_and_leaves_nothing(self):
        agent = self.cluster.agents[0]
        wanted = {"root": ({"security_context": {"run_as_non_root": True}}, "run_as_non_root is set.*is root"),
                  "privileged": ({"security_context": {"privileged": True}}, r"policy\.allow_privileged"),
                  "host-pid": ({"security_context": {"host_pid": True}}, r"policy\.allow_host_pid"),
                  "profile": ({"security_context": {"seccomp": "LOCALHOST/none.json"}}, r"seccomp profile none\.json"),
                  "class": ({"runtime_class": "kata"}, r"lacks runtime class kata \(policy\.runtimes\)")}
        for name, (spec, _) in wanted.items():
            self.create(name, **spec)
        for name, (_, reason) in wanted.items():
            wait_until(lambda n=name, r=reason: any(re.search(r, x.reason) for x in self.get(n).status.replicas), 30,
                       f"a reason for {name}; now:\n{self.get(name).status}")
        self.assertEqual([c for c in self.containers(agent) if c.startswith(tuple(wanted))], [])
        for name in wanted:
            self.delete_and_wait(name)
