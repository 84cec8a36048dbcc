"""`./dev bench rollout`: a rolling update on real containers beside what its batches cost through containerd's bare API."""
import json
import statistics
import subprocess
import time

from cluster import BUILD, Cluster, wait_until

IMAGE = "cloudless.local/hello:v1"
REPLICAS, BATCH = 10, 2


def bare_batches(cluster):
    """Seconds to start and to stop the containers of each batch, one batch after the other."""
    floor = BUILD / "tests/bench/containerd_floor"
    seconds = 0.0
    for _ in range(REPLICAS // BATCH):
        out = subprocess.run([floor, cluster.socket, cluster.agents[0].namespace, IMAGE, str(BATCH)], check=True, capture_output=True,
                             text=True).stdout
        figures = json.loads(out)
        seconds += BATCH / figures["per_second"] + BATCH / figures["remove_per_second"]
    return seconds


class Updated:
    """A workload of 10, updated again and again."""

    def __init__(self, api):
        self.api, self.name, self.number = api, "rolled", 0
        self.api.call("CreateWorkload", {"name": self.name, "spec": {
            "image": IMAGE, "replicas": REPLICAS, "image_pull_policy": "IMAGE_PULL_POLICY_NEVER", "env": [{"name": "TURN", "value": "0"}],
            "resources": {"requests": {"cpu_millicores": 1, "memory_bytes": 1 << 20}},
            "rollout": {"max_surge": {"absolute": BATCH}, "max_unavailable": {"absolute": 0}}}})
        wait_until(self.settled, 120, f"{REPLICAS} replicas")

    def settled(self):
        status = self.api.call("GetWorkload", {"name": self.name}).status
        live = sum(r.state < 8 for r in status.replicas)
        return status.ready_replicas == status.updated_replicas == live == REPLICAS

    def update(self):
        """Seconds until the rollout says that it is complete, and until nothing of the old version is left."""
        self.number += 1
        begun = time.monotonic()
        self.api.call("UpdateWorkload", {"name": self.name, "spec": {"env": [{"name": "TURN", "value": str(self.number)}]},
                                         "update_mask": "env"})
        last = None
        for last in self.api.call("WatchRollout", {"name": self.name}, timeout=120):
            pass
        told = time.monotonic() - begun
        assert last.phase == 4, f"the rollout is not COMPLETED: {last}"
        wait_until(self.settled, 120, "the old replicas to be gone", pause=0.005)
        return told, time.monotonic() - begun


def bench_planning(table):
    out = subprocess.run([BUILD / "tests/bench/rollout_step_bench"], check=True, capture_output=True, text=True).stdout
    figures = json.loads(out)
    table.add("planning a step at 10,000 replicas, p99", figures["plan"]["wall_ms"]["p99"], "ms", goal="<= 1 ms")
    table.add("the same, CPU time", figures["plan"]["cpu_ms"]["p99"], "ms", goal="<= 1 ms")


def bench_rollout(table, runs):
    from client import Api
    bench_planning(table)
    with Cluster(agents=1) as cluster:
        cluster.start()
        updated = Updated(Api(cluster.server))
        bare_batches(cluster)
        told, gone, floor = [], [], []
        for _ in range(5 * runs):
            floor.append(bare_batches(cluster))
            one_told, one_gone = updated.update()
            told.append(one_told)
            gone.append(one_gone)
        baseline = statistics.median(floor)
        name = f"bare starts and stops of {REPLICAS // BATCH} batches"
        table.add(f"rolling update of {REPLICAS}, {BATCH} at a time, complete", statistics.median(told), "s", baseline, name, "<= 1.3x")
        table.add("the same, nothing old left", statistics.median(gone), "s", baseline, name)
