// Plain HTTP: which page answers a path on which port, and who may ask (server, section 2; peer protocol, section 2.7).
#include <nlohmann/json.hpp>

#include "api/access.h"
#include "api/back.h"
#include "api/debug_vars.h"
#include "api/health_pages.h"
#include "api/pages.h"
#include "api/version.h"
#include "machine/members.h"

namespace quorate::api::plain {
namespace {

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

http::PlainResponse metrics_page(Back& back) {
  std::string text = back.env().metrics.scrape();
  back.metrics().scraped();
  return respond(200, std::move(text), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
}

// The pages of the client port and, fewer, of --listen-metrics-urls.
void serve_client(Back& back, Port port, const http::PlainRequest& request, Answer answer) {
  if (serve_health(back, request, answer)) return;
  if (request.path == "/metrics") return answer(metrics_page(back));  // by any method
  if (port == Port::kMetrics) return answer(not_found());
  const bool get = request.method == "GET";
  if (request.path == "/version") {
    return answer(get ? respond(200, version_json(back), "application/json") : method_not_allowed());
  }
  if (request.path == "/debug/vars") {
    return answer(get ? respond(200, debug_vars(back), "application/json; charset=utf-8") : method_not_allowed());
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

// As Go's mux sends a client to the plain spelling of a path.
http::PlainResponse redirect(const http::PlainRequest& request, const std::string& path) {
  const std::string target = path + (request.query.empty() ? "" : "?" + request.query);
  std::string escaped;
  for (const char c : target) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&#34;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  http::PlainResponse response;
  response.status = 307;
  response.headers.emplace_back("location", target);
  if (request.method != "GET" && request.method != "HEAD") return response;
  response.headers.emplace_back("content-type", "text/html; charset=utf-8");
  response.body = Bytes::adopt("<a href=\"" + escaped + "\">Temporary Redirect</a>.\n\n");
  return response;
}

// What a client without TLS is checked for before any page sees its request; false when that answered it.
bool admit(Back& back, const http::PlainRequest& request, Answer& answer) {
  const Access& access = back.options().access;
  const std::string_view host = http::header_of(request.headers, "host");
  if (!access.allows_host(host)) {
    back.env().log.warn("rejecting HTTP request to prevent DNS rebinding attacks", {{"host", host_name(host)}});
    answer(misdirected(host_name(host)));
    return false;
  }
  const std::string origin(access.allowed_origin(http::header_of(request.headers, "origin")));
  answer = [origin, inner = std::move(answer)](http::PlainResponse response) mutable {
    allow_origin(origin, response.headers);
    inner(std::move(response));
  };
  if (request.method != "OPTIONS") return true;
  answer({});
  return false;
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
  const http::PlainRequest& request = plain.request;
  if (plain.port == Port::kClient && !admit(back, request, answer)) return;
  if (const std::string clean = clean_path(request.path); clean != request.path && request.method != "CONNECT") {
    return answer(redirect(request, clean));
  }
  if (plain.port == Port::kPeer) return serve_peer(back, request, std::move(answer));
  serve_client(back, plain.port, request, std::move(answer));
}

}  // namespace quorate::api::plain
