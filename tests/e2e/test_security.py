"""What a workload says about its security, from the API to the process on the node."""
import re

import grpc

from client import V1, ClusterTest, wait_until

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

    def test_a_bad_value_is_refused_with_its_path(self):
        for field, path in (({"capabilities_add": ["NET_ADMN"]}, r"spec.security_context.capabilities_add\[0\]"),
                            ({"seccomp": "LOCALHOST/../../etc/passwd"}, "spec.security_context.seccomp"),
                            ({"sysctls": {"vm.swappiness": "1"}}, r"spec.security_context.sysctls\[vm.swappiness\]"),
                            ({"run_as_non_root": True, "run_as_user": 0}, "spec.security_context.run_as_user")):
            words = self.refused(CODE.INVALID_ARGUMENT, "CreateWorkload",
                                 {"name": "bad", "spec": {"image": V1, "security_context": field}})
            self.assertRegex(words, path)

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
