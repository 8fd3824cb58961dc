#include "server/restore.h"

#include <algorithm>
#include <utility>

#include "machine/image.h"

namespace quorate::server {

namespace {

struct Found {
  Index index = 0;
  std::string path;
};

// Images by falling index. What is no image and not ours is left alone.
Result<std::vector<Found>> find_images(env::Disk& disk, const std::string& directory) {
  std::vector<Found> found;
  if (!disk.exists(directory)) return found;
  TRY(const std::vector<std::string> names, disk.list(directory));
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(wal::kImageTemporarySuffix)) {
      (void)disk.remove(path);
    } else if (const Index index = wal::index_of_image(name); index != 0) {
      found.push_back({index, path});
    }
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.index > b.index; });
  return found;
}

Result<std::unique_ptr<machine::ImageLoader>> load(env::Disk& disk, const Found& image, const RestoreOptions& options) {
  const wal::ImageId expected{.cluster = options.cluster, .member = options.member, .index = image.index};
  TRY(wal::ImageReader reader, wal::ImageReader::open(disk, image.path, expected));
  auto loader = std::make_unique<machine::ImageLoader>(options.machine, reader.file_bytes());
  bool first = true;
  for (;;) {
    TRY(const wal::ImageReader::Block block, reader.next());
    const bool state = block.kind == wal::ImageBlock::kState;
    if (state != std::exchange(first, false))
      return reader.damaged(block.offset, "a block of the image is out of place");
    if (block.kind == wal::ImageBlock::kFooter) {
      if (!loader->finish() || loader->keys() != reader.keys() || loader->records() != reader.records()) {
        return reader.damaged(block.offset, "the image holds a store that cannot be");
      }
      return loader;
    }
    const bool taken = state ? loader->take_state(block.payload, reader.id().index, reader.id().term)
                             : loader->take_items(block.payload);
    if (!taken) return reader.damaged(block.offset, "a block of the image holds what cannot be");
  }
}

}  // namespace

Result<Restored> restore(env::Disk& disk, env::Log& log, const RestoreOptions& options) {
  Restored restored;
  TRY(const std::vector<Found> images, find_images(disk, options.directory));
  for (const Found& image : images) {
    if (restored.machine) {
      const auto bytes = disk.file_size(image.path);
      restored.saved.insert(restored.saved.begin(), {image.index, bytes.value_or(0)});
      continue;
    }
    auto loader = load(disk, image, options);
    if (!loader) {
      if (loader.error().code() != Code::kDataLoss) return fail(loader.error());
      log.warn("an image is damaged; an older one or the log is used", {{"error", loader.error().text()}});
      restored.damaged.push_back(image.path);
      restored.damage = restored.damage.ok()
                            ? loader.error()
                            : Status(Code::kDataLoss, restored.damage.text() + "; " + loader.error().text());
      continue;
    }
    TRY(const uint64_t bytes, disk.file_size(image.path));
    restored.machine = (*loader)->take_machine();
    restored.image_index = restored.machine->applied_index();
    restored.image_term = restored.machine->applied_term();
    restored.configuration = (*loader)->configuration();
    restored.path = image.path;
    restored.saved.push_back({image.index, bytes});
    log.info("loaded a checkpoint",
             {{"path", image.path}, {"index", image.index}, {"bytes", bytes}, {"keys", (*loader)->keys()}});
  }
  return restored;
}

Status check_log(const Restored& restored, const wal::Recovered& log, const std::string& image_directory) {
  const Index index = restored.image_index;
  if (log.first_index > index + 1) {
    if (!restored.damage.ok()) return restored.damage;
    const std::string what = index != 0 ? "ends with entry " + std::to_string(index) : "is missing";
    return Status(Code::kDataLoss, (index != 0 ? restored.path : image_directory) + ": the image " + what +
                                       ", while the log begins with entry " + std::to_string(log.first_index));
  }
  if (log.last_index < index) {
    return Status(Code::kDataLoss, log.end_path + ": offset " + std::to_string(log.end_offset) +
                                       ": the log ends with entry " + std::to_string(log.last_index) + ", while " +
                                       restored.path + " holds entry " + std::to_string(index));
  }
  if (index != 0 && index >= log.first_index && log.skipped_term != restored.image_term) {
    return Status(Code::kDataLoss, restored.path + ": offset 0: the image ends with entry " + std::to_string(index) +
                                       " of term " + std::to_string(restored.image_term) + ", which is of term " +
                                       std::to_string(log.skipped_term) + " in the log");
  }
  return {};
}

}  // namespace quorate::server
