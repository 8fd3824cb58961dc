#include "wal/wal.h"

#include <algorithm>

#include "base/mutant.h"
#include "wal/format.h"
#include "wal/recovery.h"
#include "wal/segment_reader.h"
#include "wal/writer.h"

namespace quorate::wal {

namespace {

std::unexpected<Status> fail_at(const std::string& path, const Status& status) {
  return fail(status.code(), path + " " + status.text());
}

// The folder holds segments but does not say that a log was made: either the making was cut short, and then
// one segment is there and empty, or the manifest is lost.
Status check_unmade(env::Disk& disk, const std::string& directory) {
  auto names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const uint64_t segment = segment_of_name(name);
    if (segment == 0) continue;
    const std::string path = directory + "/" + name;
    auto size = disk.file_size(path);
    if (!size) return size.error();
    SegmentReader file(disk, path, *size, 0);
    auto scan = file.scan(std::min<uint64_t>(*size, kBlockBytes), {});
    if (!scan) return scan.error();
    if (segment == 1 && scan->used_end <= kBlockBytes) continue;
    return Status(Code::kDataLoss,
                  directory + "/" + std::string(kManifestName) + ": is missing, while " + path + " is there");
  }
  return {};
}

// The first segment is put in place whole, header and zeros, before the manifest says that it is there.
Result<Manifest> make_log(env::Disk& disk, const Options& options, uint64_t segment_bytes) {
  if (const Status status = check_unmade(disk, options.directory); !status.ok()) return fail(status);
  const Manifest manifest{
      .cluster = options.cluster, .member = options.member, .salt = options.salt, .first_segment = 1};
  const SegmentHeader header{.cluster = options.cluster,
                             .member = options.member,
                             .epoch = 1,
                             .segment = 1,
                             .first_index = 1,
                             .first_sequence = 1,
                             .segment_bytes = segment_bytes};
  {
    std::string bytes(static_cast<size_t>(segment_bytes), '\0');
    encode_segment_header(header, checksum_seed(manifest), bytes);
    const Status status = disk.replace_file(options.directory + "/" + segment_name(1), bytes);
    if (!status.ok()) return fail(status);
  }
  const std::string path = options.directory + "/" + std::string(kManifestName);
  const Status status = disk.replace_file(path, encode_manifest(manifest));
  if (!status.ok()) return fail(status);
  return manifest;
}

Result<Manifest> find_or_make(env::Disk& disk, const Options& options, uint64_t segment_bytes) {
  const std::string path = options.directory + "/" + std::string(kManifestName);
  if (!disk.exists(path)) return make_log(disk, options, segment_bytes);
  TRY(const std::string bytes, disk.read_file(path));
  const auto manifest = decode_manifest(bytes);
  if (!manifest) return fail_at(path, manifest.error());
  if (manifest->cluster != options.cluster || manifest->member != options.member) {
    return fail(Code::kFailedPrecondition, path + ": the log is of member " + hex(manifest->member) + " of cluster " +
                                               hex(manifest->cluster) + ", not of member " + hex(options.member) +
                                               " of cluster " + hex(options.cluster));
  }
  if (manifest->first_segment == 0) return make_log(disk, options, segment_bytes);
  return *manifest;
}

// The file after the current segment, where it is there and of the right size.
Result<std::unique_ptr<env::LogFile>> open_spare(env::Disk& disk, const Options& options, const Tail& tail,
                                                 uint64_t segment_bytes, const env::DiskTraits& traits) {
  if (tail.spare_segment == 0) return nullptr;
  const std::string path = options.directory + "/" + segment_name(tail.spare_segment);
  TRY(const uint64_t size, disk.file_size(path));
  if (size != segment_bytes) return nullptr;
  return disk.open_log(path, traits);
}

// Of the files that were freed those that can be segments again. The others go.
std::vector<uint64_t> usable_freed(env::Disk& disk, const Options& options, const Tail& tail, uint64_t segment_bytes) {
  std::vector<uint64_t> usable;
  for (const uint64_t segment : tail.freed) {
    const std::string path = options.directory + "/" + segment_name(segment);
    const auto size = disk.file_size(path);
    if (size && *size == segment_bytes && usable.size() < limits::kFreedSegmentsMax) {
      usable.push_back(segment);
    } else {
      (void)disk.remove(path);
    }
  }
  return usable;
}

// A process that was killed may have left names in the folder, its last batch, or the last one of the segment before,
// where they can be read but are not durable. What is appended from here on relies on them.
Status make_durable(env::Disk& disk, const std::string& directory, uint64_t segment, uint64_t first_segment) {
  if (mutated(Mutant::kTrustCache)) return {};
  if (Status status = disk.sync_directory(directory); !status.ok()) return status;
  for (uint64_t i = std::max(first_segment, segment - 1); i <= segment; ++i) {
    if (Status status = disk.sync_file(directory + "/" + segment_name(i)); !status.ok()) return status;
  }
  return {};
}

}  // namespace

Result<Opened> Wal::open(env::Disk& disk, env::Loop& loop, env::Log& log, env::Trace& trace, const Options& options) {
  const uint64_t segment_bytes = options.segment_bytes == 0 ? limits::kSegmentBytes : options.segment_bytes;
  if (segment_bytes % kAlignmentBytesMax != 0 || segment_bytes < 3 * kAlignmentBytesMax) {
    return fail(Code::kInvalidArgument, "a log segment cannot have " + std::to_string(segment_bytes) + " bytes");
  }
  TRY(const env::DiskTraits traits, disk.probe(options.directory, options.unsafe_no_fsync));
  if (traits.alignment_bytes > kAlignmentBytesMax) {
    return fail(Code::kFailedPrecondition, options.directory + ": the disk wants writes aligned to " +
                                               std::to_string(traits.alignment_bytes) + " bytes");
  }
  TRY(const Manifest manifest, find_or_make(disk, options, segment_bytes));
  TRY(Recovery recovery, recover(disk, options.directory, manifest, options.skip_to, options.committed));
  const Tail& tail = recovery.tail;
  const std::string current = options.directory + "/" + segment_name(tail.segment.segment);
  if (recovery.recovered.cut_tail) {
    log.warn("the last batch of the log is damaged and was cut; it may have been acknowledged",
             {{"path", current}, {"offset", tail.end}, {"sequence", tail.next_sequence}});
  }
  if (!options.unsafe_no_fsync) {
    const uint64_t segment = tail.segment.segment;
    Status status = make_durable(disk, options.directory, segment, manifest.first_segment);
    if (!status.ok()) return fail(std::move(status));
  }
  Writer::Setup setup{.manifest = manifest,
                      .traits = traits,
                      .directory = options.directory,
                      .segment_bytes = segment_bytes,
                      .tail = tail,
                      .hard_state = recovery.recovered.hard_state,
                      .current = nullptr,
                      .spare = nullptr};
  TRY(setup.current, disk.open_log(current, traits));
  TRY(setup.spare, open_spare(disk, options, tail, segment_bytes, traits));
  setup.freed = usable_freed(disk, options, tail, segment_bytes);
  log.info("opened the log", {{"path", options.directory},
                              {"durability", env::durability_name(traits.durability)},
                              {"alignment-bytes", traits.alignment_bytes},
                              {"segments", tail.segments.size()},
                              {"last-index", tail.last_index}});
  return Opened{std::make_unique<Writer>(disk, loop, log, trace, std::move(setup)), std::move(recovery.recovered)};
}

}  // namespace quorate::wal
