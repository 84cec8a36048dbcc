"""Volumes, files and storage limits from a manifest to what the container sees, and to nothing when it is gone."""
import base64
import hashlib
import json
import pathlib
import random
import signal
import subprocess
import time

import grpc

from client import ClusterTest, V1, wait_until

MANIFEST = """
apiVersion: cloudless.io/v1
kind: Workload
metadata: {{name: {name}}}
spec:
  image: {image}
  imagePullPolicy: NEVER
  terminationGracePeriodMs: 1000
  volumes:
    - {{name: data, mountPath: /data, emptyDir: {{}}}}
    - {{name: fast, mountPath: /fast, emptyDir: {{memory: true, sizeLimit: 1Mi}}}}
    - {{name: shared, mountPath: /shared, readOnly: true, hostPath: {{path: {shared}}}}}
  configFiles:
    - path: /etc/hello/hello.conf
      mode: 0640
      content: |
        greeting = hello
        # two lines
    - {{path: /data/blob, contentBase64: AAH/}}
"""


class Volumes(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls.cluster.agents[0]
        cls.shared = cls.cluster.dir / "shared"
        cls.shared.mkdir()
        (cls.shared / "from-the-node").write_text("node\n")
        cls.agent.options = ["--policy-host-paths", f"{cls.shared}=read_only", "--volume-limits", "image"]
        cls.restart_agent(signal.SIGTERM)

    @classmethod
    def restart_agent(cls, sig):
        cls.agent.process.stop(sig)
        cls.cluster.start_agent(cls.agent)
        cls.cluster.wait_nodes()

    def mounts(self):
        lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
        return [line.split()[1] for line in lines if line.split()[1].startswith(f"{self.agent.dir}/volumes/")]

    def loops(self):
        files = [f.read_text().strip() for f in pathlib.Path("/sys/block").glob("loop*/loop/backing_file")]
        return [f for f in files if f.startswith(str(self.agent.dir))]

    def kept(self):
        folder = self.agent.dir / "volumes"
        return sorted(f.name for f in folder.iterdir() if not f.name.startswith(".")) if folder.exists() else []

    def wait_nothing_left(self):
        wait_until(lambda: not self.kept() and not self.mounts() and not self.loops(), 30,
                   f"volumes to be gone; there are {self.kept()}, {self.mounts()}, {self.loops()}", pause=0.1)

    def sh(self, name, script):
        """What a script in the workload's first ready replica prints; an agent that has just come back may not be linked yet."""
        def tried():
            done = self.cluster.ctl("workload", "exec", name, "--", "sh", "-c", script, check=False)
            self.last_error = done.stderr
            return done if done.returncode != 125 else None
        return wait_until(tried, 30, f"a command in {name}", pause=0.2).stdout

    def test_a_manifest_with_volumes_and_files_is_what_the_container_sees(self):
        text = MANIFEST.format(name="seen", image=V1, shared=self.shared)
        self.cluster.ctl("workload", "apply", "-f", "-", "--wait", input=text)
        self.assertEqual(self.sh("seen", "cat /etc/hello/hello.conf; stat -c %a:%u /etc/hello/hello.conf; od -An -tx1 /data/blob; "
                                         "cat /shared/from-the-node; touch /shared/x 2>/dev/null || echo fixed; echo mine >/data/f; "
                                         "dd if=/dev/zero of=/fast/f bs=64k 2>&1 | head -1"),
                         "greeting = hello\n# two lines\n640:0\n 00 01 ff\nnode\nfixed\n"
                         "dd: error writing '/fast/f': No space left on device\n")
        printed = json.loads(self.cluster.ctl("workload", "get", "seen", "-o", "json").stdout)
        self.assertEqual(printed["spec"]["config_files"][0], {"path": "/etc/hello/hello.conf",
                                                              "content": "greeting = hello\n# two lines\n", "mode": "0640"})
        self.assertEqual(printed["spec"]["config_files"][1]["content_base64"], "AAH/")
        version = printed["status"]["version"]
        self.cluster.ctl("workload", "apply", "-f", "-", input=text)
        self.assertEqual(self.get("seen").status.version, version)
        # The container dies and comes again in place, and finds what it wrote; a new file is a new version.
        before = self.get("seen").status.replicas[0]
        subprocess.run(["ctr", "-a", self.cluster.socket, "-n", self.agent.namespace, "tasks", "kill", "-s", "KILL",
                        before.container_id], check=True)
        wait_until(lambda: [r.attempt for r in self.get("seen").status.replicas if r.ready] == [2], 30, "the second attempt", pause=0.1)
        self.assertEqual(self.sh("seen", "cat /data/f; stat -c %s /fast/f"), "mine\n1048576\n")
        self.cluster.ctl("workload", "apply", "-f", "-", "--wait", input=text.replace("hello\n", "goodbye\n"))
        self.assertEqual(self.sh("seen", "head -1 /etc/hello/hello.conf; ls /data"), "greeting = goodbye\nblob\n")
        self.delete_and_wait("seen")
        self.wait_nothing_left()
        self.assertEqual((self.shared / "from-the-node").read_text(), "node\n")

    def test_what_is_wrong_is_said_by_line_and_what_a_node_does_not_allow_in_the_status(self):
        text = MANIFEST.format(name="wrong", image=V1, shared=self.shared).replace("mountPath: /fast", "mountPath: /proc/x")
        refused = self.cluster.ctl("workload", "apply", "-f", "-", input=text, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(":11:20: spec.volumes[1].mount_path: is '/proc/x': /proc belongs to the kernel", refused.stderr)
        self.create("forbidden", volumes=[{"name": "etc", "mount_path": "/host", "read_only": True, "host_path": {"path": "/etc"}}])
        why = "does not allow host path /etc (policy.host_paths)"
        wait_until(lambda: any(why in r.reason for r in self.get("forbidden").status.replicas), 30,
                   f"the reason {why!r}; now:\n{self.get('forbidden')}", pause=0.1)
        self.delete_and_wait("forbidden")
        self.wait_nothing_left()

    def test_a_bad_value_of_any_field_is_refused_with_its_path(self):
        """Through the API, as a client meets it."""
        def volume(**more):
            return {"volumes": [{"name": "v", "mount_path": "/v", "empty_dir": {}, **more}]}

        def file(**more):
            return {"config_files": [{"path": "/f", **more}]}
        large = base64.b64encode(b"x" * 600_000).decode()
        rows = {
            "spec.volumes[0].name": volume(name="Big"),
            "spec.volumes[0].mount_path": volume(mount_path="/a/../b"),
            "spec.volumes[0]": {"volumes": [{"name": "v", "mount_path": "/v"}]},
            "spec.volumes[0].empty_dir.size_limit_bytes": volume(empty_dir={"size_limit_bytes": 1}),
            "spec.volumes[0].host_path.path": {"volumes": [{"name": "v", "mount_path": "/v", "host_path": {"path": "srv"}}]},
            "spec.volumes[1].mount_path": {"volumes": volume()["volumes"] + [{"name": "w", "mount_path": "/v", "empty_dir": {}}]},
            "spec.config_files[0].path": file(path="/proc/x"),
            "spec.config_files[0].mode": file(mode=0o1000),
            "spec.config_files": {"config_files": [{"path": f"/f{i}"} for i in range(65)]},
        }
        for path, spec in rows.items():
            with self.subTest(path):
                words = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "CreateWorkload", {"name": "bad", "spec": {"image": V1, **spec}})
                self.assertIn(f"\n{path}: ", words)
        # Together with the rest more than a request may be: cut off before it is looked at.
        words = self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "CreateWorkload", {"name": "bad", "spec": {
            "image": V1, "config_files": [{"path": "/f", "content": large}, {"path": "/g", "content": large}]}})
        self.assertIn("larger", words)

    def test_storage_is_reserved_and_limited(self):
        self.create("large", resources={"requests": {"cpu_millicores": 10, "memory_bytes": 8 << 20, "storage_bytes": 1 << 50}})
        wait_until(lambda: "storage" in self.get("large").status.reason, 30, "the reason why it has no place", pause=0.1)
        self.delete_and_wait("large")
        self.create("limited", resources={"requests": {"cpu_millicores": 10, "memory_bytes": 8 << 20},
                                          "limits": {"storage_bytes": 16 << 20}},
                    volumes=[{"name": "d", "mount_path": "/d", "empty_dir": {"size_limit_bytes": 16 << 20}}])
        self.wait_ready("limited", 1)
        self.assertEqual(self.sh("limited", "for f in /d/f /f; do dd if=/dev/zero of=$f bs=64k count=1000 2>&1 | head -1; done"),
                         "dd: error writing '/d/f': No space left on device\ndd: error writing '/f': No space left on device\n")
        self.assertEqual(len(self.loops()), 2)
        self.delete_and_wait("limited")
        self.wait_nothing_left()

    def test_the_largest_files_reach_every_replica(self):
        content = bytes(range(256)) * 4000  # with the rest of the request just below 1 MiB
        self.create("big-files", replicas=20, config_files=[{"path": "/big", "content": base64.b64encode(content).decode()}])
        self.wait_ready("big-files", 20, seconds=120)
        self.assertEqual(self.sh("big-files", "md5sum </big").split()[0], hashlib.md5(content).hexdigest())
        self.delete_and_wait("big-files")
        self.wait_nothing_left()

    def test_an_agent_that_is_killed_at_any_point_leaves_nothing(self):
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        with self.subTest(seed=seed):
            for round_number in range(4):
                name = f"crash{round_number}"
                self.create(name, replicas=4, volumes=[
                    {"name": "d", "mount_path": "/d", "empty_dir": {}},
                    {"name": "l", "mount_path": "/l", "empty_dir": {"size_limit_bytes": 4 << 20}},
                    {"name": "m", "mount_path": "/m", "empty_dir": {"memory": True}},
                    {"name": "h", "mount_path": "/h", "read_only": True, "host_path": {"path": str(self.shared)}},
                ], config_files=[{"path": "/c", "content": "eA=="}])
                time.sleep(dice.random())  # no condition to await: any point is meant
                self.restart_agent(signal.SIGKILL)
                self.wait_ready(name, 4)
                self.assertEqual(len(self.kept()), 4)
                self.assertEqual(self.sh(name, "cat /c /h/from-the-node; ls /d; echo x >/m/x"), "xnode\n")
                uid = self.api.call("DeleteWorkload", {"name": name}).uid
                time.sleep(dice.random())
                self.restart_agent(signal.SIGKILL)
                self.wait_gone(uid)
                self.wait_nothing_left()
            self.assertEqual((self.shared / "from-the-node").read_text(), "node\n")
