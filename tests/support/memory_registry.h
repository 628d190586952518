#pragma once
// A registry in memory behind an http::Transport: the distribution API over maps, the token server that it sends
// clients to, and faults on demand. Hosts: registry.test (the API), auth.test (tokens), storage.test (redirected
// blobs); nothing else answers.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "http/transport.h"
#include "http/url.h"

namespace drydock::testing {

struct RegistryFaults {
  int drops = 0;                        // so many answers with a body break off …
  std::uint64_t drop_after_bytes = 0;   // … after so many bytes
  int upload_drops = 0;                 // so many PATCH requests are cut off …
  std::uint64_t upload_drop_after = 0;  // … when the registry has taken so many bytes
  int server_errors = 0;                // so many answers are 500
  int revoked_tokens = 0;               // so many authorized requests get 401 nevertheless
  bool wrong_bytes = false;             // blobs come with their first byte changed
  bool no_ranges = false;               // a Range is ignored
  bool redirect_blobs = false;          // to storage.test
  bool redirect_forever = false;
  bool no_https = false;  // https connections fail, as with a registry that speaks plain HTTP
  bool location_without_host = true;
  std::string wrong_digest_header;  // Docker-Content-Digest of manifests
};

class MemoryRegistry final : public http::Transport {
 public:
  enum class Auth { none, basic, bearer };
  static constexpr std::string_view kUser = "keeper";
  static constexpr std::string_view kPassword = "rigging";

  std::unique_ptr<http::Exchange> send(http::ClientRequest request) override;

  /// Returns the digest.
  std::string add_blob(const std::string& repository, std::string bytes);
  std::string add_manifest(const std::string& repository, const std::string& tag, std::string bytes,
                           std::string media_type);
  bool has_blob(const std::string& repository, const std::string& digest) const;

  struct Manifest {
    std::string bytes;
    std::string media_type;
  };
  struct Seen {
    std::string method;
    std::string url;
    http::Headers headers;
    bool accept_any_certificate = false;
  };

  Auth auth = Auth::none;
  int token_life_seconds = 300;
  std::size_t tags_per_page = 1000;
  RegistryFaults faults;
  std::vector<Seen> seen;
  std::map<std::string, std::map<std::string, std::string>> blobs;   // repository -> digest -> bytes
  std::map<std::string, std::map<std::string, Manifest>> manifests;  // repository -> tag or digest
  int tokens_given = 0;

 private:
  struct Answer {
    int status = 200;
    http::Headers headers;
    std::string body;
    std::string failure;  // instead of an answer
  };
  class MemoryExchange;

  Answer answer(const http::ClientRequest& request, const std::string& body, const http::Url& url);
  Answer serve_api(const http::ClientRequest& request, const std::string& body, const http::Url& url);
  Answer serve_token(const http::ClientRequest& request, const std::string& body, const http::Query& query);
  Answer serve_manifest(const http::ClientRequest& request, const std::string& body, const std::string& repository,
                        const std::string& reference);
  Answer serve_blob(const http::ClientRequest& request, const std::string& repository, const std::string& digest);
  Answer serve_upload(const http::ClientRequest& request, const std::string& body, const std::string& repository,
                      const std::string& id, const http::Query& query);
  Answer serve_tags(const std::string& repository, const http::Query& query);
  bool is_authorized(const http::Headers& headers, const std::string& scope);
  Answer challenge(const std::string& scope) const;
  static Answer refusal(int status, std::string_view code, std::string_view message);

  std::set<std::string> tokens_;                                        // "TOKEN scope"
  std::map<std::string, std::pair<std::string, std::string>> uploads_;  // id -> repository, bytes
  int next_upload_ = 1;
};

}  // namespace drydock::testing
