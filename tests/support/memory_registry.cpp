#include "tests/support/memory_registry.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "archive/digest.h"
#include "base/text.h"

namespace drydock::testing {

namespace {

constexpr std::string_view kApiHost = "registry.test";
constexpr std::string_view kTokenHost = "auth.test";
constexpr std::string_view kStorageHost = "storage.test";

/// How much arrives between two steps: small, so that bodies take several.
constexpr std::size_t kBytesPerRead = 7000;

/// "bytes=100-" as the offset.
std::optional<std::uint64_t> range_offset(const http::Headers& headers) {
  const std::string range = headers.get("Range").value_or("");
  if (!range.starts_with("bytes=") || !range.ends_with('-')) return std::nullopt;
  return parse_u64(std::string_view(range).substr(6, range.size() - 7));
}

}  // namespace

class MemoryRegistry::MemoryExchange final : public http::Exchange {
 public:
  MemoryExchange(Answer answer, std::uint64_t drop_after)
      : answer_(std::move(answer)), left_(std::min<std::uint64_t>(drop_after, answer_.body.size())) {
    drops_ = left_ < answer_.body.size();
    if (!answer_.failure.empty()) failure_ = Error(ErrorKind::unavailable, answer_.failure);
    head_ = {answer_.status, answer_.headers};
  }

  /// Arrives at the second look, so that nobody can do without a second step.
  const http::ResponseHead* head() const override {
    if (looks_++ == 0 || !answer_.failure.empty()) return nullptr;
    return &head_;
  }
  const std::optional<Error>& failure() const override {
    static const std::optional<Error> none;
    return looks_ == 0 ? none : failure_;
  }
  Result<std::size_t> read(std::span<char> out) override {
    if (failure_) return *failure_;
    if (left_ == 0 && drops_) {
      failure_ = Error(ErrorKind::unavailable, "unexpected EOF");
      return *failure_;
    }
    if (++reads_ % 3 == 0) return std::size_t{0};
    const std::size_t count = std::min({out.size(), kBytesPerRead, static_cast<std::size_t>(left_)});
    std::memcpy(out.data(), answer_.body.data() + at_, count);
    at_ += count;
    left_ -= count;
    return count;
  }
  bool ended() const override { return looks_ > 0 && !failure_ && !drops_ && left_ == 0; }

 private:
  Answer answer_;
  http::ResponseHead head_;
  std::size_t at_ = 0;
  std::uint64_t left_;
  bool drops_ = false;
  int reads_ = 0;
  mutable int looks_ = 0;
  std::optional<Error> failure_;
};

std::unique_ptr<http::Exchange> MemoryRegistry::send(http::ClientRequest request) {
  seen.push_back({request.method, request.url, request.headers, request.accept_any_certificate});
  const http::Url url = http::parse_url(request.url).value();
  std::string body;
  if (request.body) {
    const bool cut = request.method == "PATCH" && faults.upload_drops > 0;
    std::array<char, 5000> buffer;
    while (!request.body->ended() && !(cut && body.size() >= faults.upload_drop_after)) {
      const std::size_t count = request.body->read(buffer).value();
      body.append(buffer.data(), count);
    }
  }
  Answer given = answer(request, body, url);
  std::uint64_t drop_after = UINT64_MAX;
  if (faults.drops > 0 && request.method == "GET" && given.body.size() > faults.drop_after_bytes &&
      given.status < 300) {
    --faults.drops;
    drop_after = faults.drop_after_bytes;
  }
  if (request.method == "HEAD") given.body.clear();
  return std::make_unique<MemoryExchange>(std::move(given), drop_after);
}

MemoryRegistry::Answer MemoryRegistry::answer(const http::ClientRequest& request, const std::string& body,
                                              const http::Url& url) {
  const http::RequestTarget target = http::parse_request_target(url.target).value();
  if (url.host == kTokenHost) return serve_token(request, body, target.query);
  if (url.host == kStorageHost) {
    // Storage hosts answer 400 to a request with credentials that are not theirs, as S3 does.
    if (request.headers.has("Authorization")) return {400, {}, "only one auth mechanism allowed", ""};
    const std::vector<std::string> parts = split(target.path, '/');
    return serve_blob(request, replace_all(parts[1], "+", "/"), parts[2]);
  }
  if (url.host != kApiHost) return {0, {}, "", concat("dial tcp: lookup ", url.host, ": no such host")};
  if (faults.no_https && url.is_https()) return {0, {}, "", "http: server gave HTTP response to HTTPS client"};
  return serve_api(request, body, url);
}

MemoryRegistry::Answer MemoryRegistry::refusal(int status, std::string_view code, std::string_view message) {
  return {status,
          {{"Content-Type", "application/json"}},
          concat("{\"errors\":[{\"code\":\"", code, "\",\"message\":\"", message, "\",\"detail\":{}}]}"),
          ""};
}

bool MemoryRegistry::is_authorized(const http::Headers& headers, const std::string& scope) {
  const std::string given = headers.get("Authorization").value_or("");
  if (auth == Auth::none) return true;
  if (faults.revoked_tokens > 0 && !given.empty() && !scope.empty()) {
    --faults.revoked_tokens;
    return false;
  }
  if (auth == Auth::basic) return given == concat("Basic ", to_base64(concat(kUser, ":", kPassword)));
  if (!given.starts_with("Bearer ")) return false;
  return scope.empty() || tokens_.contains(concat(given.substr(7), " ", scope));
}

MemoryRegistry::Answer MemoryRegistry::challenge(const std::string& scope) const {
  Answer answer = refusal(401, "UNAUTHORIZED", "authentication required");
  std::string value = "Basic realm=\"registry\"";
  if (auth == Auth::bearer) {
    value = concat("Bearer realm=\"https://", kTokenHost, "/token\",service=\"registry.test\"");
    if (!scope.empty()) value += concat(",scope=\"", scope, "\"");
  }
  answer.headers.add("WWW-Authenticate", value);
  return answer;
}

MemoryRegistry::Answer MemoryRegistry::serve_token(const http::ClientRequest& request, const std::string& body,
                                                   const http::Query& query) {
  const std::string basic = concat("Basic ", to_base64(concat(kUser, ":", kPassword)));
  const std::string given = request.headers.get("Authorization").value_or("");
  const http::Query form = http::Query::parse(body);
  const bool refreshed = request.method == "POST" && form.get("refresh_token") == "refresh-me";
  if ((!given.empty() && given != basic) || (request.method == "POST" && !refreshed)) {
    return refusal(401, "UNAUTHORIZED", "incorrect username or password");
  }
  const std::string token = concat("token-", ++tokens_given);
  std::vector<std::string> scopes = query.all("scope");
  if (refreshed) scopes = split(form.get_or("scope", ""), ' ');
  for (const std::string& scope : scopes) {
    const bool anonymous = given.empty() && !refreshed;
    // Anonymous clients may pull, all but what is private.
    if (anonymous && (scope.ends_with("push") || scope.find("private/") != std::string::npos)) continue;
    tokens_.insert(concat(token, " ", scope));
    if (scope.ends_with(":pull,push")) tokens_.insert(concat(token, " ", scope.substr(0, scope.size() - 5)));
  }
  std::string text = concat("{\"token\":\"", token, "\",\"expires_in\":", token_life_seconds);
  if (query.has("offline_token")) text += ",\"refresh_token\":\"refresh-me\"";
  return {200, {{"Content-Type", "application/json"}}, text + "}", ""};
}

MemoryRegistry::Answer MemoryRegistry::serve_api(const http::ClientRequest& request, const std::string& body,
                                                 const http::Url& url) {
  const http::RequestTarget target = http::parse_request_target(url.target).value();
  if (target.path == "/v2/") return is_authorized(request.headers, "") ? Answer{200, {}, "{}", ""} : challenge("");
  const std::string rest = target.path.substr(4);
  std::string repository;
  std::string kind;
  std::string last;
  for (const char* marker : {"/manifests/", "/blobs/uploads/", "/blobs/", "/tags/"}) {
    const std::size_t at = rest.find(marker);
    if (at == std::string::npos) continue;
    repository = rest.substr(0, at);
    kind = marker;
    last = rest.substr(at + kind.size());
    break;
  }
  const bool writes = request.method == "PUT" || request.method == "PATCH" || request.method == "POST";
  const std::string scope = concat("repository:", repository, writes ? ":pull,push" : ":pull");
  if (!is_authorized(request.headers, scope)) {
    if (auth == Auth::bearer && request.headers.get("Authorization").value_or("").starts_with("Bearer ") &&
        faults.revoked_tokens == 0) {
      Answer denied = refusal(401, "DENIED", "requested access to the resource is denied");
      denied.headers.add("WWW-Authenticate",
                         concat("Bearer realm=\"https://", kTokenHost, "/token\",service=\"s\",scope=\"", scope,
                                "\",error=\"insufficient_scope\""));
      return denied;
    }
    return challenge(scope);
  }
  if (faults.server_errors > 0) {
    --faults.server_errors;
    return {500, {}, "oops", ""};
  }
  if (kind == "/manifests/") return serve_manifest(request, body, repository, last);
  if (kind == "/blobs/uploads/") return serve_upload(request, body, repository, last, target.query);
  if (kind == "/tags/") return serve_tags(repository, target.query);
  if (faults.redirect_forever) return {307, {{"Location", url.target}}, "", ""};
  if (faults.redirect_blobs && has_blob(repository, last)) {
    const std::string where = replace_all(repository, "/", "+");
    return {307, {{"Location", concat("https://", kStorageHost, "/", where, "/", last)}}, "", ""};
  }
  return serve_blob(request, repository, last);
}

MemoryRegistry::Answer MemoryRegistry::serve_manifest(const http::ClientRequest& request, const std::string& body,
                                                      const std::string& repository, const std::string& reference) {
  if (request.method == "PUT") {
    const std::string digest =
        add_manifest(repository, reference, body, request.headers.get("Content-Type").value_or(""));
    return {201, {{"Docker-Content-Digest", digest}}, "", ""};
  }
  if (!manifests.contains(repository)) {
    return refusal(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  const auto found = manifests[repository].find(reference);
  if (found == manifests[repository].end()) return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown");
  const std::string digest = archive::digest_of(found->second.bytes).str();
  return {200,
          {{"Content-Type", found->second.media_type},
           {"Docker-Content-Digest", faults.wrong_digest_header.empty() ? digest : faults.wrong_digest_header}},
          found->second.bytes,
          ""};
}

MemoryRegistry::Answer MemoryRegistry::serve_blob(const http::ClientRequest& request, const std::string& repository,
                                                  const std::string& digest) {
  if (!has_blob(repository, digest)) return refusal(404, "BLOB_UNKNOWN", "blob unknown to registry");
  std::string bytes = blobs[repository][digest];
  if (faults.wrong_bytes && !bytes.empty()) bytes[0] = static_cast<char>(bytes[0] ^ 1);
  const auto offset = range_offset(request.headers);
  if (!offset || faults.no_ranges) return {200, {{"Docker-Content-Digest", digest}}, bytes, ""};
  if (*offset >= bytes.size()) return {416, {{"Content-Range", concat("bytes */", bytes.size())}}, "", ""};
  return {206,
          {{"Content-Range", concat("bytes ", *offset, "-", bytes.size() - 1, "/", bytes.size())}},
          bytes.substr(static_cast<std::size_t>(*offset)),
          ""};
}

MemoryRegistry::Answer MemoryRegistry::serve_upload(const http::ClientRequest& request, const std::string& body,
                                                    const std::string& repository, const std::string& id,
                                                    const http::Query& query) {
  const auto location = [&](const std::string& name) {
    const std::string path = concat("/v2/", repository, "/blobs/uploads/", name, "?_state=s");
    return faults.location_without_host ? path : concat("https://", kApiHost, path);
  };
  if (request.method == "POST") {
    const std::string digest = query.get_or("mount", "");
    const std::string from = query.get_or("from", "");
    if (!digest.empty() && has_blob(from, digest) &&
        is_authorized(request.headers, concat("repository:", from, ":pull"))) {
      blobs[repository][digest] = blobs[from][digest];
      return {201, {{"Docker-Content-Digest", digest}}, "", ""};
    }
    const std::string name = concat("upload-", next_upload_++);
    uploads_[name] = {repository, ""};
    return {202, {{"Location", location(name)}, {"Range", "0-0"}}, "", ""};
  }
  const auto upload = uploads_.find(id);
  if (upload == uploads_.end()) return refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
  std::string& bytes = upload->second.second;
  const auto range = [&] { return concat("0-", bytes.empty() ? 0 : bytes.size() - 1); };
  if (request.method == "GET") return {204, {{"Location", location(id)}, {"Range", range()}}, "", ""};
  if (request.method == "PATCH") {
    const std::string begin = request.headers.get("Content-Range").value_or("0-");
    if (parse_u64(begin.substr(0, begin.find('-'))) != std::uint64_t{bytes.size()}) return {416, {}, "", ""};
    bytes += body;
    if (faults.upload_drops > 0) {
      --faults.upload_drops;
      return {0, {}, "", "write: broken pipe"};
    }
    return {202, {{"Location", location(id)}, {"Range", range()}}, "", ""};
  }
  const std::string digest = query.get_or("digest", "");
  if (archive::digest_of(bytes).str() != digest) {
    return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  blobs[repository][digest] = bytes;
  uploads_.erase(upload);
  return {201, {{"Docker-Content-Digest", digest}}, "", ""};
}

MemoryRegistry::Answer MemoryRegistry::serve_tags(const std::string& repository, const http::Query& query) {
  if (!manifests.contains(repository)) {
    return refusal(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  const std::string after = query.get_or("last", "");
  std::vector<std::string> tags;
  bool more = false;
  for (const auto& entry : manifests[repository]) {
    if (entry.first.starts_with("sha256:") || entry.first <= after) continue;
    more = tags.size() == tags_per_page;
    if (more) break;
    tags.push_back(concat("\"", entry.first, "\""));
  }
  Answer answer{200, {}, concat("{\"name\":\"", repository, "\",\"tags\":[", join(tags, ","), "]}"), ""};
  if (more) {
    const std::string last = tags.back().substr(1, tags.back().size() - 2);
    answer.headers.add("Link",
                       concat("</v2/", repository, "/tags/list?last=", last, "&n=", tags_per_page, ">; rel=\"next\""));
  }
  return answer;
}

std::string MemoryRegistry::add_blob(const std::string& repository, std::string bytes) {
  const std::string digest = archive::digest_of(bytes).str();
  blobs[repository][digest] = std::move(bytes);
  return digest;
}

std::string MemoryRegistry::add_manifest(const std::string& repository, const std::string& tag, std::string bytes,
                                         std::string media_type) {
  const std::string digest = archive::digest_of(bytes).str();
  const Manifest manifest{std::move(bytes), std::move(media_type)};
  manifests[repository][digest] = manifest;
  manifests[repository][tag] = manifest;
  return digest;
}

bool MemoryRegistry::has_blob(const std::string& repository, const std::string& digest) const {
  const auto found = blobs.find(repository);
  return found != blobs.end() && found->second.contains(digest);
}

}  // namespace drydock::testing
