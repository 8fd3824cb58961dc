#include "cmd/ctl/global_options.h"

#include <algorithm>
#include <array>

#include "cmd/ctl/exit_codes.h"
#include "cmd/ctl/go_text.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kPrefix = "ETCDCTL_";
// Of one command, which reads them itself.
constexpr std::array<std::string_view, 2> kCommandVariables = {"ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END"};

std::string variable_of(const std::string& flag_name) {
  std::string name(kPrefix);
  for (const char c : flag_name) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

// One line in the shape of the client library's log.
std::string log_line(std::string_view level, std::string_view message, std::string_view variable) {
  return "{\"level\":\"" + std::string(level) + "\",\"msg\":\"" + std::string(message) +
         "\",\"environment-variable\":" + quote(variable) + "}\n";
}

UsageError refused(const std::string& flag, const std::string& why) {
  return {kExitBadFeature, "--" + flag + ": " + why + " is not supported by this version"};
}

std::expected<void, UsageError> fill_from(const Environment& environment, FlagSet& flags, std::ostream& err) {
  std::vector<std::string> known(kCommandVariables.begin(), kCommandVariables.end());
  for (auto& [name, flag] : flags.flags()) {
    if (flag.scope != FlagScope::kHidden) continue;
    known.push_back(variable_of(name));
    const auto found = environment.find(known.back());
    if (found == environment.end()) continue;
    if (flag.given) {
      err << log_line("fatal",
                      "conflicting environment variable is shadowed by corresponding command-line flag (either unset "
                      "environment variable or disable flag))",
                      found->first);
      return std::unexpected(UsageError{kExitError, ""});
    }
    if (found->second.empty()) continue;
    // As the reference: a value that means nothing is no reason to stop.
    if (const Status status = flags.set(flag, found->second); !status.ok()) {
      err << log_line("warn", "ignored environment variable with an invalid value", found->first + "=" + found->second);
      continue;
    }
    flag.given = true;
  }
  for (auto at = environment.lower_bound(std::string(kPrefix));
       at != environment.end() && at->first.starts_with(kPrefix); ++at) {
    if (std::find(known.begin(), known.end(), at->first) == known.end()) {
      err << log_line("warn", "unrecognized environment variable", at->first + "=" + at->second);
    }
  }
  return {};
}

std::expected<void, UsageError> check_refused(const FlagSet& flags) {
  for (const std::string name : {"cert", "key", "cacert"}) {
    if (!flags.given(name)) continue;
    if (flags.text(name).empty()) {
      return std::unexpected(UsageError{kExitBadArguments, "empty string is passed to --" + name + " option"});
    }
    return std::unexpected(refused(name, "TLS"));
  }
  if (flags.on("insecure-skip-tls-verify")) return std::unexpected(refused("insecure-skip-tls-verify", "TLS"));
  for (const std::string name : {"user", "password", "auth-jwt-token"}) {
    if (!flags.text(name).empty()) return std::unexpected(refused(name, "authentication"));
  }
  for (const std::string name : {"discovery-srv", "discovery-srv-name"}) {
    if (!flags.text(name).empty()) return std::unexpected(refused(name, "discovery"));
  }
  for (const std::string& endpoint : flags.list("endpoints")) {
    if (endpoint.starts_with("https://") || endpoint.starts_with("unixs://")) {
      return std::unexpected(
          UsageError{kExitBadFeature, "endpoint " + quote(endpoint) + ": TLS is not supported by this version"});
    }
  }
  return {};
}

}  // namespace

void declare_global_flags(FlagSet& flags) {
  flags.scope(FlagScope::kHidden);
  flags.add(FlagKind::kList, "endpoints", "127.0.0.1:2379", "gRPC endpoints");
  flags.on_off("debug", "enable client-side debug logging");
  flags.add(FlagKind::kText, "write-out", "simple", "set the output format (fields, json, protobuf, simple, table)",
            'w');
  flags.on_off("hex", "print byte strings as hex encoded strings");
  flags.add(FlagKind::kDuration, "dial-timeout", "2s", "dial timeout for client connections");
  flags.add(FlagKind::kDuration, "command-timeout", "5s", "timeout for short running command (excluding dial timeout)");
  flags.add(FlagKind::kDuration, "keepalive-time", "2s", "keepalive time for client connections");
  flags.add(FlagKind::kDuration, "keepalive-timeout", "6s", "keepalive timeout for client connections");
  flags.add(FlagKind::kNumber, "max-request-bytes", "",
            "client-side request send limit in bytes (if 0, it defaults to 2.0 MiB (2 * 1024 * 1024).)");
  flags.add(FlagKind::kNumber, "max-recv-bytes", "",
            "client-side response receive limit in bytes (if 0, it defaults to \"math.MaxInt32\")");
  flags.add(FlagKind::kSwitch, "insecure-transport", "true", "disable transport security for client connections");
  flags.add(FlagKind::kSwitch, "insecure-discovery", "true",
            "accept insecure SRV records describing cluster endpoints");
  flags.on_off(
      "insecure-skip-tls-verify",
      "skip server certificate verification (CAUTION: this option should be enabled only for testing purposes)");
  flags.add(FlagKind::kText, "cert", "", "identify secure client using this TLS certificate file");
  flags.add(FlagKind::kText, "key", "", "identify secure client using this TLS key file");
  flags.add(FlagKind::kText, "cacert", "", "verify certificates of TLS-enabled secure servers using this CA bundle");
  flags.add(FlagKind::kText, "auth-jwt-token", "",
            "JWT token used for authentication (if this option is used, --user and --password should not be set)");
  flags.add(FlagKind::kText, "user", "", "username[:password] for authentication (prompt if password is not supplied)");
  flags.add(FlagKind::kText, "password", "",
            "password for authentication (if this option is used, --user option shouldn't include password)");
  flags.add(FlagKind::kText, "discovery-srv", "", "domain name to query for SRV records describing cluster endpoints",
            'd');
  flags.add(FlagKind::kText, "discovery-srv-name", "", "service name to query when using DNS discovery");
  flags.scope(FlagScope::kLocal);
}

std::expected<GlobalOptions, UsageError> read_global_options(FlagSet& flags, const Environment& environment,
                                                             std::ostream& err) {
  if (auto filled = fill_from(environment, flags, err); !filled) return std::unexpected(std::move(filled.error()));
  if (auto checked = check_refused(flags); !checked) return std::unexpected(std::move(checked.error()));
  GlobalOptions options;
  options.endpoints = flags.list("endpoints");
  options.write_out = flags.text("write-out");
  options.hex = flags.on("hex");
  options.dial_timeout = flags.duration("dial-timeout");
  options.command_timeout = flags.duration("command-timeout");
  options.command_timeout_given = flags.given("command-timeout");
  options.keepalive_interval = flags.duration("keepalive-time");
  options.keepalive_timeout = flags.duration("keepalive-timeout");
  if (const int64_t bytes = flags.number("max-request-bytes"); bytes > 0)
    options.max_request_bytes = static_cast<size_t>(bytes);
  if (const int64_t bytes = flags.number("max-recv-bytes"); bytes > 0)
    options.max_receive_bytes = static_cast<size_t>(bytes);
  for (const std::string_view format : {"fields", "json", "protobuf", "simple", "table"}) {
    if (options.write_out == format) return options;
  }
  return std::unexpected(UsageError{kExitBadFeature, "unsupported output format"});
}

}  // namespace quorate::cmd::ctl
