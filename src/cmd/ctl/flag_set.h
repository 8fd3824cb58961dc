// cmd/ctl/flag_set.h: the flags of one command, read as pflag reads them.
//
// Flags stand anywhere among the arguments: --name value, --name=value, -n value, -nvalue, -n=value; a switch takes its
// value only after "=", and several short ones may be joined. "--" ends them. Repeated ones: the last counts, lists
// grow. Error texts are pflag's. Threads: one.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace quorate::cmd::ctl {

enum class FlagKind : uint8_t { kSwitch, kNumber, kText, kDuration, kList };
// Whose help shows it.
enum class FlagScope : uint8_t { kLocal, kInherited, kHidden };

class FlagSet {
 public:
  struct Flag {
    std::string name;
    char letter = 0;
    FlagKind kind = FlagKind::kSwitch;
    FlagScope scope = FlagScope::kLocal;
    std::string default_value;
    std::string description;
    std::string value;  // of the kinds but kList; valid for its kind
    std::vector<std::string> list;
    bool given = false;
  };

  // `default_value` must be valid for its kind; empty is off, 0, "" or none.
  FlagSet& add(FlagKind kind, std::string_view name, std::string_view default_value, std::string_view description,
               char letter = 0);
  FlagSet& on_off(std::string_view name, std::string_view description, char letter = 0) {
    return add(FlagKind::kSwitch, name, "false", description, letter);
  }
  // Of the flags that are added from now on.
  void scope(FlagScope scope) { scope_ = scope; }

  // Reads `arguments`, of which `program` and commands are cut off.
  Status parse(std::span<const std::string> arguments);
  // Gives one flag a value. Errors: the parser's own text.
  Status set(Flag& flag, std::string_view value);

  bool on(std::string_view name) const { return at(name).value == "true"; }
  int64_t number(std::string_view name) const;
  Duration duration(std::string_view name) const;
  const std::string& text(std::string_view name) const { return at(name).value; }
  const std::vector<std::string>& list(std::string_view name) const { return at(name).list; }
  bool given(std::string_view name) const { return at(name).given; }

  const std::vector<std::string>& positional() const { return positional_; }
  // How many of them stood before "--"; none without it.
  std::optional<size_t> before_dashes() const { return before_dashes_; }

  // Whether an argument such as "--rev" or "-w" takes the next one as its value; unknown flags do.
  bool takes_next(std::string_view argument) const;
  // The aligned lines of help for the flags of `scope`.
  std::string help(FlagScope scope) const;

  std::map<std::string, Flag, std::less<>>& flags() { return flags_; }
  const Flag* find(std::string_view name) const;

 private:
  const Flag& at(std::string_view name) const;
  Flag* by_letter(char letter);
  Status parse_long(std::string_view argument, std::span<const std::string>& rest);
  Status parse_letters(std::string_view argument, std::span<const std::string>& rest);
  Status set_as_argument(Flag& flag, std::string_view value);

  FlagScope scope_ = FlagScope::kLocal;
  std::map<std::string, Flag, std::less<>> flags_;
  std::vector<std::string> positional_;
  std::optional<size_t> before_dashes_;
};

}  // namespace quorate::cmd::ctl
