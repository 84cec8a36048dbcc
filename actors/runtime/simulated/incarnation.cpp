#include "actors/runtime/simulated/incarnation.hpp"

#include <utility>

namespace cloudless::runtime {

void Incarnation::prepare_image(std::string image, ImagePullPolicy policy, Done<Nothing> done) {
  if (*open_) runtime_.prepare_image(std::move(image), policy, while_open(std::move(done)));
}

void Incarnation::start(ContainerRequest request, Done<StartedContainer> done) {
  if (*open_) runtime_.start(std::move(request), while_open(std::move(done)));
}

void Incarnation::wait(ContainerId container, Done<ContainerExit> done) {
  if (*open_) runtime_.wait(std::move(container), while_open(std::move(done)));
}

void Incarnation::signal(ContainerId container, int signal, Done<Nothing> done) {
  if (*open_) runtime_.signal(std::move(container), signal, while_open(std::move(done)));
}

void Incarnation::remove(ContainerId container, Done<Nothing> done) {
  if (*open_) runtime_.remove(std::move(container), while_open(std::move(done)));
}

void Incarnation::list(Done<std::vector<ObservedContainer>> done) {
  if (*open_) runtime_.list(while_open(std::move(done)));
}

GiveUp Incarnation::exec(ContainerId container, ExecQuery query, Done<ExecResult> done) {
  if (!*open_) return {};
  return runtime_.exec(std::move(container), std::move(query), while_open(std::move(done)));
}

std::unique_ptr<RuntimeStream> Incarnation::open_stream(StreamRequest request,
                                                        std::function<void(StreamNews)> tell) {
  if (!*open_) return nullptr;
  return runtime_.open_stream(std::move(request), [open = open_, tell = std::move(tell)](StreamNews news) {
    if (*open) tell(std::move(news));
  });
}

std::string Incarnation::log_path(const ContainerId& container) const {
  return runtime_.log_path(container);
}

void Incarnation::forget_logs(const std::vector<ContainerId>& keep) {
  if (*open_) runtime_.forget_logs(keep);
}

void Incarnation::load(Done<std::string> done) {
  if (*open_) disk_.load(while_open(std::move(done)));
}

void Incarnation::save(std::string bytes, Done<Nothing> done) {
  if (*open_) disk_.save(std::move(bytes), while_open(std::move(done)));
}

}  // namespace cloudless::runtime
