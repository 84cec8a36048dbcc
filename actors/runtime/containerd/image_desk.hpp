// Who waits for which image: requests for the same image are one piece of work however many replicas make
// them, pulls are at most so many at once, and what is here already never queues behind a pull.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "actors/runtime/containerd/containers.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/worker_pool.hpp"

namespace cloudless::runtime {

class ImageDesk {
 public:
  ImageDesk(Images& images, Containers& containers, std::size_t max_pulls);

  /// As in RuntimePort.
  void prepare(ImageRequest request, ImageNews news, Done<PreparedImage> done);
  void collect(std::vector<ImageRequest> keep);
  /// Runs what is queued to its end; calls to containerd are cancelled by then.
  void finish();

 private:
  struct Waiter {
    Done<PreparedImage> done;
    ImageNews news;
  };
  using Waiters = std::map<std::string, std::vector<Waiter>>;

  void look(const std::string& key, const ImageRequest& request);
  void pull(const std::string& key, const ImageRequest& request);
  /// True for the first: the others wait for its answer.
  bool join(Waiters& waiters, const std::string& key, std::vector<Waiter> more);
  void answer(Waiters& waiters, const std::string& key, const Result<PreparedImage>& result);
  void tell(const std::string& key, const std::string& words);
  std::vector<Waiter> leave(Waiters& waiters, const std::string& key);

  Images& images_;
  Containers& containers_;
  std::mutex mutex_;
  Waiters looking_;
  Waiters pulling_;
  bool collecting_ = false;
  WorkerPool look_jobs_;
  WorkerPool pull_jobs_;
};

}  // namespace cloudless::runtime
