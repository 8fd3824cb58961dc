#include "node/flags.h"

#include "node/arguments.h"
#include "node/usage.h"
#include "node/validate.h"
#include "node/yaml.h"

namespace quorate::node {
namespace {

constexpr int kExitInvalid = 1;
constexpr int kExitSyntax = 2;

Personality personality_of(std::string_view program) {
  const size_t slash = program.rfind('/');
  if (slash != std::string_view::npos) program.remove_prefix(slash + 1);
  return program == "etcd" ? Personality::kEtcd : Personality::kQuorate;
}

Failure failed(std::vector<Note> notes, std::string error) {
  notes.push_back({env::Level::kWarn, "failed to verify flags", {{"error", std::move(error)}}});
  return {{}, std::move(notes), kExitInvalid};
}

// etcd reads --initial-cluster only to make a member; a place that holds one already has its own answer.
bool member_exists(const Config& config, const ReadFile& read_file) {
  return read_file(config.data_dir + "/quorate.json").has_value();
}

void note_without_effect(const Settings& settings, std::vector<Note>& notes) {
  for (const Flag& flag : flag_table()) {
    if (flag.in != FlagClass::kNoEffect || !settings.changed(flag)) continue;
    if (flag.kind == FlagKind::kV2) continue;  // etcd has words for it
    notes.push_back({env::Level::kInfo, "flag has no effect", {{"flag", flag.name}, {"reason", flag.note}}});
  }
  if (settings.given("v2-deprecation")) {
    notes.push_back({env::Level::kWarn,
                     "--v2-deprecation is deprecated and scheduled for removal in v3.8. The default value is enforced, "
                     "ignoring user input."});
  }
  if (const std::string& gates = settings.text("feature-gates"); !gates.empty()) {
    notes.push_back({env::Level::kInfo, "no feature gate has an effect yet", {{"feature-gates", gates}}});
  }
}

void note_habits(const Settings& settings, const Config& config, Personality as, std::vector<Note>& notes) {
  if (config.name == "default") {
    notes.push_back({env::Level::kWarn,
                     "the member has the default name; members of one cluster need names of their own, see --name",
                     {{"name", config.name}}});
  }
  if (settings.text("data-dir").empty()) {
    notes.push_back({env::Level::kWarn, "'data-dir' was empty; using default", {{"data-dir", config.data_dir}}});
  }
  if (config.unsafe_no_fsync) {
    notes.push_back(
        {env::Level::kWarn, "running without waiting for the disk: a power failure loses acknowledged data"});
  }
  if (as == Personality::kEtcd)
    notes.push_back({env::Level::kInfo, "this is quorate", {{"quorate-version", kVersion}}});
}

Launch launch(const Settings& settings, Personality as, const ReadFile& read_file, std::vector<Note> notes) {
  auto config = validate(settings, as == Personality::kEtcd ? ".etcd" : ".quorate");
  if (!config) return failed(std::move(notes), config.error().text());
  if (!member_exists(*config, read_file)) {
    if (const Status status = validate_bootstrap(settings, *config); !status.ok()) {
      notes.push_back({env::Level::kFatal, "discovery failed", {{"error", status.text()}}});
      return Failure{{}, std::move(notes), kExitInvalid};
    }
  }
  note_habits(settings, *config, as, notes);
  note_without_effect(settings, notes);
  return Serve{std::move(*config), std::move(notes)};
}

// The file named by the argument, else by the variable; empty for none.
std::string config_file(const Settings& settings, const Environment& environment) {
  if (!settings.text("config-file").empty()) return settings.text("config-file");
  const auto found = environment.find("ETCD_CONFIG_FILE");
  return found == environment.end() ? std::string() : found->second;
}

Launch launch_from_file(const std::string& path, Personality as, const ReadFile& read_file, std::vector<Note> notes) {
  const auto bytes = read_file(path);
  if (!bytes) return failed(std::move(notes), bytes.error().text());
  Settings settings;
  if (const Status status = read_yaml(*bytes, settings); !status.ok()) {
    // A URL that cannot be read ends etcd before its log is there.
    if (status.text().starts_with("unexpected error setting up "))
      return Failure{status.text() + "\n", std::move(notes), kExitInvalid};
    return failed(std::move(notes), status.text());
  }
  notes.push_back(
      {env::Level::kInfo,
       "loaded server configuration, other configuration command line flags and environment variables will be "
       "ignored if provided",
       {{"path", path}}});
  return launch(settings, as, read_file, std::move(notes));
}

}  // namespace

Launch interpret(const Invocation& invocation, const ReadFile& read_file) {
  const Personality as = personality_of(invocation.program);
  if (!invocation.arguments.empty()) {
    const std::string& command = invocation.arguments[0];
    if (command == "gateway" || command == "grpc-proxy") {
      return Failure{"Quorate does not have the command " + command + " yet\n", {}, kExitInvalid};
    }
  }
  Settings settings;
  std::vector<Note> notes;
  const Arguments arguments = read_arguments(invocation.arguments, settings, notes);
  if (!arguments.error.empty()) return Failure{arguments.error + "\n" + usage_text(as), std::move(notes), kExitSyntax};
  if (arguments.help) return Print{usage_text(as), help_text(as)};
  if (!arguments.words.empty()) {
    return failed(std::move(notes), "\"" + arguments.words[0] + "\" is not a valid flag");
  }
  if (settings.truth("version")) return Print{{}, version_text(as)};
  if (settings.truth("flags")) return Print{{}, flags_text()};
  if (const std::string path = config_file(settings, invocation.environment); !path.empty()) {
    return launch_from_file(path, as, read_file, std::move(notes));
  }
  const Status status = read_environment(invocation.environment, settings, notes);
  for (const Note& note : notes) {
    if (note.level == env::Level::kFatal) return Failure{{}, std::move(notes), kExitInvalid};
  }
  if (!status.ok()) return failed(std::move(notes), status.text());
  return launch(settings, as, read_file, std::move(notes));
}

}  // namespace quorate::node
