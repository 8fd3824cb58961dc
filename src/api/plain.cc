// Plain HTTP: /health, /livez, /readyz, /version, /metrics, and the peer port's /version and /members
// (server, section 2; peer protocol, section 2.7).
#include <algorithm>
#include <array>
#include <functional>

#include <nlohmann/json.hpp>

#include "api/back.h"
#include "api/version.h"
#include "machine/members.h"

namespace quorate::api::plain {
namespace {

using Answer = std::move_only_function<void(http::PlainResponse)>;

constexpr const char* kText = "text/plain; charset=utf-8";

http::PlainResponse respond(int status, std::string body, const char* type) {
  return {.status = status, .headers = {{"content-type", type}}, .body = Bytes::adopt(std::move(body))};
}

// As Go's servers mark errors, and etcd its checks too.
http::PlainResponse nosniff(int status, std::string body) {
  http::PlainResponse response = respond(status, std::move(body), kText);
  response.headers.emplace_back("x-content-type-options", "nosniff");
  return response;
}

http::PlainResponse not_found() { return nosniff(404, "404 page not found\n"); }

http::PlainResponse method_not_allowed() {
  http::PlainResponse response = nosniff(405, "Method Not Allowed\n");
  response.headers.emplace_back("allow", "GET");
  return response;
}

// Whether the query holds `parameter`, whole or followed by a value.
bool has_parameter(std::string_view query, std::string_view parameter) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view each = query.substr(0, end);
    if (each == parameter || (each.starts_with(parameter) && each[parameter.size()] == '=')) return true;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

std::string version_json(Back& back) {
  const std::string& cluster = back.replica().machine().members().cluster_version();
  return std::string(R"({"etcdserver":")") + kEtcdVersion + R"(","etcdcluster":")" +
         (cluster.empty() ? "not_decided" : cluster) + R"(","storage":")" +
         (cluster.empty() ? "unknown" : kStorageVersion) + "\"}";
}

std::string members_json(Back& back) {
  nlohmann::ordered_json members = nlohmann::ordered_json::array();
  for (const auto& [id, member] : back.replica().machine().members().all()) {
    nlohmann::ordered_json out;
    out["id"] = id;
    out["peerURLs"] = member.peer_urls;
    if (member.learner) out["isLearner"] = true;
    if (!member.name.empty()) out["name"] = member.name;
    if (!member.client_urls.empty()) out["clientURLs"] = member.client_urls;
    members.push_back(std::move(out));
  }
  return members.dump() + "\n";
}

void health(Back& back, const http::PlainRequest& request, Answer answer) {
  auto finish = [&back, answer = std::move(answer)](const Status& status) mutable {
    back.metrics().health(status.ok());
    if (status.ok()) return answer(respond(200, R"({"health":"true","reason":""})", kText));
    answer(nosniff(503, nlohmann::ordered_json{{"health", "false"}, {"reason", status.text()}}.dump() + "\n"));
  };
  if (has_parameter(request.query, "serializable=true")) return finish(Status());
  if (back.replica().leader() == 0) return finish(Status(Code::kUnavailable, "RAFT NO LEADER"));
  back.replica().read([finish = std::move(finish)](const Status& status) mutable {
    finish(status.ok() ? status : Status(status.code(), "RANGE ERROR:" + status.text()));
  });
}

// One of the checks of /livez and /readyz. The state machine here is never corrupt and never a learner's.
struct Check {
  std::string_view name;
  bool needs_read;
};
constexpr std::array<Check, 1> kLiveChecks = {{{"serializable_read", false}}};
constexpr std::array<Check, 4> kReadyChecks = {
    {{"data_corruption", false}, {"serializable_read", false}, {"linearizable_read", true}, {"non_learner", false}}};

std::string check_report(std::span<const Check> checks, const Status& read, bool verbose) {
  std::string report;
  bool failed = false;
  for (const Check& check : checks) {
    if (check.needs_read && !read.ok()) {
      report += "[-]" + std::string(check.name) + " failed: " + read.text() + "\n";
      failed = true;
    } else if (verbose) {
      report += "[+]" + std::string(check.name) + " ok\n";
    }
  }
  return failed ? report : (verbose ? report + "ok\n" : "ok\n");
}

bool needs_read(const std::vector<Check>& checks) {
  return std::any_of(checks.begin(), checks.end(), [](const Check& check) { return check.needs_read; });
}

void answer_checks(Back& back, std::vector<Check> checks, bool verbose, Answer answer) {
  const bool read = needs_read(checks);
  auto finish = [checks = std::move(checks), verbose, answer = std::move(answer)](const Status& status) mutable {
    std::string report = check_report(checks, status, verbose);
    answer(status.ok() ? nosniff(200, std::move(report)) : nosniff(503, report + "\n"));
  };
  if (!read) return finish(Status());
  back.replica().read(std::move(finish));
}

// `path` is below "/livez" or "/readyz": nothing, or a slash and the name of one check, which is not excluded then.
void checks(Back& back, std::span<const Check> all, const http::PlainRequest& request, std::string_view path,
            Answer answer) {
  std::vector<Check> chosen;
  for (const Check& check : all) {
    const bool excluded = has_parameter(request.query, "exclude=" + std::string(check.name));
    if (path.empty() ? !excluded : path.substr(1) == check.name) chosen.push_back(check);
  }
  if (chosen.empty() && !path.empty()) return answer(not_found());
  if (request.method != "GET") return answer(method_not_allowed());
  answer_checks(back, std::move(chosen), has_parameter(request.query, "verbose"), std::move(answer));
}

// "/livez/serializable_read" with "/livez": "/serializable_read"; nothing when `path` is not below `root`.
std::optional<std::string_view> below(std::string_view path, std::string_view root) {
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path[0] != '/') return std::nullopt;
  return path;
}

void serve_client(Back& back, Port port, const http::PlainRequest& request, Answer answer) {
  const std::string_view path = request.path;
  const bool get = request.method == "GET";
  if (path == "/health") return get ? health(back, request, std::move(answer)) : answer(method_not_allowed());
  if (const auto rest = below(path, "/livez")) return checks(back, kLiveChecks, request, *rest, std::move(answer));
  if (const auto rest = below(path, "/readyz")) return checks(back, kReadyChecks, request, *rest, std::move(answer));
  if (path == "/metrics") {  // by any method
    return answer(
        respond(200, back.env().metrics.scrape(), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"));
  }
  if (path == "/version" && port == Port::kClient) {
    return answer(get ? respond(200, version_json(back), "application/json") : method_not_allowed());
  }
  answer(not_found());
}

void serve_peer(Back& back, const http::PlainRequest& request, Answer answer) {
  const bool get = request.method == "GET";
  if (request.path == "/version") {
    return answer(get ? respond(200, version_json(back), "application/json") : method_not_allowed());
  }
  if (request.path == "/members") {
    if (!get) return answer(method_not_allowed());
    http::PlainResponse response = respond(200, members_json(back), "application/json");
    response.headers.emplace_back("x-etcd-cluster-id", hex(back.replica().options().cluster));
    return answer(std::move(response));
  }
  answer(not_found());
}

// Every origin is allowed.
void allow_origins(http::PlainResponse& response) {
  response.headers.emplace_back("access-control-allow-headers", "accept, content-type, authorization");
  response.headers.emplace_back("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE");
  response.headers.emplace_back("access-control-allow-origin", "*");
}

}  // namespace

void serve(Back& back, IoIndex io, http::CallId call, PlainCall&& plain) {
  Answer answer = [&back, io, call, port = plain.port](http::PlainResponse response) {
    if (port == Port::kClient) allow_origins(response);
    ToIo item;
    item.kind = ToIo::Kind::kRespond;
    item.call = call;
    item.response = std::make_unique<http::PlainResponse>(std::move(response));
    back.answer(io, std::move(item));
  };
  if (plain.port == Port::kPeer) return serve_peer(back, plain.request, std::move(answer));
  if (plain.port == Port::kClient && plain.request.method == "OPTIONS") return answer({});
  serve_client(back, plain.port, plain.request, std::move(answer));
}

}  // namespace quorate::api::plain
