"""What an operator meets: processes that end at once, refuse what cannot work and say how to mend it, and keep their secrets."""
import os
import re
import shutil
import signal
import sqlite3
import subprocess

from client import ClusterTest, wait_until
from cluster import BUILD, Process, free_port

COORDINATOR = BUILD / "services/coordinator/cloudless-coordinator"
AGENT = BUILD / "services/agent/cloudless-agent"


def listeners(pid):
    """The addresses at which a process listens."""
    lines = subprocess.run(["ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split()[3].rsplit(":", 1)[0] for line in lines if f"pid={pid}," in line]


class Operator(ClusterTest):
    def processes(self):
        return [self.cluster.coordinator, self.cluster.agents[0].process, *self.cluster.others.values()]

    def coordinator(self, data, *options):
        """What a coordinator says that cannot start."""
        command = [COORDINATOR, "--data-dir", data, "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--link-address",
                   "127.0.0.1:0", "--metrics-address", "off", "--ring-address", "off", "--secret-file", self.cluster.secret]
        flags = dict(zip(options[::2], options[1::2]))
        for flag, value in flags.items():
            if flag in command:
                command[command.index(flag) + 1] = value
            else:
                command += [flag, value]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(result.returncode, 0, result.stderr)
        return result.stderr

    def test_nothing_listens_beyond_this_machine_and_secrets_stay_where_they_are(self):
        for process in self.processes():
            # A node counts as ready for a while without its agent: this one may just have been started again.
            found = wait_until(lambda p=process: listeners(p.popen.pid), 20, f"{process.name} to listen", pause=0.05)
            self.assertLessEqual(set(found), {"127.0.0.1", "[::ffff:127.0.0.1]"}, process.name)
        secrets = [path for path in self.cluster.dir.glob("secret*") if path.is_file()]
        for path in secrets:
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)
        words = [path.read_text().strip() for path in secrets]
        logs = [*self.cluster.dir.glob("*.log"), *(self.cluster.dir / "coordinator").iterdir(), self.cluster.agents[0].dir / "agent-state"]
        for path in (p for p in logs if p.is_file()):
            content = path.read_bytes()
            for word in words:
                self.assertNotIn(word.encode(), content, path)
        self.assertEqual((self.cluster.dir / "coordinator").stat().st_mode & 0o777, 0o700)

    def test_a_store_that_cannot_be_used_is_refused_with_the_way_out(self):
        data = self.cluster.dir / "coordinator"
        self.assertIn("stop the other coordinator", self.coordinator(data))
        self.assertIn("is another process there", self.coordinator(self.cluster.dir / "fresh", "--grpc-address", self.cluster.server))
        broken = self.cluster.dir / "broken"
        broken.mkdir()
        (broken / "store.db").write_bytes(os.urandom(20000))
        self.assertIn("is not a store of Cloudless", self.coordinator(broken))
        newer = self.cluster.dir / "newer"
        self.cluster.coordinator.stop()
        shutil.copytree(data, newer)
        self.cluster.start_coordinator()
        self.cluster.wait_nodes()
        store = sqlite3.connect(newer / "store.db")
        with store:
            store.execute("INSERT INTO schema_history VALUES (1000)")
        store.close()
        self.assertIn("schema version 1000", self.coordinator(newer))

    def test_what_is_open_to_others_is_refused_and_so_are_loose_secrets(self):
        for flag in ("--grpc-address", "--http-address", "--metrics-address"):
            self.assertIn("is open to other machines", self.coordinator(self.cluster.dir / "open", flag, "0.0.0.0:0"), flag)
        loose = self.cluster.dir / "loose"
        loose.write_bytes(self.cluster.secret.read_bytes())
        loose.chmod(0o644)
        self.assertIn(f"chmod 600 {loose}", self.coordinator(self.cluster.dir / "open", "--secret-file", loose))

    def test_an_agent_that_may_not_join_is_told_why(self):
        agent = self.cluster.agents[0]
        wrong = self.cluster.dir / "wrong"
        wrong.write_text("0123456789abcdef" * 4 + "\n")
        wrong.chmod(0o600)
        refusals = self.cluster.dir / "coordinator.log"
        for name, secret, words, tries in (
                (agent.name, self.cluster.secret, "belongs to another machine", r"(?s)(another machine.*){3}"),
                ("stranger", wrong, "same secret file", r"\((3|4|5) refused so far\)")):
            state = self.cluster.dir / f"other-{name}"
            log = self.cluster.dir / f"other-{name}.log"
            process = Process(f"other-{name}", [
                AGENT, "--node-name", name, "--coordinator", f"127.0.0.1:{self.cluster.ports['link']}", "--secret-file", secret,
                "--state-dir", state, "--runtime-dir", state / "running", "--log-dir", state / "logs",
                "--containerd-socket", self.cluster.dir / "absent.sock", "--bridge", agent.bridge, "--subnet", agent.subnet,
                "--grpc-address", "127.0.0.1:0", "--http-address", "off", "--logger", BUILD / "services/logger/cloudless-logger"], log)
            self.addCleanup(process.stop)
            wait_until(lambda p=log, w=words: w in p.read_text(), 20, f"{name} to be told: {words}", pause=0.05)
            wait_until(lambda t=tries: re.search(t, refusals.read_text()), 20, "it to be tried again", pause=0.05)
            self.assertEqual(log.read_text().count(words), 1, "what is wrong is said once")
            process.stop()
        self.assertEqual([n["state"] for n in self.cluster.nodes()], ["READY"])

    def test_every_process_ends_cleanly_when_asked_to(self):
        self.cluster.start_gateway(free_port(), free_port())
        for process in reversed(self.processes()):
            process.stop(signal.SIGTERM)
            self.assertEqual(process.popen.returncode, 0, process.name)
        del self.cluster.others["gateway"]
        self.cluster.start_coordinator()
        self.cluster.start_agent(self.cluster.agents[0])
        self.cluster.wait_nodes()
