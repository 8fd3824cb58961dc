// node/testing/launching.h: interpret() without a process: arguments, variables and files as maps.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "node/flags.h"

namespace quorate::node::testing {

struct Start {
  std::vector<std::string> arguments = {};
  Environment environment = {};
  std::map<std::string, std::string> files = {};
  std::string program = "quorate";

  Launch launch() const {
    return interpret({program, arguments, environment}, [this](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return fail(Code::kUnavailable, "open " + path + ": no such file or directory");
      return found->second;
    });
  }
};

inline const std::vector<Note>& notes_of(const Launch& launch) {
  static const std::vector<Note> none;
  if (const auto* serve = std::get_if<Serve>(&launch)) return serve->notes;
  if (const auto* failure = std::get_if<Failure>(&launch)) return failure->notes;
  return none;
}

inline std::string field_of(const Note& note, std::string_view name) {
  for (const env::Field& field : note.fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    if (field.name == name && text != nullptr) return *text;
  }
  return {};
}

// The note with this message, whose field `name` is `value` where a name is given.
inline const Note* find_note(const Launch& launch, std::string_view message, std::string_view name = {},
                             std::string_view value = {}) {
  for (const Note& note : notes_of(launch)) {
    if (note.message == message && (name.empty() || field_of(note, name) == value)) return &note;
  }
  return nullptr;
}

// Why it does not start: what is printed, or the error in the log; empty when it starts.
inline std::string reason_of(const Launch& launch) {
  const auto* failure = std::get_if<Failure>(&launch);
  if (failure == nullptr) return {};
  if (!failure->text.empty()) return failure->text.substr(0, failure->text.find('\n'));
  if (failure->notes.empty()) return "(no reason)";
  const std::string error = field_of(failure->notes.back(), "error");
  return error.empty() ? failure->notes.back().message : error;
}

inline int exit_code_of(const Launch& launch) {
  if (const auto* failure = std::get_if<Failure>(&launch)) return failure->exit_code;
  return 0;
}

}  // namespace quorate::node::testing
