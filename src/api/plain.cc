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

http::PlainResponse text(int status, std::string body, const char* type = "text/plain; charset=utf-8") {
  return {.status = status, .headers = {{"content-type", type}}, .body = Bytes::adopt(std::move(body))};
}

http::PlainResponse method_not_allowed() {
  http::PlainResponse response = text(405, "Method Not Allowed\n");
  response.headers.emplace_back("allow", "GET");
  return response;
}

bool has_parameter(std::string_view query, std::string_view parameter) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    if (query.substr(0, end) == parameter) return true;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

std::string version_json(Back& back) {
  const std::string& cluster = back.replica().machine().members().cluster_version();
  return std::string(R"({"etcdserver":")") + kEtcdVersion + R"(","etcdcluster":")" +
         (cluster.empty() ? "not_decided" : cluster) + R"(","storage":")" + (cluster.empty() ? "unknown" : kStorageVersion) +
         "\"}";
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
    if (status.ok()) return answer(text(200, R"({"health":"true","reason":""})", "application/json"));
    answer(text(503, "{\"health\":\"false\",\"reason\":\"" + status.text() + "\"}\n", "application/json"));
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

void checks(Back& back, std::span<const Check> all, const http::PlainRequest& request, std::string_view only, Answer answer) {
  std::vector<Check> chosen;
  for (const Check& check : all) {
    const bool wanted = only.empty() || only == check.name;
    if (wanted && !has_parameter(request.query, "exclude=" + std::string(check.name))) chosen.push_back(check);
  }
  if (chosen.empty() && !only.empty()) return answer(text(404, "404 page not found\n"));
  const bool verbose = has_parameter(request.query, "verbose") || has_parameter(request.query, "verbose=true");
  auto finish = [chosen, verbose, answer = std::move(answer)](const Status& read) mutable {
    const bool ok = read.ok() || std::none_of(chosen.begin(), chosen.end(), [](const Check& c) { return c.needs_read; });
    std::string report = check_report(chosen, read, verbose);
    answer(ok ? text(200, std::move(report)) : text(503, report + "\n"));
  };
  if (std::none_of(chosen.begin(), chosen.end(), [](const Check& c) { return c.needs_read; })) return finish(Status());
  back.replica().read([finish = std::move(finish)](const Status& status) mutable { finish(status); });
}

// "/livez/serializable_read" with "/livez": "serializable_read"; nothing when `path` is not below `root`.
std::optional<std::string_view> below(std::string_view path, std::string_view root) {
  if (path == root) return std::string_view();
  if (path.starts_with(root) && path[root.size()] == '/') return path.substr(root.size() + 1);
  return std::nullopt;
}

void serve_client(Back& back, Port port, const http::PlainRequest& request, Answer answer) {
  const std::string_view path = request.path;
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (path == "/health") {
    if (request.method != "GET") return answer(method_not_allowed());
    return health(back, request, std::move(answer));
  }
  if (const auto only = below(path, "/livez")) {
    return get ? checks(back, kLiveChecks, request, *only, std::move(answer)) : answer(method_not_allowed());
  }
  if (const auto only = below(path, "/readyz")) {
    return get ? checks(back, kReadyChecks, request, *only, std::move(answer)) : answer(method_not_allowed());
  }
  if (path == "/metrics") {
    return answer(get ? text(200, back.env().metrics.scrape(), "text/plain; version=0.0.4; charset=utf-8")
                      : method_not_allowed());
  }
  if (path == "/version" && port == Port::kClient) {
    return answer(get ? text(200, version_json(back), "application/json") : method_not_allowed());
  }
  answer(text(404, "404 page not found\n"));
}

void serve_peer(Back& back, const http::PlainRequest& request, Answer answer) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.path == "/version") {
    return answer(get ? text(200, version_json(back), "application/json") : method_not_allowed());
  }
  if (request.path == "/members") {
    if (!get) return answer(method_not_allowed());
    http::PlainResponse response = text(200, members_json(back), "application/json");
    response.headers.emplace_back("x-etcd-cluster-id", hex(back.replica().options().cluster));
    return answer(std::move(response));
  }
  answer(text(404, "404 page not found\n"));
}

}  // namespace

void serve(Back& back, IoIndex io, http::CallId call, PlainCall&& plain) {
  Answer answer = [&back, io, call](http::PlainResponse response) {
    ToIo item;
    item.kind = ToIo::Kind::kRespond;
    item.call = call;
    item.response = std::make_unique<http::PlainResponse>(std::move(response));
    back.answer(io, std::move(item));
  };
  if (plain.port == Port::kPeer) return serve_peer(back, plain.request, std::move(answer));
  serve_client(back, plain.port, plain.request, std::move(answer));
}

}  // namespace quorate::api::plain
