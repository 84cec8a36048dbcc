"""Images from Debian's docker-registry: one digest for all replicas of a version, credentials from secrets, nothing of them anywhere else."""
import json
import re
import shutil
import subprocess
import sys
import warnings

import grpc

from client import ROOT, ClusterTest, wait_until, workload_pb2
from cluster import Process, free_port, http_get, make_image

USER, PASSWORD = "robot", "correct horse battery staple"
ALWAYS, IF_NOT_PRESENT = "IMAGE_PULL_POLICY_ALWAYS", "IMAGE_PULL_POLICY_IF_NOT_PRESENT"


class Images(ClusterTest):
    agents = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.cluster.dir / "registry"
        cls.folder.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import crypt
        (cls.folder / "htpasswd").write_text(f"{USER}:{crypt.crypt(PASSWORD, '$2b$04$' + 'a' * 21 + 'u')}\n")
        cls.port = free_port()
        cls.registry = f"127.0.0.1:{cls.port}"
        (cls.folder / "config.yml").write_text(json.dumps({
            "version": 0.1, "log": {"level": "error"}, "storage": {"filesystem": {"rootdirectory": str(cls.folder / "data")}},
            "http": {"addr": cls.registry}, "auth": {"htpasswd": {"realm": "test", "path": str(cls.folder / "htpasswd")}}}))
        cls.start_registry()
        cls.addClassCleanup(lambda: cls.process.stop())

    @classmethod
    def start_registry(cls):
        assert shutil.which("docker-registry"), "docker-registry is not installed (Debian: docker-registry)"
        cls.process = Process("docker-registry", ["docker-registry", "serve", cls.folder / "config.yml"], cls.folder / "log")

        def answers():
            cls.process.check()
            try:
                http_get(f"http://{cls.registry}/")
            except OSError:
                return False
            return True
        wait_until(answers, 20, "docker-registry to answer")

    def push(self, version, name):
        """Pushes the sample image of a version ("v1", "v2") under a name; answers with its digest."""
        tar = self.folder / f"{version}.tar"
        if not tar.exists():
            make_image(tar, version)
        self.cluster.ctr("-n", "push", "images", "import", tar)
        local = self.cluster.ctr("-n", "push", "images", "list", "-q").stdout.split()[0]
        digest = next(word for word in self.cluster.ctr("-n", "push", "images", "list").stdout.split() if word.startswith("sha256:"))
        self.cluster.ctr("-n", "push", "images", "push", "--plain-http", "--user", f"{USER}:{PASSWORD}", f"{self.registry}/{name}", local)
        self.cluster.ctr("-n", "push", "images", "rm", "--sync", local)
        return digest

    def create_secret(self, name, password=PASSWORD):
        return self.cluster.ctl("secret", "create-registry", name, "--registry", self.registry, "--username", USER, "--password-stdin",
                                input=password + "\n", stdin=None)

    def from_registry(self, name, image, replicas=2, policy=IF_NOT_PRESENT, secrets=(), **spec):
        return self.create(name, replicas=replicas, image=f"{self.registry}/{image}", image_pull_policy=policy,
                           image_pull_secrets=list(secrets), restart_policy={"backoff": {"initial_ms": 200, "max_ms": 1000}}, **spec)

    def digests(self, name):
        return {r.image_digest for r in self.get(name).status.replicas if r.ready}

    def wait_reason(self, name, *parts):
        def said():
            return all(part in self.get(name).status.reason for part in parts)
        wait_until(said, 30, f"{parts} in the reason of {name}")

    def test_a_version_keeps_its_bytes_while_its_tag_moves(self):
        first = self.push("v1", "team/moving:latest")
        self.create_secret("moving")
        self.from_registry("moving", "team/moving:latest", replicas=1, policy=ALWAYS, secrets=["moving"])
        self.wait_ready("moving", 1)
        second = self.push("v2", "team/moving:latest")
        self.assertNotEqual(first, second)
        self.api.call("ScaleWorkload", {"name": "moving", "replicas": 4})
        w = self.wait_ready("moving", 4)
        self.assertEqual(self.digests("moving"), {first})
        self.assertEqual(len({r.node_id for r in w.status.replicas}), 2)
        # A new version asks anew.
        self.api.call("UpdateWorkload", {"name": "moving", "spec": {"env": [{"name": "X", "value": "1"}]}, "updateMask": "env"})
        self.wait_ready("moving", 4)
        self.assertEqual(self.digests("moving"), {second})
        self.delete_and_wait("moving")

    def test_secrets_open_a_registry_and_are_said_to_be_wrong_or_missing(self):
        self.push("v1", "team/closed:v1")
        self.from_registry("closed", "team/closed:v1", secrets=["closed"])
        self.wait_reason("closed", "refuses access", "pull secret default/closed does not exist")
        self.create_secret("closed", "not it")
        self.wait_reason("closed", "refuses access (no such repository")
        # Nobody has to touch the workload.
        self.create_secret("closed")
        self.wait_ready("closed", 2)
        listed = self.cluster.ctl("secret", "list")
        self.assertIn(self.registry, listed.stdout)
        for output in ("table", "json", "yaml"):
            self.assertNotIn(PASSWORD, self.cluster.ctl("secret", "list", "-o", output).stdout)
        self.assertNotIn("sealed", str(self.api.call("ListSecrets", {})))
        self.cluster.ctl("secret", "delete", "closed")
        self.refused(grpc.StatusCode.NOT_FOUND, "DeleteSecret", {"name": "closed"})
        self.delete_and_wait("closed")

    def test_a_password_is_in_no_log_and_in_no_file_but_the_agents_own(self):
        self.push("v1", "team/quiet:v1")
        self.create_secret("quiet")
        self.from_registry("quiet", "team/quiet:v1", secrets=["quiet"])
        self.wait_ready("quiet", 2)
        found = subprocess.run(["grep", "-rlF", "--exclude-dir=containerd", "--exclude-dir=containerd-state", PASSWORD, self.cluster.dir],
                               capture_output=True, text=True, check=False).stdout.split()
        self.assertEqual(sorted(found), sorted(str(a.dir / "agent-state") for a in self.cluster.agents))
        for agent in self.cluster.agents:
            self.assertEqual((agent.dir / "agent-state").stat().st_mode & 0o777, 0o600)
        self.assertEqual((self.cluster.dir / "coordinator/secrets.key").stat().st_mode & 0o777, 0o600)
        # The key and the store outlive the coordinator; a node that forgot everything is told again.
        self.cluster.coordinator.stop()
        self.cluster.start_coordinator()
        self.cluster.wait_nodes()
        self.api.call("ScaleWorkload", {"name": "quiet", "replicas": 3})
        self.wait_ready("quiet", 3)
        self.delete_and_wait("quiet")

        def forgotten():
            return all(PASSWORD.encode() not in (a.dir / "agent-state").read_bytes() for a in self.cluster.agents)
        wait_until(forgotten, 20, "agents to forget credentials that no replica of theirs names")

    def test_a_registry_that_is_away_is_named_and_comes_back(self):
        self.push("v1", "team/away:v1")
        self.create_secret("away")
        self.process.stop()
        self.from_registry("away", "team/away:v1", secrets=["away"])
        self.wait_reason("away", "the registry cannot be reached")
        self.start_registry()
        self.wait_ready("away", 2)
        self.assertEqual(len(self.digests("away")), 1)
        self.delete_and_wait("away")

    def test_how_far_a_pull_is_is_in_the_status(self):
        tar = self.folder / "slow.tar"
        make_image(tar, "slow")
        slow = subprocess.Popen([sys.executable, ROOT / "tests/support/registry.py", tar], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(slow.communicate)
        port = int(slow.stdout.readline())
        self.create("slow", image=f"127.0.0.1:{port}/slow/app:v0", image_pull_policy=IF_NOT_PRESENT)

        def told():
            return next((r.reason for r in self.get("slow").status.replicas if re.search(r"pulling, \d+ of \d+ ", r.reason)), None)
        wait_until(told, 30, f"how far the pull is; now:\n{self.get('slow')}", pause=0.05)
        self.assertEqual(self.wait_ready("slow", 1).status.replicas[0].reason, "")
        self.delete_and_wait("slow")

    def test_images_that_were_imported_differ_between_nodes_and_one_of_them_says_so(self):
        # The same tag, other bytes on the second node.
        for number, agent in enumerate(self.cluster.agents):
            tar = self.folder / f"mixed-{number}.tar"
            make_image(tar, f"mixed{number}")
            self.cluster.ctr("-n", "mixed", "images", "import", tar)
            local = self.cluster.ctr("-n", "mixed", "images", "list", "-q").stdout.split()[0]
            self.cluster.ctr("-n", "mixed", "images", "tag", local, "cloudless.local/mixed:v1")
            self.cluster.ctr("-n", "mixed", "images", "export", self.folder / "export.tar", "cloudless.local/mixed:v1")
            self.cluster.ctr("-n", agent.namespace, "images", "import", self.folder / "export.tar")
            for image in self.cluster.ctr("-n", "mixed", "images", "list", "-q").stdout.split():
                self.cluster.ctr("-n", "mixed", "images", "rm", "--sync", image)
        self.create("mixed", replicas=2, image="cloudless.local/mixed:v1")

        def one_refuses():
            replicas = self.get("mixed").status.replicas
            ready = [r for r in replicas if r.ready]
            refused = [r for r in replicas if "as sha256:" in r.reason and "and this version runs sha256:" in r.reason]
            return len(ready) == 1 and len(refused) == 1 and refused[0].state in (workload_pb2.Replica.BACKOFF, workload_pb2.Replica.PREPARING)
        wait_until(one_refuses, 30, f"one replica to run and one to be refused; now:\n{self.get('mixed')}")
        self.assertEqual(len(self.digests("mixed")), 1)
        self.delete_and_wait("mixed")
