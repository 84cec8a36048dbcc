// Classes by what they are: equal specs are one class. Specs stay while somebody uses them; their indexes,
// which are large, are kept within a budget, the least recently used giving way (it is built anew when asked
// for).
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "actors/scheduler/engine/class_index.hpp"

namespace cloudless::scheduler::engine {

class ClassCache {
 public:
  /// `budget`: bytes that all indexes may take together; at least one is kept.
  ClassCache(std::size_t budget, const Weights& house) : budget_(budget), house_(house) {}
  ClassCache(const ClassCache&) = delete;
  ClassCache& operator=(const ClassCache&) = delete;

  /// The class of this spec; used once more.
  ClassId use(ClassSpec spec);
  /// Used once less; the class is gone with its last use.
  void drop(ClassId id);

  const ClassSpec& spec(ClassId id) const { return records_[id]->spec; }
  /// Marks it as used now.
  ClassIndex& index(ClassId id);

  std::size_t classes() const { return by_spec_.size(); }
  std::size_t indexes() const { return indexes_.size() - free_.size(); }
  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  struct Record {
    ClassSpec spec;
    std::uint64_t hash = 0;
    std::uint32_t uses = 0;
    std::uint32_t index = kNone;
  };
  struct Cached {
    ClassIndex index;
    ClassId owner = 0;
    std::uint32_t newer = kNone, older = kNone;  // neighbours in the order of use
  };
  struct SpecHash {
    using is_transparent = void;
    const ClassCache* cache;
    std::size_t operator()(ClassId id) const { return cache->records_[id]->hash; }
    std::size_t operator()(const Record* record) const { return record->hash; }
  };
  struct SpecEqual {
    using is_transparent = void;
    const ClassCache* cache;
    bool operator()(ClassId a, ClassId b) const { return a == b; }
    bool operator()(ClassId a, const Record* b) const { return cache->records_[a]->spec == b->spec; }
    bool operator()(const Record* a, ClassId b) const { return (*this)(b, a); }
  };
  void unlink(std::uint32_t at);
  void link_newest(std::uint32_t at);
  void free_index(std::uint32_t at);

  std::size_t budget_;
  Weights house_;
  std::vector<std::unique_ptr<Record>> records_;  // their addresses stay
  std::vector<ClassId> free_ids_;
  std::unordered_set<ClassId, SpecHash, SpecEqual> by_spec_{16, SpecHash{this}, SpecEqual{this}};
  std::vector<std::unique_ptr<Cached>> indexes_;
  std::vector<std::uint32_t> free_;
  std::uint32_t newest_ = kNone, oldest_ = kNone;
};

}  // namespace cloudless::scheduler::engine
