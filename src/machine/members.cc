#include "machine/members.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace quorate::machine {

namespace {

using Json = nlohmann::json;

struct Context {
  Member member;
  bool promote = false;
};

bool read(const Json& object, const char* name, std::string& out) {
  auto it = object.find(name);
  if (it == object.end() || it->is_null()) return true;
  if (!it->is_string()) return false;
  out = it->get_ref<const std::string&>();
  return true;
}

bool read(const Json& object, const char* name, bool& out) {
  auto it = object.find(name);
  if (it == object.end() || it->is_null()) return true;
  if (!it->is_boolean()) return false;
  out = it->get<bool>();
  return true;
}

bool read(const Json& object, const char* name, std::vector<std::string>& out) {
  auto it = object.find(name);
  if (it == object.end() || it->is_null()) return true;
  if (!it->is_array()) return false;
  for (const Json& element : *it) {
    if (!element.is_string()) return false;
    out.push_back(element.get_ref<const std::string&>());
  }
  std::sort(out.begin(), out.end());
  return true;
}

bool parse(std::string_view text, Context& out) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return false;
  auto id = json.find("id");
  if (id == json.end() || !id->is_number_unsigned()) return false;
  out.member.id = id->get<MemberId>();
  return read(json, "peerURLs", out.member.peer_urls) && read(json, "isLearner", out.member.learner) &&
         read(json, "name", out.member.name) && read(json, "clientURLs", out.member.client_urls) &&
         read(json, "isPromote", out.promote);
}

// A string as Go's encoder writes it: what HTML or JavaScript would trip over is escaped too.
void append_string(std::string_view text, std::string& out) {
  const std::string plain = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  for (size_t i = 0; i < plain.size(); ++i) {
    const std::string_view rest = std::string_view(plain).substr(i);
    if (plain[i] == '<') {
      out += "\\u003c";
    } else if (plain[i] == '>') {
      out += "\\u003e";
    } else if (plain[i] == '&') {
      out += "\\u0026";
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += plain[i];
    }
  }
}

void append_strings(const std::vector<std::string>& texts, std::string& out) {
  if (texts.empty()) {
    out += "null";
    return;
  }
  char before = '[';
  for (const std::string& text : texts) {
    out += std::exchange(before, ',');
    append_string(text, out);
  }
  out += ']';
}

}  // namespace

Status Members::apply(const pb::ConfChange& change) {
  const MemberId id = change.node_id;
  auto it = members_.find(id);
  if (removed(id)) return errors::MemberNotFound();
  if (change.type == pb::ConfChangeType::kRemoveNode) {
    if (it == members_.end()) return errors::MemberNotFound();
    members_.erase(it);
    removed_.insert(id);
    return {};
  }
  Context context;
  if (!parse(change.context.view(), context) || context.member.id != id || id == 0) {
    return Status(Code::kInternal, "membership: the conf change of member " + hex(id) + " has a malformed context");
  }
  switch (change.type) {
    case pb::ConfChangeType::kAddNode:
    case pb::ConfChangeType::kAddLearnerNode:
      if (!context.promote) return add(std::move(context.member));
      if (it == members_.end()) return errors::MemberNotFound();
      if (!it->second.learner) return errors::MemberNotLearner();
      it->second.learner = false;
      return {};
    case pb::ConfChangeType::kUpdateNode:
      if (it == members_.end()) return errors::MemberNotFound();
      if (peer_url_taken(context.member.peer_urls, id)) return errors::PeerURLExist();
      it->second.peer_urls = std::move(context.member.peer_urls);
      return {};
    case pb::ConfChangeType::kRemoveNode: break;
  }
  return Status(Code::kInternal, "membership: a conf change of an unknown type");
}

Status Members::add(Member member) {
  if (members_.contains(member.id)) return errors::MemberExist();
  if (peer_url_taken(member.peer_urls, member.id)) return errors::PeerURLExist();
  if (member.learner) {
    const auto learners =
        std::count_if(members_.begin(), members_.end(), [](const auto& m) { return m.second.learner; });
    if (static_cast<size_t>(learners) + 1 > max_learners_) return errors::TooManyLearners();
  }
  const MemberId id = member.id;
  members_.emplace(id, std::move(member));
  return {};
}

bool Members::peer_url_taken(const std::vector<std::string>& urls, MemberId by_others_than) const {
  return std::any_of(members_.begin(), members_.end(), [&](const auto& entry) {
    return entry.first != by_others_than && std::any_of(urls.begin(), urls.end(), [&](const std::string& url) {
             return std::binary_search(entry.second.peer_urls.begin(), entry.second.peer_urls.end(), url);
           });
  });
}

void Members::set_attributes(MemberId id, std::string name, std::vector<std::string> client_urls) {
  auto it = members_.find(id);
  if (it == members_.end()) return;
  std::sort(client_urls.begin(), client_urls.end());
  it->second.name = std::move(name);
  it->second.client_urls = std::move(client_urls);
}

const Member* Members::find(MemberId id) const {
  auto it = members_.find(id);
  return it == members_.end() ? nullptr : &it->second;
}

std::string member_json(const Member& member) {
  std::string out = "{\"id\":" + std::to_string(member.id) + ",\"peerURLs\":";
  append_strings(member.peer_urls, out);
  if (member.learner) out += ",\"isLearner\":true";
  if (!member.name.empty()) {
    out += ",\"name\":";
    append_string(member.name, out);
  }
  if (!member.client_urls.empty()) {
    out += ",\"clientURLs\":";
    append_strings(member.client_urls, out);
  }
  out += '}';
  return out;
}

}  // namespace quorate::machine
