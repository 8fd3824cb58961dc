#include "env/sim/medium.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"

namespace quorate::env::sim {
namespace {

constexpr std::string_view kMissing = "no such file or directory";
constexpr std::string_view kNoFolder = "not a directory";
constexpr std::string_view kIsFolder = "is a directory";

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    CHECK(part != "..");
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

std::string last_part(const std::string& path) {
  const auto parts = parts_of(path);
  return parts.empty() ? std::string() : std::string(parts.back());
}

Entry find(const MediumFolder::Entries& entries, std::string_view name) {
  const auto found = entries.find(name);
  return found == entries.end() ? Entry() : found->second;
}

void set(MediumFolder::Entries& entries, const std::string& name, Entry entry) {
  if (std::holds_alternative<std::monostate>(entry)) {
    entries.erase(name);
  } else {
    entries[name] = std::move(entry);
  }
}

// Every name that is or was, in order.
std::set<std::string> names_of(const MediumFolder& folder) {
  std::set<std::string> names;
  for (const auto& [name, entry] : folder.now) names.insert(name);
  for (const auto& [name, entry] : folder.durable) names.insert(name);
  return names;
}

void list_files(const MediumFolder& folder, const std::string& path, std::vector<std::string>& files) {
  for (const auto& [name, entry] : folder.now) {
    const std::string at = path + "/" + name;
    if (const auto* below = std::get_if<FolderRef>(&entry)) {
      list_files(**below, at, files);
    } else {
      files.push_back(at);
    }
  }
}

// Settles what is below, each once, then the entries themselves.
class Crash {
 public:
  Crash(Prng& prng, CrashOutcomes& outcomes) : prng_(prng), outcomes_(outcomes) {}

  void settle(MediumFolder& folder) {
    if (!seen_.insert(&folder).second) return;
    for (const std::string& name : names_of(folder)) {
      const Entry now = find(folder.now, name);
      const Entry durable = find(folder.durable, name);
      settle(now);
      settle(durable);
      if (now == durable) continue;
      const bool after = prng_.chance(1, 2);
      ++(after ? outcomes_.entries_after : outcomes_.entries_before);
      set(after ? folder.durable : folder.now, name, after ? now : durable);
    }
  }

  void settle(const Entry& entry) {
    if (const auto* folder = std::get_if<FolderRef>(&entry)) settle(**folder);
    const auto* file = std::get_if<FileRef>(&entry);
    if (file != nullptr && seen_.insert(file->get()).second) (*file)->crash(prng_, outcomes_);
  }

 private:
  Prng& prng_;
  CrashOutcomes& outcomes_;
  std::set<const void*> seen_;  // asked, never walked
};

// Keeps what is the same thing under two names the same thing.
class Copy {
 public:
  FolderRef of(const FolderRef& folder) {
    FolderRef& made = folders_[folder.get()];
    if (made) return made;
    const FolderRef result = made = std::make_shared<MediumFolder>();
    for (const auto& [name, entry] : folder->now) result->now[name] = of(entry);
    for (const auto& [name, entry] : folder->durable) result->durable[name] = of(entry);
    return result;
  }

  Entry of(const Entry& entry) {
    if (const auto* folder = std::get_if<FolderRef>(&entry)) return of(*folder);
    const auto* file = std::get_if<FileRef>(&entry);
    if (file == nullptr) return {};
    FileRef& made = files_[file->get()];
    if (!made) made = std::make_shared<MediumFile>(**file);
    return made;
  }

 private:
  std::map<const MediumFolder*, FolderRef> folders_;  // looked up, never walked
  std::map<const MediumFile*, FileRef> files_;
};

}  // namespace

Status medium_error(Code code, const std::string& path, std::string_view what, std::string_view error) {
  return Status(code, path + ": " + std::string(what) + ": " + std::string(error));
}

std::string parent_of(const std::string& path) {
  std::string clean = path;
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  const size_t slash = clean.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : clean.substr(0, slash);
}

Result<FolderRef> Medium::folder_of(const std::string& path, std::string_view what) const {
  auto parts = parts_of(path);
  if (!parts.empty()) parts.pop_back();
  FolderRef at = root_;
  for (const std::string_view part : parts) {
    const Entry next = find(at->now, part);
    if (std::holds_alternative<std::monostate>(next)) return fail(medium_error(Code::kNotFound, path, what, kMissing));
    if (!std::holds_alternative<FolderRef>(next)) return fail(medium_error(Code::kInternal, path, what, kNoFolder));
    at = std::get<FolderRef>(next);
  }
  return at;
}

Result<FileRef> Medium::open(const std::string& path, std::string_view what) const {
  TRY(const FolderRef folder, folder_of(path, what));
  const Entry entry = find(folder->now, last_part(path));
  if (std::holds_alternative<std::monostate>(entry)) return fail(medium_error(Code::kNotFound, path, what, kMissing));
  if (!std::holds_alternative<FileRef>(entry)) return fail(medium_error(Code::kInternal, path, what, kIsFolder));
  return std::get<FileRef>(entry);
}

Result<FolderRef> Medium::open_folder(const std::string& path, std::string_view what) const {
  const std::string name = last_part(path);
  if (name.empty()) return root_;
  TRY(const FolderRef folder, folder_of(path, what));
  const Entry entry = find(folder->now, name);
  if (std::holds_alternative<std::monostate>(entry)) return fail(medium_error(Code::kNotFound, path, what, kMissing));
  if (!std::holds_alternative<FolderRef>(entry)) return fail(medium_error(Code::kInternal, path, what, kNoFolder));
  return std::get<FolderRef>(entry);
}

bool Medium::exists(const std::string& path) const { return open_folder(path) || open(path); }

Result<FileRef> Medium::create(const std::string& path) {
  TRY(const FolderRef folder, folder_of(path, "open"));
  const std::string name = last_part(path);
  const Entry entry = find(folder->now, name);
  if (name.empty() || std::holds_alternative<FolderRef>(entry))
    return fail(medium_error(Code::kInternal, path, "open", kIsFolder));
  if (const auto* file = std::get_if<FileRef>(&entry)) {
    (*file)->resize(0);
    return *file;
  }
  auto made = std::make_shared<MediumFile>();
  folder->now[name] = made;
  return made;
}

Status Medium::make_folder(const std::string& path) {
  const std::string name = last_part(path);
  auto folder = folder_of(path, "mkdir");
  if (!folder) return folder.error();
  if (name.empty() || (*folder)->now.contains(name))
    return medium_error(Code::kAlreadyExists, path, "mkdir", "file exists");
  (*folder)->now[name] = std::make_shared<MediumFolder>();
  return {};
}

Status Medium::rename(const std::string& from, const std::string& to) {
  const std::string what = "rename to " + to;
  const auto error = [&](Code code, std::string_view text) { return medium_error(code, from, what, text); };
  const auto source = folder_of(from, what);
  const auto target = folder_of(to, what);
  if (!source) return source.error();
  const Entry moved = find((*source)->now, last_part(from));
  if (std::holds_alternative<std::monostate>(moved)) return error(Code::kNotFound, kMissing);
  if (!target) return error(target.error().code(), kMissing);
  const Entry replaced = find((*target)->now, last_part(to));
  if (moved == replaced) return {};
  const bool folder_moves = std::holds_alternative<FolderRef>(moved);
  if (const auto* over = std::get_if<FolderRef>(&replaced)) {
    if (!folder_moves) return error(Code::kInternal, kIsFolder);
    if (!(*over)->now.empty()) return error(Code::kInternal, "directory not empty");
  }
  if (folder_moves && std::holds_alternative<FileRef>(replaced)) return error(Code::kInternal, kNoFolder);
  (*source)->now.erase(last_part(from));
  (*target)->now[last_part(to)] = moved;
  return {};
}

Status Medium::remove(const std::string& path) {
  auto folder = folder_of(path, "remove");
  if (!folder) return folder.error();
  const auto found = (*folder)->now.find(last_part(path));
  if (found == (*folder)->now.end()) return medium_error(Code::kNotFound, path, "remove", kMissing);
  const auto* below = std::get_if<FolderRef>(&found->second);
  if (below != nullptr && !(*below)->now.empty())
    return medium_error(Code::kInternal, path, "remove", "directory not empty");
  (*folder)->now.erase(found);
  return {};
}

Status Medium::sync_folder(const std::string& path) {
  auto folder = open_folder(path);
  if (!folder) return folder.error();
  (*folder)->durable = (*folder)->now;
  return {};
}

std::vector<std::string> Medium::files() const {
  std::vector<std::string> files;
  list_files(*root_, "", files);
  std::sort(files.begin(), files.end());
  return files;
}

FileRef Medium::durable_file(const std::string& path) const {
  Entry at = root_;
  for (const std::string_view part : parts_of(path)) {
    const auto* folder = std::get_if<FolderRef>(&at);
    if (folder == nullptr) return nullptr;
    const Entry next = find((*folder)->durable, part);
    at = next;
  }
  const auto* file = std::get_if<FileRef>(&at);
  return file == nullptr ? nullptr : *file;
}

uint64_t Medium::bytes_used() const {
  uint64_t sum = 0;
  for (const std::string& path : files()) sum += (*open(path))->size();
  return sum;
}

void Medium::crash(Prng& prng, CrashOutcomes& outcomes) {
  Crash crash(prng, outcomes);
  crash.settle(*root_);
  for (const auto& [path, entries] : vanished_) {
    crash.settle(entries.now);
    crash.settle(entries.durable);
  }
}

Status Medium::vanish(const std::string& path) {
  auto folder = folder_of(path, "vanish");
  if (!folder) return folder.error();
  const std::string name = last_part(path);
  Vanished gone{.now = find((*folder)->now, name), .durable = find((*folder)->durable, name)};
  if ((*folder)->now.erase(name) + (*folder)->durable.erase(name) == 0)
    return medium_error(Code::kNotFound, path, "vanish", kMissing);
  vanished_[path] = std::move(gone);
  return {};
}

Status Medium::bring_back(const std::string& path) {
  const auto found = vanished_.find(path);
  if (found == vanished_.end()) return medium_error(Code::kNotFound, path, "bring back", kMissing);
  auto folder = folder_of(path, "bring back");
  if (!folder) return folder.error();
  const std::string name = last_part(path);
  if ((*folder)->now.contains(name)) return medium_error(Code::kAlreadyExists, path, "bring back", "file exists");
  set((*folder)->now, name, found->second.now);
  set((*folder)->durable, name, found->second.durable);
  vanished_.erase(found);
  return {};
}

void Medium::assign(const Medium& other) {
  Copy copy;
  root_ = copy.of(other.root_);
  std::map<std::string, Vanished> vanished;
  for (const auto& [path, entries] : other.vanished_) {
    vanished[path] = {.now = copy.of(entries.now), .durable = copy.of(entries.durable)};
  }
  vanished_ = std::move(vanished);
}

}  // namespace quorate::env::sim
