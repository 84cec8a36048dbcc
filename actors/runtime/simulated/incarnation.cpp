#include "actors/runtime/simulated/incarnation.hpp"

#include <utility>

namespace cloudless::runtime {

void Incarnation::prepare_image(ImageRequest request, ImageNews news, Done<PreparedImage> done) {
  if (!*open_) return;
  ImageNews heard = [open = open_, news = std::move(news)](std::string words) {
    if (*open && news) news(std::move(words));
  };
  runtime_.prepare_image(std::move(request), std::move(heard), while_open(std::move(done)));
}

void Incarnation::expect(ContainerRequest request) {
  if (*open_) runtime_.expect(std::move(request));
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

void Incarnation::forget_volumes(const std::vector<ReplicaId>& keep) {
  if (*open_) runtime_.forget_volumes(keep);
}

void Incarnation::update_limits(ContainerId container, ResourceLimits limits, Done<Nothing> done) {
  if (*open_) runtime_.update_limits(std::move(container), limits, while_open(std::move(done)));
}

void Incarnation::usage(Done<std::vector<ContainerUsage>> done) {
  if (*open_) runtime_.usage(while_open(std::move(done)));
}

void Incarnation::ping(Done<Nothing> done) {
  if (*open_) runtime_.ping(while_open(std::move(done)));
}

void Incarnation::collect_images(std::vector<ImageRequest> keep) {
  if (*open_) runtime_.collect_images(std::move(keep));
}

void Incarnation::load(Done<std::string> done) {
  if (*open_) disk_.load(while_open(std::move(done)));
}

void Incarnation::save(std::string bytes, Done<Nothing> done) {
  if (*open_) disk_.save(std::move(bytes), while_open(std::move(done)));
}

GiveUp Incarnation::ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) {
  if (!*open_) return {};
  return probes_.ask(std::move(question), [open = open_, done = std::move(done)](ProbeAnswer answer) {
    if (*open) done(std::move(answer));
  });
}

}  // namespace cloudless::runtime
