#include "watch/audience.h"

#include <utility>

#include "base/check.h"

namespace quorate::watch {

namespace {

// By begin, then by end; an open end is the last.
int compare(const mvcc::KeyRange& a, const mvcc::KeyRange& b) {
  if (const int by_key = a.key.compare(b.key); by_key != 0) return by_key;
  if (a.open_ended() || b.open_ended()) return static_cast<int>(a.open_ended()) - static_cast<int>(b.open_ended());
  return a.end.compare(b.end);
}

mvcc::KeyRange range_of(const Group& group) { return {group.key, group.end}; }

}  // namespace

const Group* RangeTree::farther(const Group* a, const Group* b) {
  if (range_of(*a).open_ended()) return a;
  return ends_after(*b, a->end) ? b : a;
}

void RangeTree::update(Node& node) {
  node.height = 1 + std::max(height(node.left), height(node.right));
  node.farthest = &node.group;
  if (node.left) node.farthest = farther(node.farthest, node.left->farthest);
  if (node.right) node.farthest = farther(node.farthest, node.right->farthest);
}

void RangeTree::rotate_left(Link& link) {
  Link up = std::move(link->right);
  link->right = std::move(up->left);
  update(*link);
  up->left = std::move(link);
  link = std::move(up);
  update(*link);
}

void RangeTree::rotate_right(Link& link) {
  Link up = std::move(link->left);
  link->left = std::move(up->right);
  update(*link);
  up->right = std::move(link);
  link = std::move(up);
  update(*link);
}

void RangeTree::balance(Link& link) {
  const int lean = height(link->left) - height(link->right);
  if (lean > 1) {
    if (height(link->left->left) < height(link->left->right)) rotate_left(link->left);
    rotate_right(link);
  } else if (lean < -1) {
    if (height(link->right->right) < height(link->right->left)) rotate_right(link->right);
    rotate_left(link);
  } else {
    update(*link);
  }
}

Group& RangeTree::at(const mvcc::KeyRange& range) { return insert(root_, range); }

Group& RangeTree::insert(Link& link, const mvcc::KeyRange& range) {
  if (!link) {
    link = std::make_unique<Node>();
    link->group.key = range.key;
    link->group.end = range.end;
    update(*link);
    return link->group;
  }
  const int side = compare(range, range_of(link->group));
  if (side == 0) return link->group;
  Group& group = insert(side < 0 ? link->left : link->right, range);
  balance(link);
  return group;
}

void RangeTree::erase(const Group& group) { remove(root_, range_of(group)); }

void RangeTree::remove(Link& link, const mvcc::KeyRange& range) {
  CHECK(link);
  const int side = compare(range, range_of(link->group));
  if (side != 0) {
    remove(side < 0 ? link->left : link->right, range);
    balance(link);
    return;
  }
  if (!link->left || !link->right) {
    link = std::move(link->left ? link->left : link->right);
    return;
  }
  // The node after it takes its place; groups are pointed at, so the node moves and not its content.
  Link next = take_first(link->right);
  next->left = std::move(link->left);
  next->right = std::move(link->right);
  link = std::move(next);
  balance(link);
}

RangeTree::Link RangeTree::take_first(Link& link) {
  if (!link->left) {
    Link first = std::move(link);
    link = std::move(first->right);
    return first;
  }
  Link first = take_first(link->left);
  balance(link);
  return first;
}

int RangeTree::check(const Link& link) {
  if (!link) return 0;
  const int left = check(link->left);
  const int right = check(link->right);
  CHECK(std::abs(left - right) <= 1 && link->height == 1 + std::max(left, right));
  for (const Node* child : {link->left.get(), link->right.get()}) {
    if (!child) continue;
    CHECK((compare(range_of(child->group), range_of(link->group)) < 0) == (child == link->left.get()));
    CHECK(farther(link->farthest, child->farthest) == link->farthest);
  }
  CHECK(farther(link->farthest, &link->group) == link->farthest);
  return link->height;
}

int RangeTree::depth() const { return check(root_); }

void Audience::add(Watcher& watcher) {
  CHECK(!watcher.group);
  if (watcher.range().single()) {
    auto it = keys_.lower_bound(watcher.key);
    if (it == keys_.end() || it->first != watcher.key) {
      it = keys_.emplace_hint(it, watcher.key, Group());
      it->second.key = watcher.key;
    }
    watcher.group = &it->second;
  } else {
    watcher.group = &ranges_.at(watcher.range());
  }
  watcher.place_in_group = static_cast<uint32_t>(watcher.group->watchers.size());
  watcher.group->watchers.push_back(&watcher);
}

void Audience::remove(Watcher& watcher) {
  Group& group = *std::exchange(watcher.group, nullptr);
  CHECK(group.watchers[watcher.place_in_group] == &watcher);
  Watcher* last = group.watchers.back();
  group.watchers[watcher.place_in_group] = last;
  last->place_in_group = watcher.place_in_group;
  group.watchers.pop_back();
  if (!group.watchers.empty()) return;
  if (watcher.range().single()) {
    keys_.erase(keys_.find(watcher.key));
  } else {
    ranges_.erase(group);
  }
}

}  // namespace quorate::watch
