// mvcc/key_tree.h: every key in order, in a B+-tree that counts the live ones of each subtree.
//
// A key that was deleted stays in the tree, marked dead, as long as it has history: reads at old revisions find it in
// its place. It is not counted, and scans of live keys step over it by bits and over dead subtrees at once.
//
// Loop:    core. Not safe for any other.
// Costs:   insert, erase, seek, count, marking: O(log keys). A step to the next live key: O(log keys) at worst,
// whatever
//          lies dead between.
// Invariants:
//   (1) Each key is in one leaf, once; leaves are in order of the keys' bytes.
//   (2) A key's bit in its leaf says whether it is live; each inner node has, for each child, the number of bits set
//       below it and the first key below it.
//   (3) All leaves are at the same depth; nodes other than the root and those at the right edge are at least a quarter
//     full, and no leaf but a root is empty.
//   (4) A Place stays valid until the next insert or erase; marking keeps it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "mvcc/record.h"

namespace quorate::mvcc {

class KeyTree {
 private:
  static constexpr size_t kLeafKeys = 64;
  static constexpr size_t kChildren = 32;
  static constexpr size_t kHeightMax = 12;  // 8^12 leaves are more than memory holds

  struct Node {
    uint32_t count = 0;
  };
  struct Leaf : Node {
    uint64_t live = 0;
    std::array<Key*, kLeafKeys> keys;
  };
  struct Inner : Node {
    std::array<Key*, kChildren> first;
    std::array<Node*, kChildren> child;
    std::array<size_t, kChildren> live;
  };

 public:
  KeyTree();
  KeyTree(const KeyTree&) = delete;
  KeyTree& operator=(const KeyTree&) = delete;
  ~KeyTree();

  // Where a key is, and the way to it; at_end() behind the last one.
  class Place {
   public:
    bool at_end() const { return leaf_ == nullptr || index_ >= leaf_->count; }
    // Not at the end.
    Key& key() const { return *leaf_->keys[index_]; }
    bool live() const { return (leaf_->live >> index_ & 1) != 0; }
    // To the next key, or the next live one.
    void next();
    void next_live();

   private:
    friend class KeyTree;
    // To the first key or the first live one of the next leaf that has one.
    void climb(bool only_live);

    size_t height_ = 0;  // inner nodes above the leaf
    struct Step {
      Inner* node;
      size_t index;
    };
    std::array<Step, kHeightMax> path_;  // from the root
    Leaf* leaf_ = nullptr;
    size_t index_ = 0;
  };

  // Fills a fresh tree with keys that ascend and have their newest records: O(keys), and as dense as can be.
  void build(std::span<Key* const> keys);
  // Requires that it is not there. It becomes live.
  void insert(Key& key);
  // Requires that it is there. Any key's state.
  void erase(const Key& key);
  // The first key that is not less than `text`.
  Place seek(std::string_view text) const;
  // The same among live keys.
  Place seek_live(std::string_view text) const;
  // Requires that `place` is not at the end.
  void mark(const Place& place, bool live);

  // Live keys less than `text`.
  size_t live_before(std::string_view text) const;
  size_t live() const;
  size_t size() const { return size_; }
  // Of all nodes.
  size_t held_bytes() const { return leaves_ * sizeof(Leaf) + inners_ * sizeof(Inner); }

  // For tests: fails a CHECK where an invariant does not hold.
  void check() const;

 private:
  struct Totals {
    size_t keys = 0, live = 0;
  };

  static size_t child_for(const Inner& node, std::string_view text);
  static size_t index_in(const Leaf& leaf, std::string_view text);
  static size_t live_of(const Node& node, bool is_leaf);
  static Key* first_of(const Node& node, bool is_leaf);

  static void insert_at(Leaf& leaf, size_t index, Key* key);
  static void insert_child(Inner& node, size_t index, Node* child, bool child_is_leaf);
  // The left part keeps `keep`; the rest goes to the result.
  Leaf* split(Leaf& leaf, size_t keep);
  Inner* split(Inner& node, size_t keep);
  // Puts `right`, split off the leaf at the end of the path, into the tree.
  void add_right(Place& place, Node* right, bool append);
  static void refresh(Inner& node, size_t index, bool child_is_leaf);
  static void refresh_path(const Place& place);

  void drop_only_child(Inner& node, bool child_is_leaf);
  // Fills or joins children `index` and `index` + 1 of `node`.
  void even_out(Inner& node, size_t index, bool children_are_leaves);
  static void move_keys(Leaf& left, Leaf& right, size_t left_count);
  static void move_children(Inner& left, Inner& right, size_t left_count);
  static void remove_child(Inner& node, size_t index);

  void free(Node* node, size_t height);
  Totals check(const Node& node, size_t height, bool root) const;

  Node* root_;
  size_t height_ = 0;  // inner nodes above a leaf
  size_t size_ = 0;
  size_t leaves_ = 0, inners_ = 0;
};

}  // namespace quorate::mvcc
