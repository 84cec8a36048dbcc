"""`./dev bench scheduler`: what deciding costs, and how good it is.

The core alone (no actors, no store), with vectors and without, the latter as the baseline of the same run; the quality of placements; and
the whole path, from a create over gRPC to the commit that names the node, with the store on disk and nodes that are silent.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cluster import BUILD

TRACE = pathlib.Path(os.environ.get("CLOUDLESS_OPENB", pathlib.Path(__file__).resolve().parents[2] / "../shared/data/openb"))
# What holds at 10,000 nodes, the rest is for comparison.
GOALS = {"Basic": ">= 5,000,000", "TopologySpreading": ">= 1,000,000", "PodAntiAffinity": ">= 1,000,000", "PodAffinity": ">= 1,000,000"}


def figures_of(program, *arguments):
    out = subprocess.run([BUILD / "tests/bench" / program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def bench_core(table):
    figures = figures_of("scheduler_core_bench")
    scalar = figures["scalar"]
    fast = figures.get("avx2", scalar)
    for size, ours in sorted(fast.items(), key=lambda item: int(item[0])):
        base, nodes = scalar[size], f"core, {int(size):,} nodes"
        ten, most = size == "10000", size == "100000"
        table.add(f"{nodes}: cold decision p50", ours["cold"]["p50_us"], "us", base["cold"]["p50_us"], "scalar", "<= 6 us" if ten else "")
        table.add(f"{nodes}: cold decision p99", ours["cold"]["p99_us"], "us", base["cold"]["p99_us"], "scalar",
                  "<= 20 us" if ten else "<= 150 us" if most else "")
        for key, what in (("cold_rich", "every kind of wish"), ("cold_gpu", "a GPU, which a tenth of the nodes have")):
            for share in ("p50", "p99"):
                table.add(f"{nodes}: cold, {what}, {share}", ours[key][f"{share}_us"], "us", base[key][f"{share}_us"], "scalar")
        table.add(f"{nodes}: one of 100 known classes p50", ours["warm"]["p50_us"], "us", base["warm"]["p50_us"], "scalar")
        table.add(f"{nodes}: fresh workloads of 10", ours["fresh_workloads_of_10_per_second"], "/s", base["fresh_workloads_of_10_per_second"],
                  "scalar", ">= 1,000,000" if ten else "")
        for name, rate in ours["workloads_per_second"].items():
            table.add(f"{nodes}: {name}", rate, "/s", base["workloads_per_second"][name], "scalar", GOALS.get(name, "") if ten else "")
        table.add(f"{nodes}: why not, p50", ours["histogram"]["p50_us"], "us", base["histogram"]["p50_us"], "scalar")
        table.add(f"{nodes}: memory per node", ours["memory"]["bytes_per_node"], "B")
        table.add(f"{nodes}: memory per class", ours["memory"]["bytes_per_class"], "B")
        table.add(f"{nodes}: memory per group of 10 replicas", ours["memory"]["bytes_per_group_of_10"], "B")
        table.add(f"{nodes}: loaded with 40 attributes", ours["load_ms"], "ms")
        table.add(f"{nodes}: a node in another zone, and a decision", ours["moved_node"]["p50_us"], "us")


def bench_passes(table):
    """Passes of the scheduler over full clusters, without a store."""
    for size, ours in sorted(figures_of("scheduler_pass_bench", 100, 1000, 5000).items(), key=lambda item: int(item[0])):
        nodes = f"pass, {int(size):,} full nodes"
        for name, what in (("Preemption", "500 replicas that have others evicted"), ("Unschedulable", "200 versions that fit nowhere")):
            table.add(f"{nodes}: {name}, {what}, longest pass", ours[name]["longest_pass_ms"], "ms")
            table.add(f"{nodes}: {name}, {what}, all passes", ours[name]["sum_ms"], "ms")


def bench_quality(table):
    figures = figures_of("scheduler_quality_bench", TRACE)
    openb, solver = figures["openb"], figures["solver"]
    if "left_out" in openb:
        print(f"openb: {openb['left_out']} (CLOUDLESS_OPENB names the folder)", file=sys.stderr)
    else:
        table.add("openb, GPUs allocated", openb["allocated_percent"], "%", openb["best_fit_percent"], "best fit", ">= 95.0 %")
        table.add("openb, GPUs allocated", openb["allocated_percent"], "%", openb["random_percent"], "random")
        table.add("openb, least of all seeds", openb["least_percent"], "%")
    for key, what in (("opened", "64 cores, memory as scarce"), ("opened_small_nodes", "32 cores, memory as scarce"),
                      ("opened_much_memory", "64 cores, much memory")):
        table.add(f"nodes in use at 20 % load, {what}", figures[key]["opened"], "nodes", figures[key]["bound"], "fractional bound",
                  "<= 1.05x" if key == "opened" else "")
    if "left_out" in solver:
        print(f"exact solver: {solver['left_out']}", file=sys.stderr)
    else:
        table.add("demand placed beside an exact solver's bound", solver["ratio"], "x")
        table.add("the least of the cases", solver["least_ratio"], "x")


def bench_path(table):
    for size in (100, 1000, 5000, 10000):
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:  # a disk: /tmp may be memory
            figures = figures_of("placement_path_bench", folder, size, 5)
        nodes, goal, floor = f"whole path, {size:,} nodes", size == 5000, figures["floor"]
        for key, what in (("one_after_another", "one workload after another"), ("steady", "100 workloads a second")):
            for share, bound in (("p50_ms", "<= 10 ms"), ("p95_ms", "<= 50 ms"), ("p99_ms", "")):
                table.add(f"{nodes}: {what}, from the answer {share[:3]}", figures[key]["from_answer"][share], "ms", floor["commit"][share],
                          "one durable commit", bound if goal else "")
            table.add(f"{nodes}: {what}, from the request p50", figures[key]["from_request"]["p50_ms"], "ms")
            table.add(f"{nodes}: {what}, the request itself p50", figures[key]["create"]["p50_ms"], "ms")
        table.add(f"{nodes}: 5 workloads of 10,000 replicas", figures["large"]["per_second"], "/s", floor["placements_per_second"],
                  "the same rows in the store alone", ">= 30,000" if goal else "")
        table.add(f"{nodes}: processor time per placement", figures["large"]["processor_us_per_placement"], "us")
        table.add(f"{nodes}: memory per node", figures["memory"]["bytes_per_node"], "B", goal="<= 4,096" if goal else "")
        table.add(f"{nodes}: memory per replica", figures["memory"]["bytes_per_replica"], "B", goal="<= 1,024" if goal else "")
        table.add(f"{nodes}: memory per replica just placed, with the history of changes", figures["memory"]["bytes_per_new_replica"], "B")


def bench_scheduler(table):
    bench_core(table)
    bench_passes(table)
    bench_quality(table)
    bench_path(table)
