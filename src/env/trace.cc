#include "env/trace.h"

namespace quorate::env {

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::kParse: return "parse";
    case Stage::kGuard: return "guard";
    case Stage::kPropose: return "propose";
    case Stage::kLog: return "log";
    case Stage::kDurable: return "durable";
    case Stage::kCommit: return "commit";
    case Stage::kApply: return "apply";
    case Stage::kReply: return "reply";
    case Stage::kSend: return "send";
  }
  return "unknown";
}

}  // namespace quorate::env
