#include "wal/data_directory.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "wal/format.h"

namespace quorate::wal {

namespace {

using Json = nlohmann::json;

constexpr uint64_t kDirectoryFormat = 1;
constexpr std::string_view kIdentityName = "quorate.json";

std::string in(const std::string& path, std::string_view name) { return path + "/" + std::string(name); }

std::string encode_identity(const Identity& identity) {
  // An id is text: 64 bits do not survive every reader of JSON numbers.
  nlohmann::ordered_json json;
  json["format"] = kDirectoryFormat;
  json["cluster"] = hex(identity.cluster);
  json["member"] = hex(identity.member);
  json["name"] = identity.name;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool read_id(const Json& json, const char* key, uint64_t& id) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return false;
  const auto& text = found->get_ref<const std::string&>();
  if (text.empty() || text.size() > 16) return false;
  id = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return false;
    id = id << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return true;
}

Result<Identity> decode_identity(const std::string& path, const std::string& text) {
  const auto damaged = [&path](const std::string& what) {
    return fail(Code::kDataLoss, path + ": is damaged (" + what +
                                     "): restore this file, or start with an empty --data-dir as a new member");
  };
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return damaged("no JSON object");
  const auto format = json.find("format");
  if (format == json.end() || !format->is_number_unsigned()) return damaged("no format");
  if (const auto number = format->get<uint64_t>(); number != kDirectoryFormat) {
    if (number == 0) return damaged("format 0");
    return fail(Code::kFailedPrecondition, path + ": is of format " + std::to_string(number) +
                                               ", which a newer Quorate wrote; this one knows up to " +
                                               std::to_string(kDirectoryFormat) + ": start the newer one");
  }
  Identity identity;
  if (!read_id(json, "cluster", identity.cluster)) return damaged("no cluster id");
  if (!read_id(json, "member", identity.member)) return damaged("no member id");
  if (const auto name = json.find("name"); name != json.end() && name->is_string())
    identity.name = name->get<std::string>();
  return identity;
}

// Names of the folder, none where it does not exist.
Result<std::vector<std::string>> names_in(env::Disk& disk, const std::string& path) {
  if (!disk.exists(path)) return std::vector<std::string>();
  return disk.list(path);
}

// Whether `name` may lie in a folder whose making was cut short.
bool is_ours(const std::string& name) {
  return name == "log" || name == "image" || name.starts_with(kIdentityName) || name.starts_with(kFlightPrefix);
}

// Refuses a folder that is not empty, and holds more than the start of one of ours.
Status check_unused(env::Disk& disk, const std::string& path, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "member") {
      return Status(Code::kFailedPrecondition,
                    path +
                        ": holds an etcd member (member/); Quorate does not open etcd's files: start with an empty "
                        "--data-dir and import a snapshot");
    }
  }
  for (const std::string& name : names) {
    // Some file systems begin with it.
    if (!is_ours(name) && name != "lost+found") {
      return Status(Code::kFailedPrecondition,
                    path + ": holds files that are not Quorate's (" + name + "): start with an empty --data-dir");
    }
  }
  for (const std::string_view part : {"image", "log"}) {
    auto inside = names_in(disk, in(path, part));
    if (!inside) return inside.error();
    const bool used = std::any_of(inside->begin(), inside->end(),
                                  [](const std::string& name) { return !name.starts_with(kManifestName); });
    if (used) {
      return Status(Code::kDataLoss,
                    path + ": " + std::string(kIdentityName) + " is missing, while " + std::string(part) +
                        "/ holds data: restore that file, or start with an empty --data-dir as a new member");
    }
  }
  return {};
}

// The folder of the log must be empty, or left by a making of this very folder that was cut short.
Status check_log_unused(env::Disk& disk, const std::string& log_path) {
  auto names = names_in(disk, log_path);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name == "lost+found") continue;
    bool unused = false;
    if (name == kManifestName) {
      auto text = disk.read_file(in(log_path, name));
      if (!text) return text.error();
      const auto manifest = decode_manifest(*text);
      if (!manifest) return Status(manifest.error().code(), in(log_path, name) + " " + manifest.error().text());
      unused = manifest->first_segment == 0;
    } else {
      unused = name.starts_with(kManifestName);
    }
    if (!unused) {
      return Status(Code::kFailedPrecondition, log_path + ": is to hold the log of a new member, but is not empty (" +
                                                   name + "): use an empty --wal-dir");
    }
  }
  return {};
}

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Folders that are there may not be durable: a process that was killed as it made them left them in a cache. A parent
// that may not be opened was made by somebody else.
void make_parents_durable(env::Disk& disk, const std::string& path) {
  std::string at = path;
  do {
    at = parent_of(at);
    (void)disk.sync_directory(at);
  } while (at != "/" && at != ".");
}

Status make(env::Disk& disk, const DataDirectory& directory) {
  for (const std::string& path : {in(directory.path, "image"), directory.log_path}) {
    if (Status status = disk.make_directory(path); !status.ok()) return status;
    make_parents_durable(disk, path);
  }
  const Manifest manifest{.cluster = directory.identity.cluster, .member = directory.identity.member};
  Status status = disk.replace_file(in(directory.log_path, kManifestName), encode_manifest(manifest));
  if (!status.ok()) return status;
  return disk.replace_file(in(directory.path, kIdentityName), encode_identity(directory.identity));
}

// The log of an existing folder must be where it is looked for: an empty one in its place would be taken
// for that of a member which has forgotten everything.
Status check_log(env::Disk& disk, const DataDirectory& directory) {
  const std::string path = in(directory.log_path, kManifestName);
  if (!disk.exists(path)) {
    return Status(Code::kFailedPrecondition, path + ": is missing: the log of the member in " + directory.path +
                                                 " is not here; start with the --wal-dir that it was made with");
  }
  auto text = disk.read_file(path);
  if (!text) return text.error();
  auto manifest = decode_manifest(*text);
  if (!manifest) return Status(manifest.error().code(), path + " " + manifest.error().text());
  if (manifest->cluster != directory.identity.cluster || manifest->member != directory.identity.member) {
    return Status(Code::kFailedPrecondition, path + ": the log is of member " + hex(manifest->member) + " of cluster " +
                                                 hex(manifest->cluster) + ", but " + in(directory.path, kIdentityName) +
                                                 " names member " + hex(directory.identity.member) + " of cluster " +
                                                 hex(directory.identity.cluster) +
                                                 ": they are of two members, or one of the two files is damaged");
  }
  return {};
}

// Whether a file can be made in the folder; it is gone afterwards.
Status check_writable(env::Disk& disk, const std::string& path) {
  const std::string probe = in(path, std::string(kIdentityName) + ".probe");
  if (const Status status = disk.replace_file(probe, ""); !status.ok()) {
    const char* way_out =
        status.code() == Code::kPermissionDenied ? ": run as its owner, or change its permissions" : "";
    return Status(status.code(), path + ": is not writable (" + status.text() + ")" + way_out);
  }
  return disk.remove(probe);
}

Status ensure_directory(env::Disk& disk, const std::string& path) {
  if (disk.exists(path)) return {};
  const Status status = disk.make_directory(path);
  if (status.ok()) return {};
  return Status(status.code(), path + ": cannot be made (" + status.text() + ")");
}

}  // namespace

Result<DataDirectory> open_data_directory(env::Disk& disk, const std::string& path, const std::string& wal_path,
                                          const Identity& bootstrap) {
  DataDirectory directory{.path = path,
                          .log_path = wal_path.empty() ? in(path, "log") : wal_path,
                          .identity = bootstrap,
                          .fresh = false,
                          .lock = nullptr};
  if (const Status status = ensure_directory(disk, path); !status.ok()) return fail(status);
  auto lock = disk.lock_directory(path);
  if (!lock) {
    const bool held = lock.error().code() == Code::kFailedPrecondition;
    return fail(lock.error().code(), lock.error().text() + (held ? ": stop it, or use another --data-dir" : ""));
  }
  directory.lock = std::move(*lock);
  TRY(const std::vector<std::string> names, disk.list(path));
  const std::string identity_path = in(path, kIdentityName);
  directory.fresh = !disk.exists(identity_path);
  if (directory.fresh) {
    if (const Status status = check_unused(disk, path, names); !status.ok()) return fail(status);
    if (const Status status = check_log_unused(disk, directory.log_path); !status.ok()) return fail(status);
    if (const Status status = check_writable(disk, path); !status.ok()) return fail(status);
    if (const Status status = make(disk, directory); !status.ok()) return fail(status);
    return directory;
  }
  TRY(const std::string text, disk.read_file(identity_path));
  TRY(directory.identity, decode_identity(identity_path, text));
  if (const Status status = check_log(disk, directory); !status.ok()) return fail(status);
  if (const Status status = check_writable(disk, path); !status.ok()) return fail(status);
  return directory;
}

}  // namespace quorate::wal
