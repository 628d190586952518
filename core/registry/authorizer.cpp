#include "registry/authorizer.h"

#include "base/json.h"
#include "base/text.h"
#include "http/url.h"
#include "registry/registry_error.h"

namespace drydock::registry {

namespace {

constexpr std::int64_t kDefaultLifeSeconds = 60;  // distribution: token.md, expires_in
constexpr std::int64_t kLifeSecondsMax = 24 * 60 * 60;
constexpr std::int64_t kMarginNs = 5 * kNanosPerSecond;  // a token is not used up to its last moment
constexpr std::string_view kClientId = "docker";
constexpr std::size_t kTokensMax = 256;

std::string basic(const Credentials& credentials) {
  return concat("Basic ", to_base64(concat(credentials.username, ":", credentials.password)));
}

}  // namespace

Authorizer::Authorizer(http::Transport& transport, const Clock& clock, Credentials credentials, std::string user_agent)
    : transport_(transport), clock_(clock), credentials_(std::move(credentials)), user_agent_(std::move(user_agent)) {}

void Authorizer::set_challenges(std::vector<Challenge> challenges, bool accept_any_certificate) {
  challenges_ = std::move(challenges);
  accept_any_certificate_ = accept_any_certificate;
  tokens_.clear();
}

void Authorizer::learn(const http::Headers& headers, const std::vector<std::string>& scopes) {
  std::vector<Challenge> challenges = parse_challenges(headers);
  if (!challenges.empty()) challenges_ = std::move(challenges);
  tokens_.erase(join(scopes, " "));
}

const Challenge* Authorizer::find(std::string_view scheme) const {
  for (const Challenge& challenge : challenges_) {
    if (challenge.scheme == scheme) return &challenge;
  }
  return nullptr;
}

Authorizer::Answer Authorizer::authorize(const std::vector<std::string>& scopes) {
  if (!credentials_.registry_token.empty()) return {true, concat("Bearer ", credentials_.registry_token), {}};
  if (const Challenge* const challenge = find("bearer")) return bearer(*challenge, scopes);
  if (find("basic") == nullptr) return {true, "", {}};
  if (credentials_.username.empty()) {
    return {true, "", Error(ErrorKind::internal, "no basic auth credentials")};
  }
  return {true, basic(credentials_), {}};
}

Authorizer::Answer Authorizer::bearer(const Challenge& challenge, const std::vector<std::string>& scopes) {
  const std::string key = join(scopes, " ");
  Token& token = tokens_[key];
  if (!token.fetch && !token.value.empty() && clock_.monotonic_ns() >= token.expires_ns) token.value.clear();
  if (!token.fetch && token.value.empty() && !token.failure) {
    const auto realm = http::parse_url(challenge.get("realm"));
    if (!realm.ok() || realm.value().is_unix()) {
      return {true, "",
              make_error(ErrorKind::internal, "invalid token auth challenge realm: ", challenge.get("realm"))};
    }
    token.fetch = request_token(challenge, scopes);
  }
  if (token.fetch) {
    if (!token.fetch->step()) return {};
    take_token(token);
  }
  if (token.failure) {
    // The next try asks anew.
    Answer answer{true, "", std::move(token.failure)};
    tokens_.erase(key);
    return answer;
  }
  Answer answer{true, concat("Bearer ", token.value), {}};
  if (tokens_.size() > kTokensMax) tokens_.clear();
  return answer;
}

std::unique_ptr<Fetch> Authorizer::request_token(const Challenge& challenge, const std::vector<std::string>& scopes) {
  http::ClientRequest request;
  request.url = challenge.get("realm");
  request.accept_any_certificate = accept_any_certificate_;
  request.headers.add("User-Agent", user_agent_);
  std::string query = concat("service=", http::percent_encode(challenge.get("service")));
  if (!credentials_.identity_token.empty()) {
    // distribution: oauth.md, refresh token format
    query += concat("&grant_type=refresh_token&client_id=", kClientId,
                    "&refresh_token=", http::percent_encode(credentials_.identity_token),
                    "&scope=", http::percent_encode(join(scopes, " ")));
    request.method = "POST";
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body_size = query.size();
    request.body = std::make_unique<StringSource>(std::move(query));
  } else {
    for (const std::string& scope : scopes) query += concat("&scope=", http::percent_encode(scope));
    if (offline_) query += concat("&offline_token=true&client_id=", kClientId);
    if (!credentials_.username.empty()) {
      query += concat("&account=", http::percent_encode(credentials_.username));
      request.headers.add("Authorization", basic(credentials_));
    }
    request.url += concat(request.url.find('?') == std::string::npos ? "?" : "&", query);
  }
  return std::make_unique<Fetch>(transport_, std::move(request), kTokenBytesMax);
}

void Authorizer::take_token(Token& token) {
  const std::unique_ptr<Fetch> fetch = std::move(token.fetch);
  if (fetch->failure()) {
    token.failure = fetch->labelled_failure();
    return;
  }
  if (fetch->status() < 200 || fetch->status() > 399) {
    const RegistryError error = parse_error_answer(fetch->status(), fetch->headers(), fetch->body());
    token.failure = Error(fetch->status() == 401 ? ErrorKind::unauthorized : ErrorKind::internal, error.message);
    return;
  }
  const auto json = parse_json(fetch->body());
  if (!json.ok()) {
    token.failure = Error(ErrorKind::internal, "unable to decode token response: unexpected end of JSON input");
    return;
  }
  const Json& document = json.value();
  token.value = get_string(document, "token").value_or("");
  if (token.value.empty()) token.value = get_string(document, "access_token").value_or("");
  if (token.value.empty()) {
    token.failure = Error(ErrorKind::internal, "authorization server did not include a token in the response");
    return;
  }
  const std::string refresh = get_string(document, "refresh_token").value_or("");
  if (!refresh.empty()) identity_token_ = refresh;
  const std::int64_t life = get_int(document, "expires_in").value_or(0);
  const std::int64_t seconds = std::min(std::max(life, kDefaultLifeSeconds), kLifeSecondsMax);
  token.expires_ns = clock_.monotonic_ns() + seconds * kNanosPerSecond - kMarginNs;
}

}  // namespace drydock::registry
