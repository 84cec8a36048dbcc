"""Logs as clients meet them: followed over rotation, restarts and kills, previous attempts, floods, and clients that stop reading."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import grpc

from client import ClusterTest, wait_until
from cluster import BUILD

COUNT = "i=0; while [ $i -lt {n} ]; do echo line $i; i=$((i+1)); done; "
FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
NOT_DROPPED = 0
RATE_LIMIT = 2


def resident_kilobytes(process):
    status = pathlib.Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


class Reader:
    """Follows a log in a thread of its own."""

    def __init__(self, api, **request):
        self.lines, self.error = [], None
        self.stream = api.call("StreamLogs", {"follow": True, **request}, timeout=180)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for reply in self.stream:
                self.lines += reply.lines
        except grpc.RpcError as error:
            self.error = error

    def text(self):
        return [line.line.decode() for line in list(self.lines)]

    def stop(self):
        self.stream.cancel()
        self.thread.join()


class Logs(ClusterTest):
    agent_options = ("--container-logs-max-size", "256KiB", "--container-logs-max-files", "3", "--container-logs-rate", "1MiB")

    def setUp(self):
        self.workloads = []

    def tearDown(self):
        for name in self.workloads:
            self.delete_and_wait(name)

    def start(self, name, script, replicas=1, **spec):
        self.workloads.append(name)
        self.create(name, replicas=replicas, command=["sh", "-c", script], **spec)
        return self.wait_ready(name, replicas).status.replicas

    def files(self, container):
        return sorted((self.cluster.agents[0].dir / "logs").glob(f"{container}.log*"))

    def follow(self, **request):
        reader = Reader(self.api, **request)
        self.addCleanup(reader.stop)
        return reader

    def test_a_log_is_followed_over_rotation_and_kills_of_agent_and_logger_line_by_line(self):
        total = 30000
        script = "i=0; while [ $i -lt %d ]; do echo line $i; i=$((i+1)); [ $((i %% 100)) = 0 ] && usleep 10000; done; %s" % (total, FOREVER)
        replica = self.start("long", script)[0]
        reader = self.follow(workload="long")
        agent = self.cluster.agents[0]
        for kills in range(3):
            wait_until(lambda k=kills: len(reader.lines) > total * (k + 1) // 5, 90, "lines to come")
            if kills == 1:
                agent.process.stop(signal.SIGKILL)
                self.cluster.start_agent(agent)
            else:
                pid = int((agent.dir / "running" / "loggers" / replica.container_id / "pid").read_text())
                subprocess.run(["kill", "-9", str(pid)], check=True)
        wait_until(lambda: len(reader.lines) >= total or reader.error, 120, "all lines")
        self.assertEqual(reader.text(), [f"line {i}" for i in range(total)])
        numbers = [int(f.suffix[1:]) for f in self.files(replica.container_id) if f.suffix != ".log"]
        self.assertGreater(max(numbers), 3)
        self.assertLessEqual(len(self.files(replica.container_id)), 3)

    def test_a_replica_is_followed_before_it_runs_and_into_its_next_attempt(self):
        name = "phoenix"
        self.create(name, command=["sh", "-c", "echo born; sleep 1; echo dying; exit 3"], restart_policy={"mode": "ALWAYS", "backoff": {}})
        self.workloads.append(name)
        replica = wait_until(lambda: next(iter(self.get(name).status.replicas), None), 20, "a replica").id
        reader = self.follow(replica_id=replica)
        wait_until(lambda: len(reader.lines) >= 4 or reader.error, 60, "two lives")
        self.assertIsNone(reader.error)
        self.assertEqual(reader.text()[:4], ["born", "dying", "born", "dying"])
        self.assertNotEqual(reader.lines[0].container_id, reader.lines[2].container_id)

        previous = self.api.log_lines({"replica_id": replica, "previous": True})
        self.assertEqual([line.line for line in previous], [b"born", b"dying"])
        self.assertEqual(len({line.container_id for line in previous}), 1)
        ctl = self.cluster.ctl("workload", "logs", "--previous", replica)
        self.assertEqual(ctl.stdout, "born\ndying\n")

    def test_previous_is_refused_where_there_is_none(self):
        replica = self.start("firstborn", "echo hello; " + FOREVER)[0]
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.api.call("StreamLogs", {"replica_id": replica.id, "previous": True}, timeout=20))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.api.call("StreamLogs", {"replica_id": replica.id, "previous": True, "follow": True}, timeout=20))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_tail_since_time_stamps_and_streams(self):
        replica = self.start("mixed", "echo one; echo two >&2; sleep 1.2; echo three; echo four >&2; " + FOREVER)[0]
        lines = wait_until(lambda: (found := self.api.log_lines({"replica_id": replica.id})) and len(found) == 4 and found, 20, "four lines")
        self.assertEqual(sorted(line.line for line in lines), [b"four", b"one", b"three", b"two"])
        errors = self.api.log_lines({"replica_id": replica.id, "stream": "stderr"})
        self.assertEqual([line.line for line in errors], [b"two", b"four"])
        tail = self.api.log_lines({"replica_id": replica.id, "tail_lines": 1, "stream": "stdout"})
        self.assertEqual([line.line for line in tail], [b"three"])
        since = errors[0].time.ToMilliseconds() + 600
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since // 1000)) + f".{since % 1000:03d}Z"
        late = self.api.log_lines({"replica_id": replica.id, "since": stamp})
        self.assertEqual({line.line for line in late}, {b"three", b"four"})
        shown = self.cluster.ctl("workload", "logs", replica.id, "--timestamps", "--stream", "stderr").stdout.splitlines()
        self.assertRegex(shown[0], r"^\d{4}-\d\d-\d\dT[0-9:.]+Z two$")

    def test_replicas_are_merged_by_time_with_their_names(self):
        self.start("choir", "i=0; while :; do echo note $i; i=$((i+1)); usleep 50000; done", replicas=3)
        reader = self.follow(workload="choir")
        wait_until(lambda: len(reader.lines) >= 150 and len({line.replica_id for line in reader.lines}) == 3, 60, "lines of all three")
        for replica in {line.replica_id for line in reader.lines}:
            numbers = [int(line.line.split()[1]) for line in reader.lines if line.replica_id == replica]
            self.assertEqual(numbers, list(range(len(numbers))))
        shown = self.cluster.ctl("workload", "logs", "choir", "--tail", "2").stdout.splitlines()
        self.assertEqual(len(shown), 6)
        self.assertTrue(all(re.match(r"\[choir-[0-9a-z]+-\d+\] note \d+$", line) for line in shown), shown)

    def test_any_bytes_come_through(self):
        replica = self.start("bytes", r"printf 'a\000b\377\n'; head -c 100000 /dev/zero | tr '\000' x; echo; printf tail; exec sleep 3600")[0]
        wait_until(lambda: self.api.log_lines({"replica_id": replica.id})[-1:] and
                   self.api.log_lines({"replica_id": replica.id})[-1].line == b"tail", 20, "the unfinished line")
        lines = self.api.log_lines({"replica_id": replica.id})
        self.assertEqual(lines[0].line, b"a\0b\xff")
        pieces = lines[1:-1]
        self.assertEqual(b"".join(line.line for line in pieces), b"x" * 100000)
        self.assertEqual([line.partial for line in pieces], [True] * (len(pieces) - 1) + [False])
        self.assertTrue(lines[-1].partial)

    def test_a_flood_is_cut_with_a_counted_marker_and_neighbours_are_not_hurt(self):
        self.start("quiet", "i=0; while :; do echo tick $i; i=$((i+1)); usleep 50000; done")
        reader = self.follow(workload="quiet")
        wait_until(lambda: len(reader.lines) >= 5, 20, "the neighbour's lines")
        total = 5_000_000
        flood = self.start("flood", f"echo begin; seq 1 {total}; echo end; " + FOREVER)[0]
        before = len(reader.lines)
        wait_until(lambda: any(line.drop_reason == RATE_LIMIT for line in self.api.log_lines({"replica_id": flood.id, "tail_lines": 100000})),
                   60, "a marker")
        wait_until(lambda: len(reader.lines) >= before + 40, 30, "the neighbour's lines during the flood")
        ticks = [int(line.line.split()[1]) for line in reader.lines]
        self.assertEqual(ticks, list(range(len(ticks))))
        wait_until(lambda: [line.line for line in self.api.log_lines({"replica_id": flood.id, "tail_lines": 1})] == [b"end"] or
                   any(line.drop_reason for line in self.api.log_lines({"replica_id": flood.id, "tail_lines": 1})), 60, "the end of the flood")
        # What is left of the log accounts for every line from its first one on.
        lines = self.api.log_lines({"replica_id": flood.id})
        expected = None
        for line in lines:
            if line.drop_reason:
                expected = None if expected is None else expected + line.dropped_before
            elif line.line.isdigit():
                if expected is not None:
                    self.assertEqual(int(line.line), expected)
                expected = int(line.line) + 1
        shown = self.cluster.ctl("workload", "logs", flood.id).stdout.splitlines()
        self.assertTrue(any("lines are missing: more than a container may write" in line for line in shown), shown[:3])

    def test_of_half_a_gigabyte_written_as_fast_as_it_can_every_line_is_kept_or_counted(self):
        """As fast as this machine makes it, which is more than 100 MB/s where it is not busy; the neighbour's lines all come."""
        self.start("calm", "i=0; while :; do echo tick $i; i=$((i+1)); usleep 50000; done")
        reader = self.follow(workload="calm")
        wait_until(lambda: len(reader.lines) >= 5, 20, "the neighbour's lines")
        total, line = 5_000_000, "x" * 99
        torrent = self.start("gush", f"cat /proc/uptime > /begun; yes {line} | head -n {total}; cat /proc/uptime > /ended; exec sleep 3600")[0]

        def seconds():
            done = self.api.call("ExecCommand", {"replica_id": torrent.id, "command": ["cat", "/begun", "/ended"]}, timeout=30)
            return done.exit_code == 0 and float(done.stdout.split()[2]) - float(done.stdout.split()[0])
        print(f"        {total * (len(line) + 1) / wait_until(seconds, 120, 'the end of the flood', pause=0.5) / 1e6:.0f} MB/s")

        def accounted():
            """Lines that are in the files, or counted there as dropped, behind those that the first file says came before it."""
            count = None
            for file in sorted(self.files(torrent.container_id), key=lambda f: int(f.suffix[1:]) if f.suffix != ".log" else 0):
                for text in file.read_bytes().splitlines():
                    _, stream, kind, rest = (*text.split(b" ", 3), b"")[:4]
                    if stream != b"stdout":
                        continue
                    if kind == b"N":
                        self.assertIn(count, (None, int(rest.split()[0])), f"lines before {file.name}")
                        count = int(rest.split()[0])
                    elif kind in (b"D", b"F"):
                        count = (count or 0) + (int(rest.split()[0]) if kind == b"D" else 1)
            return count

        def told():
            with contextlib.suppress(FileNotFoundError):  # rotated away meanwhile
                return accounted()
        wait_until(lambda: told() == total, 60, f"{total} lines to be accounted for", pause=0.5)
        self.assertTrue(any(line.drop_reason == RATE_LIMIT for line in self.api.log_lines({"replica_id": torrent.id})))
        ticks = [int(line.line.split()[1]) for line in list(reader.lines)]
        self.assertEqual(ticks, list(range(len(ticks))))

    def test_a_client_that_stops_reading_makes_no_memory_grow(self):
        self.start("torrent", "while :; do head -c 200000 /dev/zero | tr '\\0' 'x' | fold -w 100; usleep 200000; done")
        processes = (self.cluster.coordinator, self.cluster.agents[0].process)
        wait_until(lambda: len(self.files(self.get("torrent").status.replicas[0].container_id)) >= 2, 60, "some files")
        ctl = [BUILD / "services/cloudlessctl/cloudlessctl", "--server", self.cluster.server, "workload", "logs", "-f", "torrent"]
        stalled = [subprocess.Popen(ctl, stdout=subprocess.PIPE) for _ in range(8)]  # nobody reads their pipes
        try:
            time.sleep(3)  # until every buffer on the way is full
            before = [resident_kilobytes(p) for p in processes]
            time.sleep(10)
            grown = [resident_kilobytes(p) - b for p, b in zip(processes, before)]
        finally:
            for process in stalled:
                process.kill()
                process.stdout.close()
                process.wait()
        self.assertTrue(all(g < 8 * 1024 for g in grown), f"kilobytes more: {grown}")


class CutOff(ClusterTest):
    def test_starts_that_are_cut_off_leave_no_logger_behind(self):
        agent = self.cluster.agents[0]
        self.create("hasty", replicas=0)
        for round_number in range(4):
            self.api.call("ScaleWorkload", {"name": "hasty", "replicas": 6})
            time.sleep(0.1 + 0.1 * round_number)
            agent.process.stop(signal.SIGKILL)
            self.cluster.containerd.stop(signal.SIGKILL)
            for pid in self.cluster.shims():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.cluster.start_containerd()
            self.cluster.start_agent(agent)
            self.cluster.wait_nodes()
            self.api.call("ScaleWorkload", {"name": "hasty", "replicas": 0})
            wait_until(lambda: not self.cluster.loggers(), 60, f"all loggers to end; left: {self.cluster.loggers()}")
        self.delete_and_wait("hasty")
