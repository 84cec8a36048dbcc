"""The log path of `./dev bench runtime`: how fast a container's output gets into its log, and how soon a line is at a client."""
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

from cluster import Cluster, wait_until

LINES = 1_000_000  # a round
ROUNDS = 9
TICKS = 200
PRODUCERS = {  # busybox is what containers and the baseline run
    "short lines": f"seq 1 {LINES}",
    "lines of 100 bytes": f"yes {'x' * 99} | head -c {LINES * 100}",
}
ROTATE_NOTHING = ("--container-logs-max-size", "4GiB", "--container-logs-rate", "0")


def floor_seconds(producer):
    """`producer | cat > file` with the programs that the container has."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        begun = time.monotonic()
        subprocess.run(["busybox", "sh", "-c", f"({producer}) | cat > {directory}/file"], check=True)
        return time.monotonic() - begun


def create(api, name, command):
    return api.call("CreateWorkload", {"name": name, "spec": {
        "image": "cloudless.local/hello:v1", "replicas": 1, "image_pull_policy": "IMAGE_PULL_POLICY_NEVER", "command": ["sh", "-c", command],
        "termination_grace_period_ms": 100, "resources": {"requests": {"cpu_millicores": 1, "memory_bytes": 1 << 20}}}})


def running_replica(api, name):
    def replica():
        return next((r for r in api.call("GetWorkload", {"name": name}).status.replicas if r.state == 5), None)
    return wait_until(replica, 60, f"a running replica of {name}", pause=0.01)


def log_seconds(cluster, api, name, producer):
    """From the first line to the last one in the container's log: the container waits for its log, as for any pipe."""
    create(api, name, f"echo begin; {producer}; echo end; sleep 3600")
    replica = running_replica(api, name)
    log = pathlib.Path(cluster.agents[0].dir) / "logs" / f"{replica.container_id}.log"

    def last_line():
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - 200))
            lines = file.read().splitlines()
        return lines[-1] if lines and lines[-1].endswith(b" end") else None
    wait_until(last_line, 300, f"the end of the log of {name}", pause=0.01)
    with open(log, "rb") as file:
        first = file.readline()
    seconds = nanos(last_line()) / 1e9 - nanos(first) / 1e9
    api.call("DeleteWorkload", {"name": name})
    wait_until(lambda: not cluster.ctr("-n", cluster.agents[0].namespace, "tasks", "ls", "-q").stdout.strip(), 60, f"{name} to be gone")
    log.unlink()
    return seconds


def nanos(line):
    """Of a line's time stamp, since midnight."""
    stamp = line.split(b" ", 1)[0].decode()
    hours, minutes, seconds = stamp[stamp.index("T") + 1:-1].split(":")
    return (int(hours) * 3600 + int(minutes) * 60) * 10**9 + int(float(seconds) * 10**9)


def tick_delays(cluster, api):
    """Milliseconds from the moment before a line is written to a container's output to the moment a client that follows has it."""
    create(api, "ticks", "sleep 3600")
    replica = running_replica(api, "ticks")
    tasks = cluster.ctr("-n", cluster.agents[0].namespace, "tasks", "ls").stdout
    pid = next(line.split()[1] for line in tasks.splitlines() if line.startswith(replica.container_id))
    stop = threading.Event()

    def tick():
        with open(f"/proc/{pid}/fd/1", "wb", buffering=0) as output:
            while not stop.wait(0.02):
                output.write(b"%d\n" % time.time_ns())
    ticker = threading.Thread(target=tick)
    ticker.start()
    delays = []
    try:
        for reply in api.call("StreamLogs", {"replica_id": replica.id, "follow": True, "tail_lines": 0}, timeout=120):
            now = time.time_ns()
            delays += [(now - int(line.line)) / 1e6 for line in reply.lines]
            if len(delays) >= TICKS:
                break
    finally:
        stop.set()
        ticker.join()
    api.call("DeleteWorkload", {"name": "ticks"})
    return sorted(delays)


def bench_logs(table, runs):
    from client import Api
    with Cluster(agents=1, agent_options=ROTATE_NOTHING) as cluster:
        cluster.start()
        api = Api(cluster.server)
        for number, (what, producer) in enumerate(PRODUCERS.items()):
            ours, floors = [], []
            for run in range(ROUNDS * runs):
                # Short rounds in turn, each way first as often as second: what disturbs the machine for longer disturbs both.
                turns = [lambda: floors.append(floor_seconds(producer)),
                         lambda: ours.append(log_seconds(cluster, api, f"producer-{number}-{run}", producer))]
                for turn in turns if run % 2 else reversed(turns):
                    turn()
            # As speeds, so that the ratio is what the goal says; of each round, so that a slow one counts once.
            table.add(f"log path, {what}", LINES / statistics.median(ours) / 1e6, "M/s", LINES / statistics.median(floors) / 1e6,
                      "producer | cat > file", ">= 0.8x", ratio=statistics.median(f / o for f, o in zip(floors, ours)))
        delays = tick_delays(cluster, api)
        table.add("following a log: line to client p50", statistics.median(delays), "ms", goal="<= 20 ms")
        table.add("following a log: line to client p99", delays[int(len(delays) * 0.99)], "ms")
