"""Machines for a test: network namespaces on one bridge, which this machine is on too. Everything else they share with it."""
import contextlib
import secrets
import socket
import subprocess
import threading

ETH_P_ALL = 3


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Machine:
    def __init__(self, name, link, address):
        self.name, self.link, self.address = name, link, address
        # Its network alone: "ip netns exec" would also hide the control groups.
        self.command = ("nsenter", f"--net=/run/netns/{name}")

    def unplug(self):
        _ip("link", "set", self.link, "down")

    def plug_in(self):
        _ip("link", "set", self.link, "up")


class Machines:
    """Made by the constructor, removed by remove()."""

    def __init__(self, count):
        tag = secrets.token_hex(3)
        self.bridge, self.all = f"clm{tag}", []
        net = f"198.18.{secrets.randbelow(256)}"  # of the block for tests of network devices
        self.address = f"{net}.1"
        try:
            _ip("link", "add", self.bridge, "type", "bridge")
            _ip("address", "add", f"{self.address}/24", "dev", self.bridge)
            _ip("link", "set", self.bridge, "up")
            for number in range(count):
                self.add(f"cloudless-{tag}-{number}", f"clv{tag}{number}", f"{net}.{number + 2}")
        except BaseException:
            self.remove()
            raise

    def add(self, name, link, address):
        _ip("netns", "add", name)
        self.all.append(Machine(name, link, address))
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", link, "master", self.bridge, "up")
        for words in (("link", "set", "lo", "up"), ("address", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                      ("route", "add", "default", "via", self.address)):
            _ip("-n", name, *words)

    def remove(self):
        for machine in self.all:
            subprocess.run(["ip", "netns", "del", machine.name], capture_output=True, check=False)
            subprocess.run(["ip", "link", "del", machine.link], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True, check=False)


class Listener:
    """Hears all that passes a bridge, as somebody between two machines does, while the with-block runs."""

    def __init__(self, interface):
        self.interface, self.heard = interface, bytearray()

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((self.interface, 0))
        self.socket.settimeout(0.1)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.socket.close()

    def listen(self):
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                self.heard += self.socket.recv(1 << 16)
