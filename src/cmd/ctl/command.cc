#include "cmd/ctl/command.h"

#include <algorithm>

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kGroups[] = {"Key-value", "Cluster maintenance", "Concurrency", "Authentication", "Utility"};

// How many letters must be changed, added or taken to make `a` of `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

const Command* child_named(const Command& parent, std::string_view name) {
  const Command* match = nullptr;
  size_t matches = 0;
  for (const Command& child : parent.children) {
    if (child.name == name) return &child;
    if (!child.name.starts_with(name)) continue;
    match = &child;
    ++matches;
  }
  return matches == 1 ? match : nullptr;
}

// A command as it was named, and what its arguments are.
struct Found {
  std::vector<const Command*> path;  // the root first
  std::vector<std::string> arguments;
  std::string unknown;  // the first word that names no command of the root
};

// Where the first word among the arguments is that is neither a flag nor a flag's value.
size_t first_word(const FlagSet& flags, const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") break;
    if (arguments[i].empty()) continue;
    if (arguments[i][0] != '-') return i;
    if (flags.takes_next(arguments[i])) ++i;
  }
  return arguments.size();
}

Found find_command(const Command& root, FlagSet& flags, std::vector<std::string> arguments) {
  Found found{{&root}, std::move(arguments), ""};
  while (true) {
    const Command& command = *found.path.back();
    if (command.declare != nullptr) command.declare(flags);
    flags.scope(FlagScope::kLocal);
    if (command.children.empty()) return found;
    const size_t at = first_word(flags, found.arguments);
    if (at == found.arguments.size()) return found;
    const Command* child = child_named(command, found.arguments[at]);
    if (child == nullptr) {
      if (found.path.size() == 1) found.unknown = found.arguments[at];
      return found;
    }
    found.arguments.erase(found.arguments.begin() + static_cast<ptrdiff_t>(at));
    found.path.push_back(child);
  }
}

std::string path_text(const Found& found) {
  std::string text;
  for (size_t i = 0; i + 1 < found.path.size(); ++i) text += found.path[i]->name + " ";
  return text;
}

void list_children(const Command& command, std::string_view group, std::string& out) {
  size_t width = 11;  // at least, as cobra has it
  for (const Command& child : command.children) width = std::max(width, child.name.size());
  for (const Command& child : command.children) {
    if (child.group != group || child.summary.empty()) continue;
    out += "  " + child.name + std::string(width - child.name.size(), ' ') + " " + child.summary + "\n";
  }
}

std::string usage_text(const Found& found, const FlagSet& flags) {
  const Command& command = *found.path.back();
  std::string out = "Usage:\n";
  if (command.children.empty()) {
    out += "  " + path_text(found) + command.usage + " [flags]\n";
  } else {
    out += "  " + path_text(found) + command.name + " [command]\n";
  }
  if (found.path.size() == 1) {
    for (const std::string_view group : kGroups) {
      std::string lines;
      list_children(command, group, lines);
      if (!lines.empty()) out += "\n" + std::string(group) + " commands\n" + lines;
    }
    out += "\nUse \"" + command.name + " [command] --help\" for more information about a command.\n";
    return out;
  }
  if (!command.children.empty()) {
    out += "\nAvailable Commands:\n";
    list_children(command, "", out);
  }
  if (command.children.empty()) {
    out += "\nFlags:\n" + flags.help(FlagScope::kLocal);
    if (const std::string inherited = flags.help(FlagScope::kInherited); !inherited.empty()) {
      out += "\nGlobal Flags:\n" + inherited;
    }
  } else {
    // A parent's own flags are all that its children inherit.
    FlagSet own;
    if (command.declare != nullptr) command.declare(own);
    for (auto& [name, flag] : own.flags()) flag.scope = FlagScope::kLocal;
    own.scope(FlagScope::kLocal);
    own.on_off("help", "help for " + command.name, 'h');
    out += "\nFlags:\n" + own.help(FlagScope::kLocal);
  }
  return out;
}

std::string help_text(const Found& found, const FlagSet& flags, const std::string& program) {
  const Command& command = *found.path.back();
  std::string out = (command.details.empty() ? command.summary : command.details) + "\n\n" + usage_text(found, flags);
  if (found.path.size() > 1 && !command.children.empty()) {
    out += "\nUse \"" + path_text(found) + command.name + " [command] --help\" for more information about a command.\n";
  }
  return out + "Use \"" + program + " options\" for a list of global command-line options (applies to all commands).\n";
}

int unknown_command(const Command& root, const std::string& word, const Streams& streams) {
  streams.err << "Error: unknown command \"" << word << "\" for \"" << root.name << "\"\n";
  std::string suggestions;
  for (const Command& child : root.children) {
    if (child.name == "help") continue;
    if (edit_distance(word, child.name) <= 2 || child.name.starts_with(word)) suggestions += "\t" + child.name + "\n";
  }
  if (!suggestions.empty()) streams.err << "\nDid you mean this?\n" << suggestions << "\n";
  streams.err << "Run '" << root.name << " --help' for usage.\n";
  return kExitError;
}

}  // namespace

int Invocation::error(int exit_code, std::string_view text) {
  out().flush();
  if (!text.empty()) err() << "Error: " << text << "\n";
  return exit_code;
}

std::expected<void, int> Invocation::read_options(std::span<const std::string_view> formats) {
  auto options = read_global_options(flags, environment, err());
  if (!options) return std::unexpected(error(options.error().exit_code, options.error().text));
  global = std::move(*options);
  if (std::find(formats.begin(), formats.end(), global.write_out) != formats.end()) return {};
  std::string known;
  for (const std::string_view format : formats) known += (known.empty() ? "" : ", ") + std::string(format);
  return std::unexpected(
      error(kExitBadFeature, global.write_out + " not supported as output format (of this command: " + known + ")"));
}

std::expected<std::unique_ptr<Session>, int> Invocation::connect(std::span<const std::string_view> formats) {
  if (auto read = read_options(formats); !read) return std::unexpected(read.error());
  auto session = Session::open(global);
  if (!session) return std::unexpected(error(kExitBadConnection, session.error().text()));
  return std::move(*session);
}

int run_command_line(const std::string& program, const std::vector<std::string>& arguments,
                     const Environment& environment, const Streams& streams) {
  const Command root = command_tree(program);
  Invocation invocation{program, {}, {}, environment, streams, {}};
  FlagSet& flags = invocation.flags;
  declare_global_flags(flags);
  std::vector<std::string> words = arguments;
  // The description of this one comes when the command is known.
  flags.on_off("help", "", 'h');
  // "help get" is "get --help".
  const size_t help_at = first_word(flags, words);
  if (help_at < words.size() && words[help_at] == "help") words[help_at] = "--help";
  Found found = find_command(root, flags, std::move(words));
  const Command& command = *found.path.back();
  if (!found.unknown.empty()) return unknown_command(root, found.unknown, streams);
  flags.on_off("help", "help for " + command.name, 'h');
  if (const Status status = flags.parse(found.arguments); !status.ok()) {
    streams.err << "Error: " << status.text() << "\n" << usage_text(found, flags) << "\n";
    return kExitError;
  }
  if (flags.on("help") || command.run == nullptr) {
    streams.out << help_text(found, flags, program);
    return kExitOk;
  }
  invocation.arguments = flags.positional();
  const int exit_code = command.run(invocation);
  streams.out.flush();
  return exit_code;
}

}  // namespace quorate::cmd::ctl
