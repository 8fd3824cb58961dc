// /health, /livez and /readyz (server, section 2.1).
#include "api/health_pages.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "machine/members.h"

namespace quorate::api::plain {
namespace {

std::string_view alarm_name(pb::AlarmType type) {
  switch (type) {
    case pb::AlarmType::kNoSpace: return "NOSPACE";
    case pb::AlarmType::kCorrupt: return "CORRUPT";
    case pb::AlarmType::kNone: break;
  }
  return "UNKNOWN";
}

// What etcd's checks read: any one key. The store is in memory, and so cannot fail.
void read_one_key(Back& back, bool serializable, server::ReadReady done) {
  const MonoTime since = back.env().clock.now();
  auto finish = [&back, since, serializable, done = std::move(done)](const Status& status) mutable {
    pb::RangeRequest request;
    request.limit = 1;
    request.serializable = serializable;
    request.keys_only = true;
    const Result<pb::RangeResponse> response =
        status.ok() ? Result<pb::RangeResponse>(pb::RangeResponse{}) : fail(Status(status));
    back.replica().meter().answered(request, response, back.env().clock.now() - since);
    done(status);
  };
  if (serializable) return finish(Status());
  back.replica().read(std::move(finish));
}

// The first alarm that `query` does not exclude.
std::optional<pb::AlarmType> alarm_of(Back& back, const Query& query) {
  const auto excluded = query.all("exclude");
  for (const auto& [type, member] : back.replica().machine().alarms()) {
    if (std::find(excluded.begin(), excluded.end(), alarm_name(type)) != excluded.end()) continue;
    back.env().log.warn("serving /health false due to an alarm",
                        {{"alarm", "memberID:" + std::to_string(member) + " alarm:" + std::string(alarm_name(type))}});
    return type;
  }
  return std::nullopt;
}

void answer_health(Back& back, const std::string& reason, Answer& answer) {
  back.metrics().health(reason.empty());
  if (reason.empty()) {
    back.env().log.debug("/health OK", {{"status-code", 200}});
    return answer(respond(200, R"({"health":"true","reason":""})", kText));
  }
  const std::string output = nlohmann::ordered_json{{"health", "false"}, {"reason", reason}}.dump();
  back.env().log.warn("/health error", {{"output", output}, {"status-code", 503}});
  answer(nosniff(503, output + "\n"));
}

enum class Needs : uint8_t { kLocalRead, kQuorumRead, kNoCorruption, kVoter };

struct Check {
  std::string_view name;
  Needs needs;
};
constexpr std::array<Check, 1> kLiveChecks = {{{"serializable_read", Needs::kLocalRead}}};
constexpr std::array<Check, 4> kReadyChecks = {{{"data_corruption", Needs::kNoCorruption},
                                                {"serializable_read", Needs::kLocalRead},
                                                {"linearizable_read", Needs::kQuorumRead},
                                                {"non_learner", Needs::kVoter}}};

Status corruption(Back& back) {
  const auto& alarms = back.replica().machine().alarms();
  const bool corrupt =
      std::any_of(alarms.begin(), alarms.end(), [](const auto& each) { return each.first == pb::AlarmType::kCorrupt; });
  return corrupt ? Status(Code::kDataLoss, "alarm activated: CORRUPT") : Status();
}

Status voter(Back& back) {
  const auto& members = back.replica().machine().members().all();
  const auto self = members.find(back.replica().options().member);
  const bool learner = self != members.end() && self->second.learner;
  return learner ? Status(Code::kUnavailable, "not supported for learner") : Status();
}

// Runs checks one after the other, then answers.
class CheckRun : public std::enable_shared_from_this<CheckRun> {
 public:
  CheckRun(Back& back, std::string path, std::vector<Check> checks, bool verbose, Answer answer)
      : back_(back),
        path_(std::move(path)),
        page_(path_.substr(1, path_.find('/', 1) - 1)),
        checks_(std::move(checks)),
        verbose_(verbose),
        answer_(std::move(answer)) {}

  void step() {
    while (next_ < checks_.size()) {
      const Check& check = checks_[next_++];
      switch (check.needs) {
        case Needs::kNoCorruption: note(check, corruption(back_)); break;
        case Needs::kVoter: note(check, voter(back_)); break;
        case Needs::kLocalRead:
        case Needs::kQuorumRead:
          return read_one_key(back_, check.needs == Needs::kLocalRead,
                              [self = shared_from_this(), &check](const Status& status) {
                                self->note(check, status);
                                self->step();
                              });
      }
    }
    finish();
  }

 private:
  void note(const Check& check, const Status& status) {
    back_.metrics().check(page_, check.name, status.ok());
    failed_ = failed_ || !status.ok();
    report_ += status.ok() ? "[+]" + std::string(check.name) + " ok\n"
                           : "[-]" + std::string(check.name) + " failed: " + status.text() + "\n";
  }

  void finish() {
    if (failed_) {
      back_.env().log.error("Health check error", {{"path", path_}, {"reason", report_}, {"status-code", 503}});
      return answer_(nosniff(503, report_ + "\n"));
    }
    back_.env().log.debug("Health check OK", {{"path", path_}, {"reason", report_}, {"status-code", 200}});
    answer_(nosniff(200, (verbose_ ? report_ : "") + "ok\n"));
  }

  Back& back_;
  const std::string path_;  // "/livez", "/livez/serializable_read"
  const std::string page_;  // "livez"
  const std::vector<Check> checks_;
  const bool verbose_;
  Answer answer_;
  size_t next_ = 0;
  bool failed_ = false;
  std::string report_;
};

std::vector<Check> chosen_checks(Back& back, std::span<const Check> all, const Query& query) {
  const auto words = query.all("exclude");
  std::set<std::string_view> excluded(words.begin(), words.end());
  std::vector<Check> out;
  for (const Check& check : all) {
    if (excluded.erase(check.name) == 0) out.push_back(check);
  }
  if (excluded.empty()) return out;
  std::string missing;
  for (const std::string_view name : excluded) missing += (missing.empty() ? "\"" : ",\"") + std::string(name) + "\"";
  back.env().log.warn("some health checks cannot be excluded", {{"missing-health-checks", missing}});
  return out;
}

// `rest` is below "/livez" or "/readyz": nothing, or a slash and the name of one check, which is not excluded then.
void checks(Back& back, std::span<const Check> all, const http::PlainRequest& request, std::string_view rest,
            Answer answer) {
  const Query query(request.query);
  std::vector<Check> chosen;
  if (!rest.empty()) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Check& c) { return c.name == rest.substr(1); });
    if (found == all.end()) return answer(not_found());
    chosen.push_back(*found);
  }
  if (request.method != "GET") {
    back.env().log.warn("Health request error", {{"path", request.path}, {"status-code", 405}});
    return answer(method_not_allowed());
  }
  if (rest.empty()) chosen = chosen_checks(back, all, query);
  std::make_shared<CheckRun>(back, request.path, std::move(chosen), query.has("verbose"), std::move(answer))->step();
}

// "/livez/serializable_read" with "/livez": "/serializable_read"; nothing when `path` is not below `root`.
std::optional<std::string_view> below(std::string_view path, std::string_view root) {
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path[0] != '/') return std::nullopt;
  return path;
}

void health(Back& back, const http::PlainRequest& request, Answer answer) {
  if (request.method != "GET") {
    back.env().log.warn("/health error", {{"status-code", 405}});
    return answer(method_not_allowed());
  }
  const Query query(request.query);
  if (const auto alarm = alarm_of(back, query)) {
    return answer_health(back, "ALARM " + std::string(alarm_name(*alarm)), answer);
  }
  const bool serializable = query.first("serializable") == "true";
  if (!serializable && back.replica().leader() == 0) {
    back.env().log.warn("serving /health false; no leader");
    return answer_health(back, "RAFT NO LEADER", answer);
  }
  read_one_key(back, serializable, [&back, answer = std::move(answer)](const Status& status) mutable {
    if (status.ok()) return answer_health(back, "", answer);
    back.env().log.warn("serving /health false; Range fails", {{"error", status.text()}});
    answer_health(back, "RANGE ERROR:" + status.text(), answer);
  });
}

}  // namespace

bool serve_health(Back& back, const http::PlainRequest& request, Answer& answer) {
  if (request.path == "/health") {
    health(back, request, std::move(answer));
  } else if (const auto live = below(request.path, "/livez")) {
    checks(back, kLiveChecks, request, *live, std::move(answer));
  } else if (const auto ready = below(request.path, "/readyz")) {
    checks(back, kReadyChecks, request, *ready, std::move(answer));
  } else {
    return false;
  }
  return true;
}

}  // namespace quorate::api::plain
