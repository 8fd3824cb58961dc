// watch/audience.h: the synced watchers, found by the key of an event.
//
// Loop:    core. Not safe for any other.
// Costs:   a look-up O(log keys + groups found * log ranges); adding or removing one the same, without the last.
// Invariants:
//   (1) A watcher is found exactly for the keys in its range.
//   (2) The order of what is found depends on the calls made alone: watchers of the key, then ranges by begin and end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "watch/watcher.h"

namespace quorate::watch {

// All synced watchers of one range.
struct Group {
  static constexpr uint32_t kNoPick = std::numeric_limits<uint32_t>::max();

  std::string key, end;
  std::vector<Watcher*> watchers;
  uint32_t pick = kNoPick;  // of the revision at hand, see Hub
};

// Groups by range, as a balanced tree (AVL) ordered by begin and end, in which each node knows the farthest end below
// it: what lies wholly before a key is passed over. Balanced in the worst case, since clients choose the ranges.
class RangeTree {
 public:
  // The group of this range, made where there is none. Its address lasts until it is erased.
  Group& at(const mvcc::KeyRange& range);
  void erase(const Group& group);
  bool empty() const { return !root_; }

  template <class Visit>
  void each_with(std::string_view key, Visit&& visit) {
    walk(root_.get(), key, key, visit);
  }
  // Calls `visit` for each group whose range holds a key from `first` to `last`, or might.
  template <class Visit>
  void each_meeting(std::string_view first, std::string_view last, Visit&& visit) {
    walk(root_.get(), first, last, visit);
  }
  // For tests: the longest path. Also checks order, balance and ends.
  int depth() const;

 private:
  struct Node {
    Group group;
    int height = 1;
    const Group* farthest = nullptr;
    std::unique_ptr<Node> left, right;
  };
  using Link = std::unique_ptr<Node>;

  static bool ends_after(const Group& group, std::string_view key) {
    return mvcc::KeyRange{group.key, group.end}.open_ended() || group.end > key;
  }
  template <class Visit>
  static void walk(Node* node, std::string_view first, std::string_view last, Visit&& visit) {
    if (!node || !ends_after(*node->farthest, first)) return;
    walk(node->left.get(), first, last, visit);
    if (node->group.key > last) return;
    if (ends_after(node->group, first)) visit(node->group);
    walk(node->right.get(), first, last, visit);
  }

  static int height(const Link& link) { return link ? link->height : 0; }
  static const Group* farther(const Group* a, const Group* b);
  static void update(Node& node);
  static void rotate_left(Link& link);
  static void rotate_right(Link& link);
  static void balance(Link& link);
  static Group& insert(Link& link, const mvcc::KeyRange& range);
  static void remove(Link& link, const mvcc::KeyRange& range);
  static Link take_first(Link& link);
  static int check(const Link& link);

  Link root_;
};

class Audience {
 public:
  void add(Watcher& watcher);
  void remove(Watcher& watcher);
  bool empty() const { return keys_.empty() && ranges_.empty(); }

  // Calls `visit` for each group whose range holds `key`. It must not add or remove.
  template <class Visit>
  void each_group(std::string_view key, Visit&& visit) {
    if (auto it = keys_.find(key); it != keys_.end()) visit(it->second);
    ranges_.each_with(key, visit);
  }
  // The same for each whose range holds a key from `first` to `last`, or might.
  template <class Visit>
  void each_group_meeting(std::string_view first, std::string_view last, Visit&& visit) {
    for (auto it = keys_.lower_bound(first); it != keys_.end() && it->first <= last; ++it) visit(it->second);
    ranges_.each_meeting(first, last, visit);
  }

 private:
  std::map<std::string, Group, std::less<>> keys_;
  RangeTree ranges_;
};

}  // namespace quorate::watch
