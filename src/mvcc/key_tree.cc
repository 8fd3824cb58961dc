#include "mvcc/key_tree.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::mvcc {

namespace {

uint64_t bits_below(size_t index) { return index >= 64 ? ~uint64_t{0} : (uint64_t{1} << index) - 1; }

}  // namespace

KeyTree::KeyTree() : root_(new Leaf), leaves_(1) { static_assert(kLeafKeys == 64, "one word of bits"); }
KeyTree::~KeyTree() { free(root_, height_); }

void KeyTree::free(Node* node, size_t height) {
  if (height == 0) {
    delete static_cast<Leaf*>(node);
    return;
  }
  auto* inner = static_cast<Inner*>(node);
  for (size_t i = 0; i < inner->count; ++i) free(inner->child[i], height - 1);
  delete inner;
}

// --- searching

// The last child whose first key is at most `text`; the first child where there is none.
size_t KeyTree::child_for(const Inner& node, std::string_view text) {
  size_t low = 0, high = node.count;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    (node.first[middle]->text() <= text ? low : high) = middle;
  }
  return low;
}

size_t KeyTree::index_in(const Leaf& leaf, std::string_view text) {
  const auto begin = leaf.keys.begin();
  return static_cast<size_t>(std::lower_bound(begin, begin + leaf.count, text,
                                              [](const Key* key, std::string_view t) { return key->text() < t; }) -
                             begin);
}

KeyTree::Place KeyTree::seek(std::string_view text) const {
  Place place;
  Node* node = root_;
  for (size_t level = 0; level < height_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    const size_t index = child_for(*inner, text);
    place.path_[level] = {inner, index};
    node = inner->child[index];
  }
  place.height_ = height_;
  place.leaf_ = static_cast<Leaf*>(node);
  place.index_ = index_in(*place.leaf_, text);
  if (place.at_end() && place.leaf_->count != 0) place.climb(false);
  return place;
}

KeyTree::Place KeyTree::seek_live(std::string_view text) const {
  Place place = seek(text);
  if (!place.at_end() && !place.live()) place.next_live();
  return place;
}

void KeyTree::Place::next() {
  if (++index_ >= leaf_->count) climb(false);
}

void KeyTree::Place::next_live() {
  const uint64_t rest = leaf_->live & ~bits_below(index_ + 1);
  if (rest != 0) {
    index_ = static_cast<size_t>(std::countr_zero(rest));
  } else {
    climb(true);
  }
}

void KeyTree::Place::climb(bool only_live) {
  const auto next_child = [only_live](const Inner& node, size_t from) {
    while (only_live && from < node.count && node.live[from] == 0) ++from;
    return from;
  };
  size_t level = height_;
  while (level > 0) {
    --level;
    Inner* node = path_[level].node;
    size_t index = next_child(*node, path_[level].index + 1);
    if (index == node->count) continue;
    for (;;) {
      path_[level].index = index;
      Node* child = node->child[index];
      if (++level == height_) {
        leaf_ = static_cast<Leaf*>(child);
        index_ = only_live ? static_cast<size_t>(std::countr_zero(leaf_->live)) : 0;
        return;
      }
      node = static_cast<Inner*>(child);
      index = next_child(*node, 0);
      path_[level].node = node;
    }
  }
  leaf_ = nullptr;
}

size_t KeyTree::live_before(std::string_view text) const {
  size_t live = 0;
  const Node* node = root_;
  for (size_t level = 0; level < height_; ++level) {
    const auto* inner = static_cast<const Inner*>(node);
    const size_t index = child_for(*inner, text);
    for (size_t i = 0; i < index; ++i) live += inner->live[i];
    node = inner->child[index];
  }
  const auto* leaf = static_cast<const Leaf*>(node);
  return live + static_cast<size_t>(std::popcount(leaf->live & bits_below(index_in(*leaf, text))));
}

size_t KeyTree::live_of(const Node& node, bool is_leaf) {
  if (is_leaf) return static_cast<size_t>(std::popcount(static_cast<const Leaf&>(node).live));
  const auto& inner = static_cast<const Inner&>(node);
  size_t live = 0;
  for (size_t i = 0; i < inner.count; ++i) live += inner.live[i];
  return live;
}

Key* KeyTree::first_of(const Node& node, bool is_leaf) {
  return is_leaf ? static_cast<const Leaf&>(node).keys[0] : static_cast<const Inner&>(node).first[0];
}

size_t KeyTree::live() const { return live_of(*root_, height_ == 0); }

void KeyTree::mark(const Place& place, bool live) {
  if (place.live() == live) return;
  place.leaf_->live ^= uint64_t{1} << place.index_;
  for (size_t level = 0; level < place.height_; ++level) {
    size_t& count = place.path_[level].node->live[place.path_[level].index];
    live ? ++count : --count;
  }
}

// --- inserting

void KeyTree::insert_at(Leaf& leaf, size_t index, Key* key) {
  std::copy_backward(leaf.keys.begin() + index, leaf.keys.begin() + leaf.count, leaf.keys.begin() + leaf.count + 1);
  leaf.keys[index] = key;
  ++leaf.count;
  const uint64_t below = bits_below(index);
  leaf.live = (leaf.live & below) | uint64_t{1} << index | (leaf.live & ~below) << 1;
}

void KeyTree::refresh(Inner& node, size_t index, bool child_is_leaf) {
  node.first[index] = first_of(*node.child[index], child_is_leaf);
  node.live[index] = live_of(*node.child[index], child_is_leaf);
}

void KeyTree::refresh_path(const Place& place) {
  for (size_t level = place.height_; level-- > 0;) {
    refresh(*place.path_[level].node, place.path_[level].index, level + 1 == place.height_);
  }
}

void KeyTree::insert_child(Inner& node, size_t index, Node* child, bool child_is_leaf) {
  const auto shift = [&](auto& array) {
    std::copy_backward(array.begin() + index, array.begin() + node.count, array.begin() + node.count + 1);
  };
  shift(node.first);
  shift(node.child);
  shift(node.live);
  node.child[index] = child;
  ++node.count;
  refresh(node, index, child_is_leaf);
  if (mutated(Mutant::kSplitCount) && child_is_leaf && node.live[index] > 1) --node.live[index];
}

KeyTree::Leaf* KeyTree::split(Leaf& leaf, size_t keep) {
  auto* right = new Leaf;
  ++leaves_;
  std::copy(leaf.keys.begin() + keep, leaf.keys.begin() + leaf.count, right->keys.begin());
  right->count = static_cast<uint32_t>(leaf.count - keep);
  right->live = keep >= kLeafKeys ? 0 : leaf.live >> keep;
  leaf.count = static_cast<uint32_t>(keep);
  leaf.live &= bits_below(keep);
  return right;
}

KeyTree::Inner* KeyTree::split(Inner& node, size_t keep) {
  auto* right = new Inner;
  ++inners_;
  right->count = static_cast<uint32_t>(node.count - keep);
  std::copy(node.first.begin() + keep, node.first.begin() + node.count, right->first.begin());
  std::copy(node.child.begin() + keep, node.child.begin() + node.count, right->child.begin());
  std::copy(node.live.begin() + keep, node.live.begin() + node.count, right->live.begin());
  node.count = static_cast<uint32_t>(keep);
  return right;
}

void KeyTree::build(std::span<Key* const> keys) {
  CHECK(size_ == 0 && height_ == 0);
  if (keys.empty()) return;
  std::vector<Node*> level;
  level.reserve(keys.size() / kLeafKeys + 1);
  for (size_t begin = 0; begin < keys.size(); begin += kLeafKeys) {
    auto* leaf = begin == 0 ? static_cast<Leaf*>(root_) : new Leaf;
    leaf->count = static_cast<uint32_t>(std::min(kLeafKeys, keys.size() - begin));
    for (size_t i = 0; i < leaf->count; ++i) {
      leaf->keys[i] = keys[begin + i];
      leaf->live |= uint64_t{leaf->keys[i]->live() != nullptr} << i;
    }
    level.push_back(leaf);
  }
  leaves_ = level.size();
  for (bool leaves = true; level.size() > 1; leaves = false, ++height_) {
    std::vector<Node*> above;
    for (size_t i = 0; i < level.size(); ++i) {
      if (i % kChildren == 0) above.push_back(new Inner);
      auto* inner = static_cast<Inner*>(above.back());
      inner->child[inner->count] = level[i];
      refresh(*inner, inner->count++, leaves);
    }
    inners_ += above.size();
    level = std::move(above);
  }
  root_ = level.front();
  size_ = keys.size();
  CHECK(height_ < kHeightMax);
}

// Keys that come in order fill their nodes: a full one at the right edge of the tree is left as it is, and what
// comes behind it begins a new one.
void KeyTree::insert(Key& key) {
  const std::string_view text = key.text();
  Place place;
  Node* node = root_;
  bool rightmost = true;
  for (size_t level = 0; level < height_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    const size_t index = child_for(*inner, text);
    place.path_[level] = {inner, index};
    rightmost = rightmost && index + 1 == inner->count;
    node = inner->child[index];
  }
  place.height_ = height_;
  auto* leaf = static_cast<Leaf*>(node);
  const size_t index = index_in(*leaf, text);
  ++size_;
  if (leaf->count < kLeafKeys) {
    insert_at(*leaf, index, &key);
    refresh_path(place);
    return;
  }
  const bool append = rightmost && index == kLeafKeys;
  const size_t keep = append ? kLeafKeys : kLeafKeys / 2;
  Leaf* right = split(*leaf, keep);
  if (index <= keep && !append) {
    insert_at(*leaf, index, &key);
  } else {
    insert_at(*right, index - keep, &key);
  }
  add_right(place, right, append);
}

void KeyTree::add_right(Place& place, Node* right, bool append) {
  bool is_leaf = true;
  for (size_t level = place.height_; level-- > 0; is_leaf = false) {
    const auto [node, index] = place.path_[level];
    refresh(*node, index, is_leaf);
    if (node->count < kChildren) {
      insert_child(*node, index + 1, right, is_leaf);
      place.height_ = level;
      // What is above sees one node more below it, and nothing else.
      for (size_t above = level; above-- > 0;) refresh(*place.path_[above].node, place.path_[above].index, false);
      return;
    }
    const size_t at = index + 1;
    const size_t keep = append ? kChildren : kChildren / 2;
    Inner* sibling = split(*node, keep);
    if (at <= keep && !append) {
      insert_child(*node, at, right, is_leaf);
    } else {
      insert_child(*sibling, at - keep, right, is_leaf);
    }
    right = sibling;
  }
  auto* root = new Inner;
  ++inners_;
  insert_child(*root, 0, root_, height_ == 0);
  insert_child(*root, 1, right, height_ == 0);
  root_ = root;
  ++height_;
  CHECK(height_ < kHeightMax);
}

// --- erasing

void KeyTree::erase(const Key& key) {
  Place place = seek(key.text());
  CHECK(!place.at_end() && &place.key() == &key);
  Leaf& leaf = *place.leaf_;
  const uint64_t below = bits_below(place.index_);
  std::copy(leaf.keys.begin() + place.index_ + 1, leaf.keys.begin() + leaf.count, leaf.keys.begin() + place.index_);
  leaf.live = (leaf.live & below) | (leaf.live >> 1 & ~below);
  --leaf.count;
  --size_;
  // From the leaf upwards: a node that got too small is joined with a neighbour or filled from it.
  size_t child_count = leaf.count, child_capacity = kLeafKeys;
  for (size_t level = height_; level-- > 0;) {
    auto [node, index] = place.path_[level];
    const bool leaves = level + 1 == height_;
    if (child_count >= child_capacity / 4) {
      refresh(*node, index, leaves);
    } else if (node->count > 1) {
      even_out(*node, index + 1 < node->count ? index : index - 1, leaves);
    } else if (child_count > 0) {
      refresh(*node, index, leaves);
    } else {
      drop_only_child(*node, leaves);  // and the parent joins this node with a neighbour
    }
    child_count = node->count;
    child_capacity = kChildren;
  }
  while (height_ > 0 && root_->count == 1) {
    auto* root = static_cast<Inner*>(root_);
    root_ = root->child[0];
    delete root;
    --inners_;
    --height_;
  }
}

void KeyTree::move_keys(Leaf& left, Leaf& right, size_t left_count) {
  std::array<Key*, 2 * kLeafKeys> all;
  const size_t total = left.count + right.count;
  std::copy(right.keys.begin(), right.keys.begin() + right.count,
            std::copy(left.keys.begin(), left.keys.begin() + left.count, all.begin()));
  const auto bit = [old_left = left.count, l = left.live, r = right.live](size_t i) {
    return i < old_left ? l >> i & 1 : r >> (i - old_left) & 1;
  };
  left.live = right.live = 0;
  for (size_t i = 0; i < total; ++i) {
    Leaf& to = i < left_count ? left : right;
    const size_t at = i < left_count ? i : i - left_count;
    to.keys[at] = all[i];
    to.live |= bit(i) << at;
  }
  left.count = static_cast<uint32_t>(left_count);
  right.count = static_cast<uint32_t>(total - left_count);
}

void KeyTree::move_children(Inner& left, Inner& right, size_t left_count) {
  const size_t total = left.count + right.count;
  const auto move = [&](auto field) {
    auto& l = left.*field;
    auto& r = right.*field;
    std::array<typename std::remove_reference_t<decltype(l)>::value_type, 2 * kChildren> all;
    std::copy(r.begin(), r.begin() + right.count, std::copy(l.begin(), l.begin() + left.count, all.begin()));
    std::copy(all.begin(), all.begin() + left_count, l.begin());
    std::copy(all.begin() + left_count, all.begin() + total, r.begin());
  };
  move(&Inner::first);
  move(&Inner::child);
  move(&Inner::live);
  left.count = static_cast<uint32_t>(left_count);
  right.count = static_cast<uint32_t>(total - left_count);
}

void KeyTree::remove_child(Inner& node, size_t index) {
  const auto shift = [&](auto& array) {
    std::copy(array.begin() + index + 1, array.begin() + node.count, array.begin() + index);
  };
  shift(node.first);
  shift(node.child);
  shift(node.live);
  --node.count;
}

void KeyTree::drop_only_child(Inner& node, bool child_is_leaf) {
  if (child_is_leaf) {
    delete static_cast<Leaf*>(node.child[0]);
    --leaves_;
  } else {
    delete static_cast<Inner*>(node.child[0]);
    --inners_;
  }
  node.count = 0;
}

void KeyTree::even_out(Inner& node, size_t index, bool children_are_leaves) {
  Node* left = node.child[index];
  Node* right = node.child[index + 1];
  const size_t total = left->count + right->count;
  const size_t capacity = children_are_leaves ? kLeafKeys : kChildren;
  // Not joined to the brim: the next insert would split it again.
  const bool join = total <= capacity * 3 / 4;
  const size_t left_count = join ? total : total / 2;
  if (children_are_leaves) {
    move_keys(static_cast<Leaf&>(*left), static_cast<Leaf&>(*right), left_count);
  } else {
    move_children(static_cast<Inner&>(*left), static_cast<Inner&>(*right), left_count);
  }
  if (join) {
    remove_child(node, index + 1);
    if (children_are_leaves) {
      delete static_cast<Leaf*>(right);
      --leaves_;
    } else {
      delete static_cast<Inner*>(right);
      --inners_;
    }
  } else {
    refresh(node, index + 1, children_are_leaves);
  }
  refresh(node, index, children_are_leaves);
}

// --- checking

void KeyTree::check() const {
  const Totals totals = check(*root_, height_, true);
  CHECK(totals.keys == size_ && totals.live == live());
}

KeyTree::Totals KeyTree::check(const Node& node, size_t height, bool root) const {
  Totals totals;
  if (height == 0) {
    const auto& leaf = static_cast<const Leaf&>(node);
    CHECK(root || leaf.count > 0);
    CHECK((leaf.live & ~bits_below(leaf.count)) == 0);
    for (size_t i = 1; i < leaf.count; ++i) CHECK(leaf.keys[i - 1]->text() < leaf.keys[i]->text());
    return {leaf.count, live_of(leaf, true)};
  }
  const auto& inner = static_cast<const Inner&>(node);
  CHECK(inner.count > (root ? 1 : 0));
  for (size_t i = 0; i < inner.count; ++i) {
    CHECK(inner.first[i] == first_of(*inner.child[i], height == 1));
    CHECK(i == 0 || inner.first[i - 1]->text() < inner.first[i]->text());
    const Totals below = check(*inner.child[i], height - 1, false);
    CHECK(below.live == inner.live[i]);
    totals.keys += below.keys;
    totals.live += below.live;
  }
  return totals;
}

}  // namespace quorate::mvcc
