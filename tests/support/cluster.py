#!/usr/bin/env python3
"""A whole Cloudless cluster on this machine: its own containerd, a coordinator, agents; all of it real, none of it left behind.

Used by `./dev run`, the end-to-end tests and the benchmarks. Everything lives in one run directory; every name that the kernel or
containerd shares between clusters (bridges, subnets, containerd namespaces) carries the cluster's tag, so several can run at once.
"""
import argparse
import contextlib
import ipaddress
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("CLOUDLESS_BUILD", "build")
STATE_FILE = ROOT / "run" / "cluster.json"
DEFAULT_PORTS = {"grpc": 8080, "http": 8081, "metrics": 9090, "ring": 9094, "link": 9093, "agent_http": 9091, "agent_grpc": 9092}
IMAGE = "cloudless.local/hello"


class ClusterError(Exception):
    """Says what went wrong and where to look."""


def wait_until(condition, seconds, what, pause=0.02):
    """Awaits a condition; its last value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {seconds:g} s for {what}")
        time.sleep(pause)


_reserved = {}  # port: the socket that keeps other runs of these tests away from it


def free_port():
    """Free now, and of nobody else among our tests as long as this process lives; below the range that the kernel gives to outgoing
    connections."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = 10000 + secrets.randbelow(max(lowest, 12000) - 10000)
        mark = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError), socket.socket() as s:
            mark.bind(f"\0cloudless-test-port-{port}")
            s.bind(("127.0.0.1", port))
            _reserved[port] = mark
            return port
        mark.close()


def free_subnet(taken):
    """A /24 of 10.64.0.0/10 that no route of this machine touches."""
    routes = subprocess.run(["ip", "-json", "route"], check=True, capture_output=True, text=True).stdout
    used = [ipaddress.ip_network(r["dst"]) for r in json.loads(routes or "[]") if r["dst"] != "default"] + list(taken)
    while True:
        number = secrets.randbelow(1 << 14)
        candidate = ipaddress.ip_network(f"10.{64 + (number >> 8)}.{number & 255}.0/24")
        if not any(candidate.overlaps(u) for u in used):
            return candidate


def http_get(url, timeout=10):
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return reply.read().decode()


class Process:
    """A process of ours with its log file."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          start_new_session=True, env={**os.environ, **(env or {})})

    def alive(self):
        return self.popen.poll() is None

    def check(self):
        if not self.alive():
            tail = pathlib.Path(self.log).read_text(errors="replace").splitlines()[-15:]
            raise ClusterError(f"{self.name} ended with {self.popen.returncode}; the end of {self.log}:\n" + "\n".join(tail))
        return False

    def stop(self, sig=signal.SIGTERM, seconds=10):
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                self.popen.send_signal(sig)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()


class Agent:
    """Everything that belongs to one node."""

    def __init__(self, cluster, number):
        self.name = f"node-{number}"
        self.dir = cluster.dir / self.name
        self.dir.mkdir(parents=True, exist_ok=True)
        self.namespace = f"cloudless-{cluster.tag}{self.name}"
        self.bridge = f"cl{cluster.tag}{number}"
        self.cgroup_parent = "/cloudless" if cluster.default_ports else f"/{self.namespace}"
        self.subnet = free_subnet([a.subnet for a in cluster.agents])
        first = number == 1 and cluster.default_ports
        self.grpc_port = DEFAULT_PORTS["agent_grpc"] if first else free_port()
        self.http_port = DEFAULT_PORTS["agent_http"] if first else free_port()
        self.options = []  # more of the command line
        self.machine = ()  # what runs a command on the machine that it is on; empty: this one
        self.process = None


class Cluster:
    """Start it, use it, stop it; `with Cluster() as c` stops it whatever happens."""

    def __init__(self, agents=1, default_ports=False, system_containerd=False, progress=lambda text: None, coordinator_options=(),
                 agent_options=()):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="cloudless.", dir="/var/tmp"))
        self.tag = "" if default_ports else secrets.token_hex(2)
        self.default_ports = default_ports
        self.progress = progress
        self.ports = dict(DEFAULT_PORTS) if default_ports else {k: free_port() for k in DEFAULT_PORTS}
        self.own_containerd = not system_containerd
        self.socket = self.dir / "containerd.sock" if self.own_containerd else pathlib.Path("/run/containerd/containerd.sock")
        self.secret = self.dir / "secret"
        self.coordinator_options = list(coordinator_options)  # for the next start
        self.agent_options = list(agent_options)
        self.client_options = []  # of cloudlessctl
        self.containerd = self.coordinator = None
        self.host = "127.0.0.1"  # where others find the coordinator's link and ring
        self.others = {}  # processes beside the usual ones, by name
        self.agents = []
        for number in range(1, agents + 1):
            self.agents.append(Agent(self, number))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def server(self):
        return f"127.0.0.1:{self.ports['grpc']}"

    # -- parts ---------------------------------------------------------------------------------------------------------

    def start(self):
        self.progress("starting containerd")
        self.start_containerd()
        self.progress("making and loading the sample images")
        self.load_images()
        self.progress("starting the coordinator")
        self.start_coordinator()
        for agent in self.agents:
            self.progress(f"starting the agent of {agent.name}")
            self.start_agent(agent)
        self.wait_nodes()
        return self

    def start_containerd(self):
        if self.own_containerd:
            config = self.dir / "containerd.toml"
            config.write_text(f"""version = 2
root = "{self.dir}/containerd"
state = "{self.dir}/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.restart"]
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.dir}/opt"
""")
            self.containerd = Process("containerd", ["containerd", "--config", config], self.dir / "containerd.log")
        wait_until(lambda: self.ctr("version", check=False).returncode == 0 or (self.containerd and self.containerd.check()), 30,
                   f"containerd at {self.socket}")

    def load_images(self):
        for version in ("v1", "v2"):
            tar = self.dir / f"hello-{version}.tar"
            make_image(tar, version)
            for agent in self.agents:
                self.ctr("-n", agent.namespace, "images", "import", tar)

    def start_coordinator(self):
        self.coordinator = Process("coordinator", [
            BUILD / "services/coordinator/cloudless-coordinator",
            "--data-dir", self.dir / "coordinator",
            "--grpc-address", f"127.0.0.1:{self.ports['grpc']}",
            "--http-address", f"127.0.0.1:{self.ports['http']}",
            "--metrics-address", f"127.0.0.1:{self.ports['metrics']}",
            "--link-address", f"{self.host}:{self.ports['link']}",
            "--ring-address", f"{self.host}:{self.ports['ring']}",
            "--secret-file", self.secret, *self.coordinator_options,
        ], self.dir / "coordinator.log")
        self.wait_ready(self.coordinator, self.ports["http"])

    def start_other(self, name, executable, *options, machine=()):
        """Another executable of ours, with the secret of this cluster's ring; started again under its name after its end."""
        command = [*machine, BUILD / executable, "--secret-file", f"{self.secret}.ring", *options]
        self.others[name] = Process(name, command, self.dir / f"{name}.log")
        return self.others[name]

    def start_gateway(self, grpc_port, http_port):
        process = self.start_other("gateway", "services/gateway/cloudless-gateway", "--coordinator", f"127.0.0.1:{self.ports['ring']}",
                                   "--grpc-address", f"127.0.0.1:{grpc_port}", "--http-address", f"127.0.0.1:{http_port}",
                                   "--metrics-address", "off")
        self.wait_ready(process, http_port)
        return process

    def wait_ready(self, process, port, seconds=30):
        def ready():
            process.check()
            with contextlib.suppress(OSError):
                return http_get(f"http://127.0.0.1:{port}/ready")
        wait_until(ready, seconds, f"{process.name} to be ready")

    def start_agent(self, agent):
        agent.process = Process(f"agent of {agent.name}", [
            *agent.machine, BUILD / "services/agent/cloudless-agent",
            "--node-name", agent.name,
            "--coordinator", f"{self.host}:{self.ports['link']}",
            "--secret-file", self.secret,
            "--state-dir", agent.dir,
            "--runtime-dir", agent.dir / "running",
            "--log-dir", agent.dir / "logs",
            "--containerd-socket", self.socket,
            "--containerd-namespace", agent.namespace,
            "--cgroup-parent", agent.cgroup_parent,
            "--bridge", agent.bridge,
            "--subnet", agent.subnet,
            "--grpc-address", f"127.0.0.1:{agent.grpc_port}",
            "--http-address", f"127.0.0.1:{agent.http_port}",
            "--logger", BUILD / "services/logger/cloudless-logger",
            *self.agent_options,
            *agent.options,
        ], self.dir / f"{agent.name}.log")

    def nodes(self):
        result = self.ctl("node", "list", "-o", "json", check=False)
        return json.loads(result.stdout).get("nodes", []) if result.returncode == 0 and result.stdout.strip() else []

    def wait_nodes(self, seconds=30):
        def all_ready():
            for agent in self.agents:
                agent.process.check()
            return sum(n.get("state") == "READY" for n in self.nodes()) >= len(self.agents)
        wait_until(all_ready, seconds, "all nodes to be READY", pause=0.1)

    # -- tools ---------------------------------------------------------------------------------------------------------

    def ctr(self, *args, check=True):
        return subprocess.run(["ctr", "--address", self.socket, *map(str, args)], check=check, capture_output=True, text=True)

    def ctl(self, *args, check=True, **kwargs):
        """Runs cloudlessctl against this cluster."""
        kwargs.setdefault("capture_output", True)
        return subprocess.run([BUILD / "services/cloudlessctl/cloudlessctl", "--server", self.server, *self.client_options,
                               *map(str, args)], check=check, text=True, **kwargs)

    def workload(self, name):
        """The workload as JSON, or None."""
        result = self.ctl("workload", "get", name, "-o", "json", check=False)
        return json.loads(result.stdout) if result.returncode == 0 else None

    # -- the end -------------------------------------------------------------------------------------------------------

    def stop(self):
        """Stops and removes everything, in the order in which nothing is started again."""
        for process in (*self.others.values(), *(agent.process for agent in self.agents if agent.process)):
            process.stop()
        if self.coordinator:
            self.coordinator.stop()
        for agent in self.agents:
            self.remove_containers(agent)
            subprocess.run(["ip", "link", "del", agent.bridge], capture_output=True, check=False)
            subprocess.run(["nft", "delete", "table", "ip", agent.namespace], capture_output=True, check=False)
        if self.containerd:
            self.containerd.stop()
            self.end_leftovers()
        for mount in reversed(mounts_below(self.dir)):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def remove_containers(self, agent):
        containers = self.ctr("-n", agent.namespace, "containers", "ls", "-q", check=False).stdout.split()
        tasks = self.ctr("-n", agent.namespace, "tasks", "ls", "-q", check=False).stdout.split()
        for task in tasks:
            self.ctr("-n", agent.namespace, "tasks", "rm", "-f", task, check=False)
        for container in containers:
            self.ctr("-n", agent.namespace, "containers", "rm", container, check=False)
        for link in links_of_bridge(agent.bridge):
            subprocess.run(["ip", "link", "del", link], capture_output=True, check=False)
        remove_groups(agent.cgroup_parent)
        if not self.own_containerd:
            for image in self.ctr("-n", agent.namespace, "images", "ls", "-q", check=False).stdout.split():
                self.ctr("-n", agent.namespace, "images", "rm", "--sync", image, check=False)
            self.ctr("namespaces", "rm", agent.namespace, check=False)

    def end_leftovers(self):
        """What outlives a start that was cut off: shims, and processes in our control groups. Such a one ("runc init", which waits for
        ever for its start) holds the pipes of its container's logger, which ends with it."""
        groups = [f":{agent.cgroup_parent}/" for agent in self.agents]
        members = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and any(group in (entry / "cgroup").read_text() for group in groups):
                    members.append(int(entry.name))
        for pid in (*self.shims(), *members):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ClusterError):
            wait_until(lambda: not self.loggers(), 10, "loggers to end with their containers")
        for pid in self.loggers():
            print(f"logger {pid} outlived its container", file=sys.stderr)
            os.kill(pid, signal.SIGKILL)
        for agent in self.agents:
            remove_groups(agent.cgroup_parent)

    def loggers(self):
        """Process ids of this cluster's loggers."""
        return self.processes(b"cloudless-logger", lambda word: word.startswith(bytes(self.dir) + b"/"))

    def shims(self):
        return self.processes(b"containerd-shim", lambda word: word == str(self.socket).encode())

    @staticmethod
    def processes(program, is_ours):
        """Of this program, with an argument that is ours."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else [b""]
                if program in words[0] and any(map(is_ours, words)):
                    found.append(int(entry.name))
        return found


def remove_groups(parent):
    """An agent's control groups, where they are empty."""
    for root in ("/sys/fs/cgroup", *map(str, pathlib.Path("/sys/fs/cgroup").glob("*/"))):
        ours = pathlib.Path(f"{root}{parent}")
        for group in (*ours.glob("*/*/"), *ours.glob("*/"), ours):
            with contextlib.suppress(OSError):  # not there, or in use
                group.rmdir()


def mounts_below(directory):
    prefix = str(directory) + "/"
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(prefix)]


def links_of_bridge(bridge):
    out = subprocess.run(["ip", "-json", "link", "show", "master", bridge], capture_output=True, text=True, check=False)
    return [link["ifname"] for link in json.loads(out.stdout or "[]") if link] if out.returncode == 0 else []


def make_image(tar, version):
    """The sample: a web server that answers with its version and its host name, from Debian's busybox-static."""
    script = f"""#!/bin/sh
mkdir -p /www
echo "hello {version} from $(hostname)" > /www/index.html
httpd -f -p 8080 -h /www &
server=$!
trap 'kill $server; exit 0' TERM INT
echo "hello {version} serving on port 8080"
wait $server
"""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as entry:
        entry.write(script)
        entry.flush()
        subprocess.run([sys.executable, ROOT / "tests/support/make_image.py", tar, f"{IMAGE}:{version}", entry.name], check=True,
                       capture_output=True)


# -- ./dev run and ./dev image -----------------------------------------------------------------------------------------


class Progress:
    """One line a step, with the time it took."""

    def __init__(self):
        self.begun, self.text = None, None

    def __call__(self, text):
        self.finish()
        self.begun, self.text = time.monotonic(), text
        if sys.stdout.isatty():
            print(f"  … {text}", end="", flush=True)

    def finish(self):
        if self.text:
            start = "\r" if sys.stdout.isatty() else ""
            print(f"{start}  ✓ {self.text} ({time.monotonic() - self.begun:.1f} s)", flush=True)
        self.text = None


def show(title, text):
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}")
    print(text.rstrip(), flush=True)


def demonstrate(cluster, progress):
    """Deploys the sample and shows that it works."""
    progress("deploying config/workloads/hello.yaml and waiting for 2 replicas")
    cluster.ctl("workload", "apply", "-f", ROOT / "config/workloads/hello.yaml", "--wait")
    progress.finish()
    show("$ cloudlessctl node list", cluster.ctl("node", "list").stdout)
    show("$ cloudlessctl workload describe hello", cluster.ctl("workload", "describe", "hello").stdout)
    replicas = [r for r in cluster.workload("hello")["status"]["replicas"] if r.get("ready")]
    lines = wait_until(lambda: (text := cluster.ctl("workload", "logs", "hello").stdout).count("serving") >= len(replicas) and text,
                       10, "the log lines of both replicas", pause=0.1)
    show("$ cloudlessctl workload logs hello", lines)
    address = replicas[0]["address"]

    def answer():
        with contextlib.suppress(OSError):
            return http_get(f"http://{address}:8080/")
    show(f"$ curl http://{address}:8080/", wait_until(answer, 10, f"an answer from {address}"))
    show(f"$ cloudlessctl workload exec {replicas[0]['id']} -- hostname",
         cluster.ctl("workload", "exec", replicas[0]["id"], "--", "hostname").stdout)


def run(arguments):
    parser = argparse.ArgumentParser(prog="./dev run")
    parser.add_argument("--once", action="store_true", help="show that it works, stop everything and exit 0")
    parser.add_argument("--agents", type=int, default=1, metavar="N", help="how many nodes, 1-8 (default: 1)")
    parser.add_argument("--system-containerd", action="store_true", help="use the containerd of this machine")
    options = parser.parse_args(arguments)
    if not 1 <= options.agents <= 8:
        parser.error("--agents takes 1 to 8")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    progress = Progress()
    cluster = Cluster(options.agents, default_ports=True, system_containerd=options.system_containerd, progress=progress)
    try:
        refuse_taken_ports(cluster)
        cluster.start()
        progress.finish()
        remember(cluster)
        demonstrate(cluster, progress)
        if not options.once:
            print(next_steps(cluster), flush=True)
            while not any(p.check() for p in (cluster.coordinator, *(a.process for a in cluster.agents))):
                time.sleep(0.5)
    except KeyboardInterrupt:
        print()
    except (ClusterError, subprocess.CalledProcessError) as error:
        print(f"\n{explain(error)}", file=sys.stderr)
        keep_logs(cluster)
        return 1
    finally:
        progress("stopping and removing everything")
        STATE_FILE.unlink(missing_ok=True)
        cluster.stop()
        progress.finish()
    return 0


def explain(error):
    if isinstance(error, subprocess.CalledProcessError):
        return f"{' '.join(map(str, error.cmd))}\nended with {error.returncode}:\n{error.stdout or ''}{error.stderr or ''}"
    return str(error)


def keep_logs(cluster):
    kept = pathlib.Path(tempfile.mkdtemp(prefix="cloudless-logs.", dir="/var/tmp"))
    for log in cluster.dir.glob("*.log"):
        shutil.copy(log, kept)
    print(f"The logs of this run are in {kept}", file=sys.stderr)


def refuse_taken_ports(cluster):
    for name, port in cluster.ports.items():
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                raise ClusterError(f"port {port} ({name}) of 127.0.0.1 is taken: is another cluster running? Stop it first.") from None


def remember(cluster):
    STATE_FILE.parent.mkdir(exist_ok=True)
    STATE_FILE.write_text(json.dumps({"socket": str(cluster.socket), "namespaces": [a.namespace for a in cluster.agents]}))


def next_steps(cluster):
    ctl = os.path.relpath(BUILD / "services/cloudlessctl/cloudlessctl", os.getcwd())
    return f"""
The cluster is up (coordinator {cluster.server}, logs in {cluster.dir}). In another terminal:
  {ctl} workload list
  {ctl} workload scale hello --replicas 5 --wait
  {ctl} workload logs -f hello
  sed 's/hello:v1/hello:v2/' config/workloads/hello.yaml | {ctl} workload apply -f - --wait
  {ctl} events
Ctrl-C stops and removes everything."""


def image(arguments):
    parser = argparse.ArgumentParser(prog="./dev image")
    parser.add_argument("version", nargs="?", default="v1", choices=["v1", "v2"])
    version = parser.parse_args(arguments).version
    if STATE_FILE.exists():
        state = json.loads(STATE_FILE.read_text())
        with tempfile.TemporaryDirectory() as directory:
            tar = pathlib.Path(directory) / "image.tar"
            make_image(tar, version)
            for namespace in state["namespaces"]:
                subprocess.run(["ctr", "--address", state["socket"], "-n", namespace, "images", "import", tar], check=True,
                               capture_output=True)
    print(f"{IMAGE}:{version}")
    return 0


if __name__ == "__main__":
    verb, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if verb not in ("run", "image"):
        sys.exit("usage: cluster.py run|image [ARGUMENT ...]")
    sys.exit(run(rest) if verb == "run" else image(rest))
