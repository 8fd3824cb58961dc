// cmd/ctl/exit_codes.h: what the command line's exit status means. Source: command line, section 2.
#pragma once

namespace quorate::cmd::ctl {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;  // the call failed
inline constexpr int kExitBadConnection = 2;
inline constexpr int kExitInvalidInput = 3;  // of standard input
inline constexpr int kExitBadFeature = 4;    // a value or format that does not exist
inline constexpr int kExitInterrupted = 5;
inline constexpr int kExitBadArguments = 128;

}  // namespace quorate::cmd::ctl
