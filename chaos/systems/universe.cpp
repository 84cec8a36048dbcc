#include "chaos/systems/universe.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "chaos/systems/identities.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::sim {
namespace {

constexpr std::uint16_t kPort = 9093;
constexpr auto kHandshakePatience = std::chrono::seconds{2};

bool is_closed(Planet& process, caf::io::connection_handle end) {
  return process.network().stopped_reading(end);
}

}  // namespace

Universe::Universe(std::uint64_t seed, bool print_trace) : print_(print_trace), dice_(seed) {
  restart_identities();
}

std::shared_ptr<Planet> Universe::start_process() {
  processes_.push_back(std::make_shared<Planet>());
  return processes_.back();
}

void Universe::kill_process(const std::shared_ptr<Planet>& process) {
  for (auto* connection : connections_of(process.get())) cut(*connection);
  std::erase(processes_, process);
  process->kill();
}

void Universe::connect(const std::shared_ptr<Planet>& server, const door_actor& door,
                       const std::shared_ptr<Planet>& client, std::function<void(Result<door_actor>)> done) {
  Connection connection{server.get(), caf::io::connection_handle::from_int(++last_handle_), client.get(),
                        caf::io::connection_handle::from_int(++last_handle_)};
  connections_.push_back(connection);
  caf::anon_send(server->broker(), caf::publish_atom_v, server->network().new_scribe(connection.server_end),
                 kPort, caf::actor_cast<caf::strong_actor_ptr>(door), server->system().message_types(door));
  auto scribe = client->network().new_scribe(connection.client_end);
  client->own(client->system().spawn([scribe, done = std::move(done),
                                      broker = client->broker()](caf::event_based_actor* self) {
    self->request(broker, kHandshakePatience, caf::connect_atom_v, scribe, kPort)
        .then(
            [done](const caf::node_id&, const caf::strong_actor_ptr& found, const std::set<std::string>&) {
              if (found)
                done(caf::actor_cast<door_actor>(found));
              else
                done(fail(Errc::failed_precondition, "nothing is published there"));
            },
            [done](const caf::error& error) { done(fail(from_caf(error))); });
  }));
}

std::vector<Connection*> Universe::connections_of(const Planet* process) {
  std::vector<Connection*> out;
  for (auto& connection : connections_)
    if (connection.server == process || connection.client == process) out.push_back(&connection);
  return out;
}

void Universe::close_end(Planet& process, caf::io::connection_handle end) {
  if (auto scribe = process.network().impl_ptr(end); scribe && !is_closed(process, end))
    scribe->io_failure(&process.network(), caf::io::network::operation::read);
  process.network().stopped_reading(end) = true;
}

void Universe::cut(Connection& connection) {
  close_end(*connection.server, connection.server_end);
  close_end(*connection.client, connection.client_end);
  connections_.remove_if([&](const Connection& other) { return &other == &connection; });
}

/// A connection that one side closed ends for the other, unless the cable is pulled.
void Universe::bury() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    auto& connection = *it++;
    const bool server_closed = is_closed(*connection.server, connection.server_end);
    const bool client_closed = is_closed(*connection.client, connection.client_end);
    if ((server_closed && client_closed) ||
        (!connection.silent && !connection.stalled && (server_closed || client_closed)))
      cut(connection);
  }
}

void Universe::after(Millis delay, std::function<void()> call) {
  put_off_.emplace(now_ + delay, std::move(call));
}

bool Universe::do_what_is_due() {
  if (put_off_.empty() || put_off_.begin()->first > now_) return false;
  auto call = std::move(put_off_.begin()->second);
  put_off_.erase(put_off_.begin());
  call();
  return true;
}

bool Universe::run_an_actor() {
  std::uint64_t all = 0;
  for (const auto& process : processes_) all += process->runnable();
  if (all == 0) return false;
  auto draw = dice_.below(all);
  for (const auto& process : processes_) {
    if (draw < process->runnable()) {
      hash_.add(all);
      hash_.add(draw);
      process->run(draw);
      return true;
    }
    draw -= process->runnable();
  }
  return false;
}

bool Universe::run_a_broker() {
  const auto first = dice_.below(processes_.size());
  for (std::size_t i = 0; i < processes_.size(); ++i)
    if (processes_[(first + i) % processes_.size()]->run_broker()) return true;
  return false;
}

bool Universe::pass_bytes() {
  struct Way {
    Planet* from;
    caf::io::connection_handle out;
    Planet* to;
    caf::io::connection_handle in;
  };
  std::vector<Way> ways;
  for (const auto& c : connections_) {
    if (c.silent || c.stalled) continue;
    for (const auto& way : {Way{c.server, c.server_end, c.client, c.client_end},
                            Way{c.client, c.client_end, c.server, c.server_end}})
      if (!way.from->network().output_buffer(way.out).empty() ||
          !way.to->network().virtual_network_buffer(way.in).empty())
        ways.push_back(way);
  }
  if (ways.empty()) return false;
  const auto& way = dice_.pick(ways);
  auto& sent = way.from->network().output_buffer(way.out);
  auto& arrived = way.to->network().virtual_network_buffer(way.in);
  // Any number of bytes may arrive together.
  const auto count = dice_.once_in(3) ? dice_.below(sent.size() + 1) : sent.size();
  hash_.add(count);
  arrived.insert(arrived.end(), sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(count));
  sent.erase(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(count));
  return way.to->network().try_read_data(way.in) || count > 0;
}

void Universe::step() {
  if (do_what_is_due()) return;
  bury();
  ++steps_;
  bool busy = false;
  if (!dice_.once_in(8)) {
    const auto first = dice_.below(3);
    for (std::uint64_t i = 0; i < 3 && !busy; ++i) {
      switch ((first + i) % 3) {
        case 0:
          busy = run_an_actor();
          break;
        case 1:
          busy = run_a_broker();
          break;
        default:
          busy = pass_bytes();
      }
    }
    if (busy) return;
  }
  const Millis time = dice_.between(0, 4);
  now_ += time;
  for (const auto& process : processes_) process->pass(time);
  hash_.add(static_cast<std::uint64_t>(now_));
}

void Universe::note(const std::string& what) {
  hash_.add(static_cast<std::uint64_t>(now_));
  hash_.add(what);
  if (print_)
    std::printf("%8lld ms  step %6llu  %s\n", static_cast<long long>(now_),
                static_cast<unsigned long long>(steps_), what.c_str());
}

void Universe::broken(Breach breach) {
  note("BROKEN: " + breach.invariant + ": " + breach.what);
  if (!breach_) breach_ = std::move(breach);
}

}  // namespace cloudless::sim
