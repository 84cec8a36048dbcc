// An ordered map whose copies share structure: a copy costs one pointer, a change costs O(log n) new nodes,
// and readers of an older copy never notice. What no other copy shares is changed in place, so that many
// changes in a row cost little more than in a map that is not shared. A treap whose priorities are a hash of
// the key, so its shape depends on its content alone. Not thread-safe for writers of one object; distinct
// copies may be read and changed by different threads. What find() answered is valid until the next change.
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace cloudless {

template <class K>
struct KeyHash {
  std::size_t operator()(const K& k) const { return std::hash<K>{}(k); }
};

/// K: totally ordered, hashable by KeyHash<K>. V: cheap to copy (a shared_ptr, another of these maps).
/// KeyIn: keys are not kept beside the values but read out of them. KeyIn{}(value) answers what compares with
/// a K, and becomes a K, as that key would; edit() is not for those.
template <class K, class V, class KeyIn = void>
class PersistentMap {
  struct Node;

  /// Shares a node, with a count inside it: a map of many has one block of memory per entry, and no more.
  class Link {
   public:
    Link() = default;
    explicit Link(Node* node) : node_(node) {}  ///< takes over the one count that a new node has
    Link(const Link& other) noexcept : node_(other.node_) {
      if (node_ != nullptr) node_->holders.fetch_add(1, std::memory_order_relaxed);
    }
    Link(Link&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Link& operator=(Link other) noexcept {
      std::swap(node_, other.node_);
      return *this;
    }
    ~Link() {
      if (node_ != nullptr && node_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node_;
    }
    explicit operator bool() const { return node_ != nullptr; }
    Node* get() const { return node_; }
    Node& operator*() const { return *node_; }
    Node* operator->() const { return node_; }
    /// Nobody else holds it, if everything above it is held by nobody else; and what another thread read of
    /// it before it let go has happened.
    bool is_own() const { return node_->holders.load(std::memory_order_acquire) == 1; }

   private:
    Node* node_ = nullptr;
  };

  struct KeyBeside {
    K kept;
    V value;
    const K& key() const { return kept; }
  };
  struct KeyInside {
    V value;
    auto key() const { return KeyIn{}(value); }
  };
  using Entry = std::conditional_t<std::is_void_v<KeyIn>, KeyBeside, KeyInside>;

  struct Node {
    Entry entry;
    std::uint32_t priority;
    std::atomic<std::uint32_t> holders{1};
    Link left{}, right{};
  };

 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// nullptr if there is none.
  const V* find(const K& key) const {
    const Node* n = root_.get();
    while (n != nullptr) {
      const auto order = key <=> n->entry.key();
      if (order == 0) return &n->entry.value;
      n = (order < 0 ? n->left : n->right).get();
    }
    return nullptr;
  }

  void set(const K& key, V value) { own_value(key) = std::move(value); }

  /// The value to change in place, made if there is none; valid until the next call of anything else.
  V& edit(const K& key) requires std::is_void_v<KeyIn> { return own_value(key); }

  /// True if there was one.
  bool erase(const K& key) {
    if (find(key) == nullptr) return false;
    Link* at = &root_;
    for (auto order = key <=> (*at)->entry.key(); order != 0; order = key <=> (*at)->entry.key()) {
      Node& n = own(*at);
      at = order < 0 ? &n.left : &n.right;
    }
    const Link gone = std::move(*at);
    *at =
        gone.is_own() ? merge(std::move(gone->left), std::move(gone->right)) : merge(gone->left, gone->right);
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
  static std::uint32_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>((x ^ (x >> 31)) >> 32);
  }
  static Link fresh(const K& key, std::uint32_t priority) {
    if constexpr (std::is_void_v<KeyIn>)
      return Link(new Node{{key, V{}}, priority});
    else
      return Link(new Node{{V{}}, priority});
  }
  /// The node to change: a copy takes its place if somebody else holds it.
  static Node& own(Link& link) {
    if (!link.is_own()) link = Link(new Node{link->entry, link->priority, {1}, link->left, link->right});
    return *link;
  }
  /// The value under this key, an empty one if there was none. Priorities are hashes of keys, so the key is
  /// never below a node that the new one would stand above.
  V& own_value(const K& key) {
    const auto priority = mix(KeyHash<K>{}(key));
    Link* at = &root_;
    while (*at) {
      const auto order = key <=> (*at)->entry.key();
      if (order == 0) return own(*at).entry.value;
      if (priority > (*at)->priority || (priority == (*at)->priority && order < 0)) break;
      Node& n = own(*at);
      at = order < 0 ? &n.left : &n.right;
    }
    Link added = fresh(key, priority);
    split(std::move(*at), key, added->left, added->right);
    *at = std::move(added);
    ++size_;
    return (*at)->entry.value;
  }
  /// Keys below `key` go to `low`, keys above it to `high`; `key` itself is not there.
  static void split(Link whole, const K& key, Link& low, Link& high) {
    if (!whole) {
      low = {};
      high = {};
      return;
    }
    Node& n = own(whole);
    if (key > n.entry.key()) {
      split(std::move(n.right), key, n.right, high);
      low = std::move(whole);
    } else {
      split(std::move(n.left), key, low, n.left);
      high = std::move(whole);
    }
  }
  /// All of `low` is below all of `high`, so of equal priorities the low one stands above.
  static Link merge(Link low, Link high) {
    if (!low) return high;
    if (!high) return low;
    if (low->priority >= high->priority) {
      Node& n = own(low);
      n.right = merge(std::move(n.right), std::move(high));
      return low;
    }
    Node& n = own(high);
    n.left = merge(std::move(low), std::move(n.left));
    return high;
  }
  template <class Visit>
  static bool walk_from(const Node* n, const K& from, Visit& visit) {
    if (n == nullptr) return true;
    if (from > n->entry.key()) return walk_from(n->right.get(), from, visit);
    return walk_from(n->left.get(), from, visit) && visit(n->entry.key(), n->entry.value) &&
           walk_from(n->right.get(), from, visit);
  }
  template <class Visit>
  static void walk(const Node* n, Visit& visit) {
    if (n == nullptr) return;
    walk(n->left.get(), visit);
    visit(n->entry.key(), n->entry.value);
    walk(n->right.get(), visit);
  }

  Link root_;
  std::size_t size_ = 0;
};

}  // namespace cloudless
