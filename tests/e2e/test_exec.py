"""Commands, connections and files of containers, as a person at a terminal meets them: cloudlessctl behind a real pty."""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import pty
import queue
import select
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

import grpc

from client import Api, ClusterTest, stream_pb2, wait_until
from cluster import BUILD, free_port

CTL = BUILD / "services/cloudlessctl/cloudlessctl"


def runs(word):
    """Whether a command with this word runs, seen from the machine: inside, what joins a container in a chroot may have another root."""
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in entry.read_bytes().split(b"\0"):
                return True
    return False


def resident(pid, key="VmHWM:"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


_words = iter(range(10_000_000, 20_000_000, 100_000))


def word():
    """Seconds that nobody else sleeps."""
    return str(next(_words) + os.getpid() % 100_000)


class Pty:
    """cloudlessctl with a terminal of its own."""

    def __init__(self, *arguments, term="xterm-256color", size=(24, 80)):
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.cooked = termios.tcgetattr(self.slave)
        self.popen = subprocess.Popen([CTL, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                      env={**os.environ, "TERM": term}, start_new_session=True,
                                      preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.text = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def say(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.text += os.read(self.master, 65536)

    def expect(self, text, seconds=30):
        deadline = time.monotonic() + seconds
        while text.encode() not in self.text:
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {text!r}; it said {self.text!r}")
            self.read(0.1)
        self.text = self.text.split(text.encode(), 1)[1]

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def wait(self, seconds=30):
        deadline = time.monotonic() + seconds
        while self.popen.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        return self.popen.wait(1)

    def is_stopped(self):
        return os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None

    def restored(self):
        return termios.tcgetattr(self.slave) == self.cooked

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        os.close(self.master)
        os.close(self.slave)


class Sessions(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway_port = free_port()
        cls.cluster.start_gateway(cls.gateway_port, free_port())

    def setUp(self):
        self.name = "s" + self.id().rsplit(".", 1)[1].replace("_", "-")[5:35].strip("-")
        self.create(self.name, command=["sh", "-c", "mkdir -p /srv; while :; do nc -l -p 7000 -e /bin/cat; done & wait"])
        self.replica = self.wait_ready(self.name, 1).status.replicas[0]

    def tearDown(self):
        self.delete_and_wait(self.name)

    def ctl(self, *arguments, server=None, **options):
        return subprocess.run([CTL, "--server", server or self.cluster.server, *arguments], capture_output=True, timeout=120, check=False,
                              **options)

    def pty(self, *arguments, **options):
        terminal = Pty("--server", self.cluster.server, *arguments, **options)
        self.addCleanup(terminal.close)
        return terminal

    def events(self, kind):
        return [e.message for e in self.api.call("ListEvents", {"workload": self.name, "limit": 1000}).events if e.kind == kind]

    # -- a shell

    def test_a_shell_feels_like_one(self):
        shell = self.pty("exec", "-it", self.name, "--", "sh", size=(33, 111), term="vt220")
        shell.say("echo $((6*7)) $TERM; stty size\n")
        shell.expect("42 vt220\r\n33 111\r\n")
        self.assertTrue(shell.is_raw())
        shell.resize(40, 120)
        wait_until(lambda: shell.say("stty size\n") or shell.read(0.3) or b"40 120" in shell.text, 20, "the new size", pause=0.1)
        shell.say("sleep 1000\n")
        time.sleep(0.3)
        shell.say("\x03")
        shell.say("echo status=$?\n")
        shell.expect("status=130")
        shell.say("echo go; cat\n")
        shell.expect("go\r\n")  # what is typed before, the shell's own line editor takes
        shell.say("typed\n")
        shell.expect("typed\r\ntyped\r\n")
        shell.say("\x04")
        shell.say("exit 7\n")
        self.assertEqual(shell.wait(), 7)
        self.assertTrue(shell.restored())
        ran = wait_until(lambda: self.events("CommandRan"), 10, "the event", pause=0.1)
        self.assertEqual(len(ran), 1)
        self.assertRegex(ran[0], r'^anonymous ran "sh" with a terminal: exit code 7 after \d+\.\d{3} s$')

    def test_the_terminal_comes_back_whatever_ends_it(self):
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1):
            with self.subTest(sig):
                seconds = word()
                shell = self.pty("exec", "-it", self.name, "--", "sh", "-c", f"echo begun; sleep {seconds}")
                shell.expect("begun")
                self.assertTrue(shell.is_raw())
                shell.popen.send_signal(sig)
                self.assertEqual(shell.wait(), -sig)
                self.assertTrue(shell.restored())
                wait_until(lambda s=seconds: not runs(s), 20, "the command to end with its client", pause=0.05)
        with self.subTest("an error"):
            shell = self.pty("exec", "-it", self.name, "--", "/no/such")
            self.assertEqual(shell.wait(), 125)
            self.assertIn(b'command "/no/such" does not exist', shell.text)
            self.assertTrue(shell.restored())
        with self.subTest("stop and go"):
            shell = self.pty("exec", "-it", self.name, "--", "sh")
            shell.say("echo $((1+1))begun\n")
            shell.expect("2begun")
            shell.popen.send_signal(signal.SIGTSTP)
            # As a shell does: go on only once it has stopped; a SIGCONT before that would be followed by the stop.
            wait_until(shell.is_stopped, 10, "cloudlessctl to stop")
            self.assertTrue(shell.restored())
            shell.popen.send_signal(signal.SIGCONT)
            wait_until(shell.is_raw, 10, "raw mode again")
            shell.say("exit\n")
            self.assertEqual(shell.wait(), 0)
            self.assertTrue(shell.restored())

    def test_without_a_terminal_it_says_so_and_goes_on(self):
        done = self.ctl("exec", "-it", self.name, "--", "sh", "-c", "read x; echo got $x; tty", input=b"line\n")
        self.assertIn(b"standard input is not a terminal", done.stderr)
        self.assertIn(b"got line\n", done.stdout)
        self.assertIn(b"not a tty", done.stdout + done.stderr)
        done = self.ctl("exec", self.name, "--", "sh", "-c", "cat; echo out; echo err >&2; exit 3", input=b"not sent")
        self.assertEqual((done.stdout, done.stderr, done.returncode), (b"out\n", b"err\n", 3))
        self.assertEqual(self.ctl("exec", "--timeout", "0.5", self.name, "--", "sleep", "1000").returncode, 124)

    # -- bytes

    def test_100_megabytes_through_cat_come_back_and_memory_stays_small(self):
        with tempfile.TemporaryFile() as data:
            digest = hashlib.sha256()
            for _ in range(100):
                piece = os.urandom(1 << 20)
                data.write(piece)
                digest.update(piece)
            data.seek(0)
            agent, coordinator = self.cluster.agents[0].process.popen.pid, self.cluster.coordinator.popen.pid
            before = {pid: resident(pid, "VmRSS:") for pid in (agent, coordinator)}
            begun = time.monotonic()
            ctl = subprocess.Popen([CTL, "--server", self.cluster.server, "exec", "-i", self.name, "--", "cat"], stdin=data,
                                   stdout=subprocess.PIPE)
            self.addCleanup(ctl.kill)
            came, size = hashlib.sha256(), 0
            while piece := ctl.stdout.read(1 << 20):
                came.update(piece)
                size += len(piece)
                most = resident(ctl.pid)
            self.assertEqual(ctl.wait(30), 0)
            ctl.stdout.close()
            seconds = time.monotonic() - begun
        self.assertEqual((size, came.hexdigest()), (100 << 20, digest.hexdigest()))
        grown = {pid: resident(pid) - before[pid] for pid in before}
        print(f"        100 MiB both ways in {seconds:.1f} s; cloudlessctl {most >> 20} MiB, agent + {grown[agent] >> 20} MiB, "
              f"coordinator + {grown[coordinator] >> 20} MiB")
        self.assertLess(most, 64 << 20)
        self.assertLess(max(grown.values()), 48 << 20)

    def test_a_client_that_does_not_read_makes_nothing_grow(self):
        agent, coordinator = self.cluster.agents[0].process.popen.pid, self.cluster.coordinator.popen.pid
        before = {pid: resident(pid, "VmRSS:") for pid in (agent, coordinator)}
        ctl = subprocess.Popen([CTL, "--server", self.cluster.server, "exec", self.name, "--", "yes"], stdout=subprocess.PIPE)
        time.sleep(3)
        grown = {pid: resident(pid, "VmRSS:") - before[pid] for pid in before}
        self.assertLess(max(grown.values()), 32 << 20)
        self.assertEqual([n["state"] for n in self.cluster.nodes()], ["READY"])
        ctl.stdout.close()
        ctl.kill()
        ctl.wait()
        wait_until(lambda: not runs("yes"), 20, "yes to end with its client", pause=0.05)

    def test_a_whole_mebibyte_of_input_goes_through_the_unary_call(self):
        data = os.urandom(1 << 20)
        reply = self.api.stub.ExecCommand(
            stream_pb2.ExecCommandRequest(replica_id=self.replica.id, command=["sha256sum"], stdin=data), timeout=30)
        self.assertEqual(reply.stdout.split()[0].decode(), hashlib.sha256(data).hexdigest())

    # -- whose end ends it

    def begin(self, server, script, seconds=30):
        """A command that says "begun"; tried again while the way to it is being restored."""
        deadline = time.monotonic() + seconds
        while True:
            ctl = subprocess.Popen([CTL, "--server", server, "exec", "-i", self.name, "--", "sh", "-c", script], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)

            def end(process=ctl):
                if process.stdin.closed:
                    return
                process.kill()
                process.communicate()
            if ctl.stdout.readline() == b"begun\n":
                self.addCleanup(end)
                return ctl
            said = ctl.stderr.read()
            end()
            self.assertLess(time.monotonic(), deadline, said)
            time.sleep(0.2)

    def test_whichever_hop_goes_takes_the_command_and_its_children_along(self):
        def client():
            self.ctl_process.kill()

        def gateway():
            self.cluster.others["gateway"].stop(signal.SIGKILL)

        def coordinator():
            self.cluster.coordinator.stop(signal.SIGKILL)

        def agent():
            self.cluster.agents[0].process.stop(signal.SIGKILL)
            self.cluster.start_agent(self.cluster.agents[0])

        def link():
            # Cut, not closed: neither side hears a word.
            self.cluster.agents[0].process.popen.send_signal(signal.SIGSTOP)
            time.sleep(0.2)
            self.cluster.coordinator.stop(signal.SIGKILL)
            self.cluster.agents[0].process.popen.send_signal(signal.SIGCONT)

        for hop in (client, gateway, coordinator, agent, link):
            with self.subTest(hop.__name__):
                one, two = word(), word()
                server = f"127.0.0.1:{self.gateway_port}" if hop is gateway else self.cluster.server
                self.ctl_process = self.begin(server, f"(setsid sleep {one} </dev/null >/dev/null 2>&1 &); echo begun; sleep {two}")
                wait_until(lambda o=one, t=two: runs(o) and runs(t), 20, "both to run", pause=0.02)
                hop()
                wait_until(lambda o=one, t=two: not runs(o) and not runs(t), 30, f"both to end with the {hop.__name__}", pause=0.02)
                if hop in (coordinator, link):
                    self.cluster.start_coordinator()
                if hop is gateway:
                    del self.cluster.others["gateway"]
                    self.cluster.start_gateway(self.gateway_port, free_port())
                self.ctl_process.wait(30)
                self.cluster.wait_nodes()
                wait_until(lambda: self.wait_ready(self.name, 1), 30, "the replica again")

    def test_ten_at_once_and_no_more(self):
        open_ones = [self.begin(self.cluster.server, "echo begun; cat") for _ in range(10)]
        refused = self.ctl("exec", "-i", self.name, "--", "true", input=b"")
        self.assertEqual(refused.returncode, 125)
        self.assertIn(b"RESOURCE_EXHAUSTED: this node has 10 interactive commands open", refused.stderr)
        self.assertEqual(self.ctl("workload", "list").returncode, 0)
        for number, ctl in enumerate(open_ones):
            out, _ = ctl.communicate(f"{number}\n".encode(), timeout=30)
            self.assertEqual((out, ctl.returncode), (f"{number}\n".encode(), 0))
        self.assertEqual(self.ctl("exec", "-i", self.name, "--", "cat", input=b"again").stdout, b"again")

    # -- messages out of order

    def test_messages_out_of_order_are_refused(self):
        pb = stream_pb2
        opening = pb.ExecInput(open=pb.ExecInput.Open(replica_id=self.replica.id, command=["cat"], stdin=True))
        rows = {
            "input first": [pb.ExecInput(stdin=b"x")],
            "nothing": [pb.ExecInput()],
            "no message": [],
            "opened twice": [opening, opening],
            "nothing said": [opening, pb.ExecInput()],
            "input after its end": [opening, pb.ExecInput(close_stdin=True), pb.ExecInput(stdin=b"x")],
            "closed twice": [opening, pb.ExecInput(close_stdin=True), pb.ExecInput(close_stdin=True)],
            "a piece too long": [opening, pb.ExecInput(stdin=b"x" * 65537)],
            "a signal that is none": [opening, pb.ExecInput(signal=65)],
            "a window too large": [opening, pb.ExecInput(window=pb.WindowSize(columns=65536, rows=1))],
            "no command": [pb.ExecInput(open=pb.ExecInput.Open(replica_id=self.replica.id))],
            "no target": [pb.ExecInput(open=pb.ExecInput.Open(command=["true"]))],
            "a terminal's name": [pb.ExecInput(open=pb.ExecInput.Open(replica_id=self.replica.id, command=["true"], tty=True, term="a b"))],
        }
        for what, messages in rows.items():
            with self.subTest(what):
                with self.assertRaises(grpc.RpcError) as caught:
                    sent = queue.SimpleQueue()
                    for message in messages:
                        sent.put(message)
                    if what == "no message":
                        sent.put(None)
                    list(self.api.stub.Exec(iter(sent.get, None), timeout=20))
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT, caught.exception.details())
        wait_until(lambda: not runs("cat"), 20, "no command to be left", pause=0.05)

    # -- ports

    def forward(self, *arguments):
        ctl = subprocess.Popen([CTL, "--server", self.cluster.server, "port-forward", *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)

        def end():
            if ctl.poll() is None:
                ctl.kill()
            ctl.communicate()
        self.addCleanup(end)
        line = ctl.stdout.readline()
        self.assertTrue(line.startswith("Forwarding 127.0.0.1:"), line + (ctl.stderr.read() if not line else ""))
        return ctl, int(line.split()[1].split(":")[1])

    def test_ports_are_forwarded_with_half_closes_many_at_once(self):
        name = self.name + "-many"
        ports = range(7100, 7120)
        serve = "sha256sum; echo bye"
        self.create(name, command=["sh", "-c", f"for p in $(seq {ports[0]} {ports[-1]}); do "
                                   f"while :; do nc -l -p $p -e sh -c '{serve}'; done & done; wait"])
        self.wait_ready(name, 1)
        ctl, first = self.forward(name, *(f":{port}" for port in ports))
        local = [first] + [int(ctl.stdout.readline().split()[1].split(":")[1]) for _ in ports[1:]]
        for port in local:
            listening = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], check=True, capture_output=True, text=True).stdout
            self.assertEqual(listening.split()[3], f"127.0.0.1:{port}")
        data = os.urandom(3_000_000)
        wanted = f"{hashlib.sha256(data).hexdigest()}  -\nbye\n"
        answers = queue.SimpleQueue()

        def talk(port):
            got = b""
            # It listens once more a moment after it was connected to, and not at all at first.
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=60) as s:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while piece := s.recv(65536):
                        got += piece
                    break
                time.sleep(0.1)
            answers.put(got.decode())
        threads = [threading.Thread(target=talk, args=(port,)) for port in local]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        self.assertEqual([answers.get(timeout=1) for _ in threads], [wanted] * len(threads))
        ctl.send_signal(signal.SIGINT)
        self.assertEqual(ctl.wait(30), 0)
        self.delete_and_wait(name)

    def test_a_port_that_nobody_listens_at_is_said_and_the_next_connection_works(self):
        ctl, port = self.forward(self.name, "0:7999")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(s.recv(10), b"")
        self.assertIn("FAILED_PRECONDITION: port 7999", ctl.stderr.readline())
        ctl.terminate()
        self.assertEqual(ctl.wait(10), 0)
        ctl, port = self.forward(self.replica.id, ":7000")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
            s.sendall(b"echo")
            self.assertEqual(s.recv(10), b"echo")
        ctl.terminate()
        self.assertEqual(ctl.wait(10), 0)
        self.assertEqual(self.ctl("port-forward", "nobody", "80").returncode, 4)
        self.assertEqual(self.ctl("port-forward", self.name, "x").returncode, 2)

    # -- files

    def test_files_and_directories_are_copied_both_ways(self):
        with tempfile.TemporaryDirectory() as folder:
            here = pathlib.Path(folder)
            big = os.urandom(20_000_001)
            (here / "big").write_bytes(big)
            (here / "big").chmod(0o640)
            tree = here / "tree"
            (tree / "deep/deeper").mkdir(parents=True)
            (tree / "deep/deeper/x").write_text("x")
            (tree / "run.sh").write_text("#!/bin/sh\n")
            (tree / "run.sh").chmod(0o755)
            (tree / "empty").write_bytes(b"")
            (tree / "link").symlink_to("deep/deeper/x")
            (tree / "ünï cödé").write_text("name")

            for source, target in ((here / "big", "/srv/big"), (tree, "/srv/tree"), (here / "big", "/srv")):
                done = self.ctl("cp", str(source), f"{self.name}:{target}")
                self.assertEqual((done.returncode, done.stderr), (0, b""), target)
            sums = self.ctl("exec", self.name, "--", "sh", "-c", "sha256sum < /srv/big; stat -c %a /srv/big /srv/tree/run.sh").stdout.split()
            self.assertEqual(sums[0].decode(), hashlib.sha256(big).hexdigest())
            self.assertEqual(sums[2:], [b"640", b"755"])

            back = here / "back"
            back.mkdir()
            for source, target in (("/srv/big", back / "big2"), ("/srv/tree", back)):
                done = self.ctl("cp", f"{self.replica.id}:{source}", str(target))
                self.assertEqual((done.returncode, done.stderr), (0, b""), source)
            self.assertEqual((back / "big2").read_bytes(), big)
            self.assertEqual((back / "big2").stat().st_mode & 0o777, 0o640)
            same = subprocess.run(["diff", "-r", "--no-dereference", tree, back / "tree"], capture_output=True, text=True, check=False)
            self.assertEqual(same.stdout + same.stderr, "")
            self.assertEqual((back / "tree/run.sh").stat().st_mode & 0o777, 0o755)
            copied = wait_until(lambda: self.events("FilesCopied"), 10, "the events", pause=0.1)
            self.assertEqual(len(copied), 5)
            self.assertRegex(copied[0], r'^anonymous copied files to "/srv/big": done after ')

    def test_what_a_container_sends_stays_where_it_was_asked_for(self):
        self.ctl("exec", self.name, "--", "sh", "-c", "mkdir -p /srv/d; echo in > /srv/d/a; ln -s /etc/passwd /srv/d/abs; "
                 "ln -s ../../../up /srv/d/up; ln -s a /srv/d/fine; mkfifo /srv/d/pipe")
        with tempfile.TemporaryDirectory() as folder:
            done = self.ctl("cp", f"{self.name}:/srv/d", folder)
            self.assertEqual(done.returncode, 1)
            for left_out in (b"abs", b"up", b"pipe"):
                self.assertIn(b"d/" + left_out, done.stderr)
            self.assertEqual(sorted(p.name for p in pathlib.Path(folder, "d").iterdir()), ["a", "fine"])
            self.assertEqual(pathlib.Path(folder, "d/fine").read_text(), "in\n")
            missing = self.ctl("cp", f"{self.name}:/no/such", folder)
            self.assertEqual(missing.returncode, 1)
            self.assertIn(b'FAILED_PRECONDITION: "/no/such" cannot be read', missing.stderr)
            self.assertEqual(self.ctl("cp", folder, folder).returncode, 2)

    def test_progress_is_shown_on_a_terminal(self):
        with tempfile.NamedTemporaryFile() as data:
            data.truncate(50_000_000)
            terminal = self.pty("cp", data.name, f"{self.name}:/srv/zeroes")
            self.assertEqual(terminal.wait(60), 0)
            self.assertIn(b"47.7 MiB\r\n", terminal.text)
            self.assertIn(b" of 47.7 MiB", terminal.text)

    # -- the agent's own API

    def test_the_agents_api_has_the_streams_too(self):
        from client import agent_service_pb2_grpc
        channel = grpc.insecure_channel(f"127.0.0.1:{self.cluster.agents[0].grpc_port}")
        self.addCleanup(channel.close)
        stub = agent_service_pb2_grpc.AgentServiceStub(channel)
        pb = stream_pb2
        messages = [pb.ExecInput(open=pb.ExecInput.Open(container_id=self.replica.container_id, command=["cat"], stdin=True)),
                    pb.ExecInput(stdin=b"there and back"), pb.ExecInput(close_stdin=True)]
        said = list(stub.Exec(iter(messages), timeout=20))
        self.assertEqual(b"".join(m.stdout for m in said), b"there and back")
        self.assertEqual(said[-1].end.exit_code, 0)
        with self.assertRaises(grpc.RpcError) as caught:
            list(stub.Exec(iter([pb.ExecInput(open=pb.ExecInput.Open(workload=self.name, command=["cat"]))]), timeout=20))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_through_a_gateway_it_is_the_same(self):
        api = Api(f"127.0.0.1:{self.gateway_port}")
        self.addCleanup(api.close)
        done = self.ctl("exec", "-i", self.name, "--", "wc", "-c", server=f"127.0.0.1:{self.gateway_port}", input=b"x" * 5_000_000)
        self.assertEqual(done.stdout, b"5000000\n", done.stderr)
