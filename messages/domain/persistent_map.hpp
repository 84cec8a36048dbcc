// An ordered map whose copies share structure: a copy costs one pointer, a change costs O(log n) new nodes,
// and readers of an older copy never notice. A treap whose priorities are a hash of the key, so its shape
// depends on its content alone. Not thread-safe for writers of one object; distinct copies may be read and
// changed by different threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace cloudless {

template <class K>
struct KeyHash {
  std::size_t operator()(const K& k) const { return std::hash<K>{}(k); }
};

/// K: totally ordered, hashable by KeyHash<K>. V: cheap to copy (a shared_ptr).
template <class K, class V>
class PersistentMap {
  struct Node;
  using Link = std::shared_ptr<const Node>;
  struct Node {
    K key;
    V value;
    std::uint64_t priority;
    Link left, right;
  };

 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// nullptr if there is none.
  const V* find(const K& key) const {
    const Node* n = root_.get();
    while (n != nullptr) {
      if (key < n->key)
        n = n->left.get();
      else if (n->key < key)
        n = n->right.get();
      else
        return &n->value;
    }
    return nullptr;
  }

  void set(const K& key, V value) {
    if (find(key) != nullptr) {
      root_ = replaced(root_, key, std::move(value));
      return;
    }
    auto [low, high] = split(root_, key);
    auto fresh =
        std::make_shared<const Node>(Node{key, std::move(value), mix(KeyHash<K>{}(key)), nullptr, nullptr});
    root_ = merge(merge(low, fresh), high);
    ++size_;
  }

  /// True if there was one.
  bool erase(const K& key) {
    if (find(key) == nullptr) return false;
    root_ = erased(root_, key);
    --size_;
    return true;
  }

  /// Calls visit(key, value) in order, from the first key that is not below `from`, until it returns false.
  template <class Visit>
  void visit_from(const K& from, Visit&& visit) const {
    walk_from(root_.get(), from, visit);
  }

  /// Calls visit(key, value) for all, in order; visit returns nothing.
  template <class Visit>
  void for_each(Visit&& visit) const {
    walk(root_.get(), visit);
  }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  static Link with(const Node& n, Link left, Link right) {
    return std::make_shared<const Node>(Node{n.key, n.value, n.priority, std::move(left), std::move(right)});
  }
  static Link replaced(const Link& n, const K& key, V value) {
    if (key < n->key) return with(*n, replaced(n->left, key, std::move(value)), n->right);
    if (n->key < key) return with(*n, n->left, replaced(n->right, key, std::move(value)));
    return std::make_shared<const Node>(Node{n->key, std::move(value), n->priority, n->left, n->right});
  }
  static Link erased(const Link& n, const K& key) {
    if (key < n->key) return with(*n, erased(n->left, key), n->right);
    if (n->key < key) return with(*n, n->left, erased(n->right, key));
    return merge(n->left, n->right);
  }
  /// Keys below `key`, and keys above it; `key` itself is not there.
  static std::pair<Link, Link> split(const Link& n, const K& key) {
    if (!n) return {};
    if (n->key < key) {
      auto [low, high] = split(n->right, key);
      return {with(*n, n->left, low), high};
    }
    auto [low, high] = split(n->left, key);
    return {low, with(*n, high, n->right)};
  }
  static Link merge(const Link& low, const Link& high) {
    if (!low) return high;
    if (!high) return low;
    if (low->priority >= high->priority) return with(*low, low->left, merge(low->right, high));
    return with(*high, merge(low, high->left), high->right);
  }
  template <class Visit>
  static bool walk_from(const Node* n, const K& from, Visit& visit) {
    if (n == nullptr) return true;
    if (n->key < from) return walk_from(n->right.get(), from, visit);
    return walk_from(n->left.get(), from, visit) && visit(n->key, n->value) &&
           walk_from(n->right.get(), from, visit);
  }
  template <class Visit>
  static void walk(const Node* n, Visit& visit) {
    if (n == nullptr) return;
    walk(n->left.get(), visit);
    visit(n->key, n->value);
    walk(n->right.get(), visit);
  }

  Link root_;
  std::size_t size_ = 0;
};

}  // namespace cloudless
