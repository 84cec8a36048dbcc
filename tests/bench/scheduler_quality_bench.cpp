// How good the scheduler's placements are, not how fast: GPUs allocated in a public trace beside random and
// best-fit placement, nodes that a lightly loaded cluster keeps in use beside the least that could do, and
// demand placed on small clusters beside the optimum of an exact solver (Debian's coinor-cbc, left out if it
// is not installed). Prints JSON.
//   scheduler_quality_bench [FOLDER OF THE OPENB TRACE [SEEDS]]
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "actors/scheduler/engine/engine.hpp"

namespace {

using namespace cloudless::scheduler::engine;
using Random = std::mt19937_64;

std::uint32_t below(Random& random, std::size_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

std::vector<std::string> split(const std::string& line, char at) {
  std::vector<std::string> parts(1);
  for (const char c : line) {
    if (c == at) {
      parts.emplace_back();
    } else if (c != '\r') {
      parts.back() += c;
    }
  }
  return parts;
}

std::vector<std::vector<std::string>> rows_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // names of columns
  std::vector<std::vector<std::string>> rows;
  while (std::getline(file, line)) rows.push_back(split(line, ','));
  return rows;
}

struct TraceNode {
  std::int32_t cpu, memory;
  Gpus gpus;
  std::string model;
};

struct Pod {
  Amounts request;
  std::string models;  // "A|B": one of these; empty: any
  std::int64_t gpu_size() const { return request.gpus * 1000 + request.gpu_share; }
};

struct Trace {
  std::vector<TraceNode> nodes;
  std::vector<Pod> pods;
  std::int64_t gpu_capacity = 0;

  bool model_fits(const TraceNode& node, const Pod& pod) const {
    if (pod.models.empty()) return true;
    const std::vector<std::string> models = split(pod.models, '|');
    return std::find(models.begin(), models.end(), node.model) != models.end();
  }
};

Trace read_trace(const std::filesystem::path& folder) {
  Trace trace;
  for (const auto& row : rows_of(folder / "openb_node_list_gpu_node.csv")) {
    TraceNode node{std::stoi(row[1]), std::stoi(row[2]), {}, row[4]};
    node.gpus.count = static_cast<std::uint8_t>(std::stoi(row[3]));
    for (std::uint32_t i = 0; i < node.gpus.count; ++i) node.gpus.free[i] = 1000;
    trace.gpu_capacity += node.gpus.count * 1000;
    trace.nodes.push_back(node);
  }
  for (const auto& row : rows_of(folder / "openb_pod_list_default.csv")) {
    Pod pod{{std::stoi(row[1]), std::stoi(row[2]), 0, 0, 0, 0}, row[5]};
    const int gpus = std::stoi(row[3]), milli = row[4].empty() ? 0 : std::stoi(row[4]);
    if (gpus == 1 && milli < 1000) {
      pod.request.gpu_share = milli;
    } else {
      pod.request.gpus = gpus;
    }
    trace.pods.push_back(pod);
  }
  return trace;
}

/// Pods in a random order that together ask for 130 % of all GPUs: the trace, and pods drawn from it again.
std::vector<std::size_t> arrivals_of(const Trace& trace, Random& random) {
  std::vector<std::size_t> arrivals;
  std::int64_t asked = 0;
  const std::int64_t most = trace.gpu_capacity * 13 / 10;
  for (std::size_t i = 0; i < trace.pods.size() && asked + trace.pods[i].gpu_size() <= most; ++i) {
    arrivals.push_back(i);
    asked += trace.pods[i].gpu_size();
  }
  for (;;) {
    const std::size_t i = below(random, trace.pods.size());
    asked += trace.pods[i].gpu_size();
    if (asked > most) break;
    arrivals.push_back(i);
  }
  for (std::size_t i = arrivals.size(); i > 1; --i) std::swap(arrivals[i - 1], arrivals[below(random, i)]);
  return arrivals;
}

double percent(std::int64_t part, std::int64_t all) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(all);
}

double allocate_with_engine(const Trace& trace, const std::vector<std::size_t>& arrivals) {
  Engine engine;
  engine.add_zone(0);
  for (NodeIndex n = 0; n < trace.nodes.size(); ++n) {
    const TraceNode& node = trace.nodes[n];
    NodeRow row;
    row.cpu = row.room_cpu = node.cpu;
    row.memory = row.room_memory = node.memory;
    row.gpus = node.gpus;
    engine.put(n, row);
  }
  std::map<std::string, AttributeId> wishes;  // of models
  std::vector<ClassId> classes;
  for (const Pod& pod : trace.pods) {
    ClassSpec spec;
    spec.request = pod.request;
    if (!pod.models.empty()) {
      const auto [known, fresh] = wishes.try_emplace(pod.models, 0);
      if (fresh) {
        known->second = engine.add_attribute();
        for (NodeIndex n = 0; n < trace.nodes.size(); ++n)
          engine.set_attribute(known->second, n, trace.model_fits(trace.nodes[n], pod));
      }
      spec.fixed.push_back({known->second, true});
    }
    classes.push_back(engine.use(std::move(spec)));
  }
  std::int64_t allocated = 0;
  for (const std::size_t i : arrivals)
    if (!engine.place(classes[i], 1).empty()) allocated += trace.pods[i].gpu_size();
  return percent(allocated, trace.gpu_capacity);
}

/// The usual ways, for comparison: any node that fits, or the one with least left of processors and GPUs.
double allocate_plainly(const Trace& trace, const std::vector<std::size_t>& arrivals, bool best_fit,
                        Random& random) {
  std::vector<TraceNode> nodes = trace.nodes;
  std::map<std::string, std::vector<bool>> models;
  std::int64_t allocated = 0;
  for (const std::size_t i : arrivals) {
    const Pod& pod = trace.pods[i];
    const auto [allowed, fresh] = models.try_emplace(pod.models);
    if (fresh)
      for (const TraceNode& node : nodes) allowed->second.push_back(trace.model_fits(node, pod));
    std::size_t chosen = nodes.size();
    std::uint32_t fitting = 0;
    double least = 0;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      const TraceNode& node = nodes[n];
      if (!allowed->second[n] || node.cpu < pod.request.cpu || node.memory < pod.request.memory) continue;
      if (pod.request.asks_gpu() && pick_gpus(node.gpus, pod.request) == 0) continue;
      ++fitting;
      const double left = node.cpu / 128'000.0 + node.gpus.free_part() * node.gpus.count / 8000.0;
      if (best_fit ? fitting == 1 || left < least : below(random, fitting) == 0) {
        chosen = n;
        least = left;
      }
    }
    if (chosen == nodes.size()) continue;
    take_gpus(nodes[chosen].gpus, pick_gpus(nodes[chosen].gpus, pod.request), pod.request);
    nodes[chosen].cpu -= pod.request.cpu;
    nodes[chosen].memory -= pod.request.memory;
    allocated += pod.gpu_size();
  }
  return percent(allocated, trace.gpu_capacity);
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

nlohmann::json bench_trace(const std::filesystem::path& folder, int seeds) {
  if (!std::filesystem::exists(folder / "openb_node_list_gpu_node.csv"))
    return {{"left_out", "no openb trace in " + folder.string()}};
  const Trace trace = read_trace(folder);
  std::vector<double> engine, random_fit, best_fit;
  for (int seed = 0; seed < seeds; ++seed) {
    Random random(1000 + static_cast<std::uint64_t>(seed));
    const std::vector<std::size_t> arrivals = arrivals_of(trace, random);
    engine.push_back(allocate_with_engine(trace, arrivals));
    random_fit.push_back(allocate_plainly(trace, arrivals, false, random));
    best_fit.push_back(allocate_plainly(trace, arrivals, true, random));
  }
  return {{"seeds", seeds},
          {"allocated_percent", mean(engine)},
          {"least_percent", *std::min_element(engine.begin(), engine.end())},
          {"random_percent", mean(random_fit)},
          {"best_fit_percent", mean(best_fit)}};
}

constexpr std::int32_t kCpu[] = {100, 200, 250, 500, 1000, 2000, 4000};
constexpr std::int32_t kMemory[] = {64, 128, 256, 512, 1024, 2048, 4096, 8192};

Amounts random_request(Random& random) {
  return {kCpu[below(random, 7)], kMemory[below(random, 8)], 0, 0, 0, 0};
}

NodeRow equal_node(std::int32_t cpu, std::int32_t memory) {
  NodeRow row;
  row.cpu = row.room_cpu = cpu;
  row.memory = row.room_memory = memory;
  return row;
}

/// 10,000 equal nodes, a fifth of what is scarcer asked for: nodes in use beside sum / size. With 1820 MiB
/// per core memory and processors are equally scarce, which is the hardest.
nlohmann::json bench_opened(std::int32_t cores, std::int32_t memory_per_core) {
  constexpr std::int32_t kNodes = 10'000;
  const std::int32_t room_cpu = cores * 1000, room_memory = cores * memory_per_core;
  Engine engine;
  engine.add_zone(0);
  for (NodeIndex n = 0; n < kNodes; ++n) engine.put(n, equal_node(room_cpu, room_memory));
  Random random(7);
  std::vector<bool> used(kNodes, false);
  double cpu = 0, memory = 0;
  while (std::max(cpu, memory) < kNodes / 5.0) {
    ClassSpec spec;
    spec.request = random_request(random);
    const ClassId id = engine.use(spec);  // never dropped: there are 56
    for (const Choice& choice : engine.place(id, 1)) used[choice.node] = true;
    cpu += spec.request.cpu / static_cast<double>(room_cpu);
    memory += spec.request.memory / static_cast<double>(room_memory);
  }
  const auto opened = static_cast<double>(std::count(used.begin(), used.end(), true));
  return {{"opened", opened}, {"bound", std::max(cpu, memory)}, {"ratio", opened / std::max(cpu, memory)}};
}

/// A cluster of a few nodes and somewhat more demand than fits.
struct SmallCase {
  std::vector<Amounts> nodes, requests;
  static double worth(const Amounts& request) { return request.cpu / 100.0 + request.memory / 400.0; }
};

SmallCase small_case(Random& random) {
  SmallCase small;
  for (int i = 0; i < 4; ++i) small.nodes.push_back({8000, 32'768, 0, 0, 0, 0});
  double cpu = 0, memory = 0;
  while (std::max(cpu / 32'000, memory / 131'072) < 1.2) {
    small.requests.push_back({500 * (1 + static_cast<std::int32_t>(below(random, 8))),
                              1024 * (1 + static_cast<std::int32_t>(below(random, 16))), 0, 0, 0, 0});
    cpu += small.requests.back().cpu;
    memory += small.requests.back().memory;
  }
  return small;
}

double placed_worth(const SmallCase& small) {
  Engine engine;
  engine.add_zone(0);
  for (NodeIndex n = 0; n < small.nodes.size(); ++n)
    engine.put(n, equal_node(small.nodes[n].cpu, small.nodes[n].memory));
  double worth = 0;
  for (const Amounts& request : small.requests) {
    ClassSpec spec;
    spec.request = request;
    if (!engine.place(engine.use(spec), 1).empty()) worth += SmallCase::worth(request);
  }
  return worth;
}

/// As a program in CPLEX's format: which request is on which node, the worth of what is placed as large as
/// can be.
std::string program_of(const SmallCase& small) {
  std::ostringstream out;
  const auto name = [](std::size_t r, std::size_t n) {
    return "x" + std::to_string(r) + "_" + std::to_string(n);
  };
  const auto sum = [&](auto each) {
    for (std::size_t r = 0; r < small.requests.size(); ++r)
      for (std::size_t n = 0; n < small.nodes.size(); ++n) each(r, n);
  };
  out << "Maximize\nobj:";
  sum([&](auto r, auto n) {
    out << " + " << SmallCase::worth(small.requests[r]) << " " << name(r, n) << "\n";
  });
  out << "Subject To\n";
  for (std::size_t r = 0; r < small.requests.size(); ++r) {
    out << "once" << r << ":";
    for (std::size_t n = 0; n < small.nodes.size(); ++n) out << " + " << name(r, n);
    out << " <= 1\n";
  }
  for (std::size_t n = 0; n < small.nodes.size(); ++n) {
    out << "cpu" << n << ":";
    for (std::size_t r = 0; r < small.requests.size(); ++r)
      out << " + " << small.requests[r].cpu << " " << name(r, n);
    out << " <= " << small.nodes[n].cpu << "\nmemory" << n << ":";
    for (std::size_t r = 0; r < small.requests.size(); ++r)
      out << " + " << small.requests[r].memory << " " << name(r, n);
    out << " <= " << small.nodes[n].memory << "\n";
  }
  out << "Binary\n";
  sum([&](auto r, auto n) { out << name(r, n) << "\n"; });
  out << "End\n";
  return out.str();
}

/// What no placement can exceed: the optimum, or the solver's bound after some seconds. 0 if it says neither.
double solver_bound(const SmallCase& small, const std::filesystem::path& folder) {
  std::ofstream(folder / "case.lp") << program_of(small);
  const std::string command = "cbc " + (folder / "case.lp").string() + " sec 1 solve";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return 0;
  double bound = 0;
  char line[512];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    const std::string text = line;
    for (const char* what : {"Upper bound:", "Objective value:"})
      if (text.starts_with(what) && (bound == 0 || *what == 'U'))
        bound = std::abs(std::atof(text.substr(text.find(':') + 1).c_str()));
  }
  pclose(pipe);
  return bound;
}

nlohmann::json bench_solver() {
  if (std::system("command -v cbc >/dev/null") != 0) return {{"left_out", "coinor-cbc is not installed"}};
  char folder[] = "/tmp/cloudless-quality-XXXXXX";
  if (mkdtemp(folder) == nullptr) return {{"left_out", "no temporary folder"}};
  Random random(11);
  std::vector<double> ratios;
  for (int i = 0; i < 10; ++i) {
    const SmallCase small = small_case(random);
    if (const double bound = solver_bound(small, folder); bound > 0)
      ratios.push_back(placed_worth(small) / bound);
  }
  std::filesystem::remove_all(folder);
  if (ratios.empty()) return {{"left_out", "cbc gave no bound"}};
  return {{"cases", ratios.size()},
          {"ratio", mean(ratios)},
          {"least_ratio", *std::min_element(ratios.begin(), ratios.end())}};
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "../shared/data/openb";
  const int seeds = argc > 2 ? std::atoi(argv[2]) : 10;
  nlohmann::json out;
  out["openb"] = bench_trace(folder, std::max(1, seeds));
  out["opened"] = bench_opened(64, 1820);
  out["opened_small_nodes"] = bench_opened(32, 1820);
  out["opened_much_memory"] = bench_opened(64, 4096);
  out["solver"] = bench_solver();
  std::printf("%s\n", out.dump(1).c_str());
}
