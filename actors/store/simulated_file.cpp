#include "actors/store/simulated_file.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::store {
namespace {

// What a disk writes in one piece.
constexpr std::size_t kSector = 512;

}  // namespace

void SimulatedFile::apply(std::string& contents, const Write& write) {
  if (write.truncates) {
    contents.resize(write.offset);
    return;
  }
  if (contents.size() < write.offset + write.data.size()) contents.resize(write.offset + write.data.size());
  contents.replace(write.offset, write.data.size(), write.data);
}

void SimulatedFile::write(std::size_t offset, std::string_view data) {
  unsynced_.push_back({offset, std::string(data), false});
  apply(visible_, unsynced_.back());
}

void SimulatedFile::truncate(std::size_t size) {
  unsynced_.push_back({size, {}, true});
  apply(visible_, unsynced_.back());
}

void SimulatedFile::sync() {
  for (const auto& write : std::exchange(unsynced_, {})) apply(durable_, write);
  linked_ = true;
}

void SimulatedFile::keep_pieces_of(const Write& write, std::mt19937_64& dice) {
  for (std::size_t done = 0; done < write.data.size();) {
    const std::size_t size = std::min(kSector - (write.offset + done) % kSector, write.data.size() - done);
    if (dice() % 2 == 0) apply(durable_, {write.offset + done, write.data.substr(done, size), false});
    done += size;
  }
}

void SimulatedFile::crash(std::mt19937_64& dice) {
  const auto loss = static_cast<Loss>(dice() % 3);
  const std::size_t prefix = unsynced_.empty() ? 0 : dice() % (unsynced_.size() + 1);
  for (std::size_t i = 0; i < unsynced_.size(); ++i) {
    const Write& write = unsynced_[i];
    switch (loss) {
      case Loss::nothing:
        apply(durable_, write);
        break;
      case Loss::a_tail:
        if (i < prefix) apply(durable_, write);
        if (i == prefix) keep_pieces_of(write, dice);
        break;
      case Loss::any_piece:
        if (!write.truncates)
          keep_pieces_of(write, dice);
        else if (dice() % 2 == 0)
          apply(durable_, write);
        break;
    }
  }
  unsynced_.clear();
  visible_ = durable_;
  linked_ = true;
}

}  // namespace cloudless::store
