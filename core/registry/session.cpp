#include "registry/session.h"

#include "registry/authorizer.h"
#include "registry/fetch.h"

namespace drydock::registry {

namespace {

constexpr std::size_t kPingBytesMax = 1u << 20;
constexpr std::int64_t kPingTimeoutNs = 15 * kNanosPerSecond;

}  // namespace

Session::Session(http::Transport& transport, const Clock& clock, trace::Trace& trace, SessionOptions options)
    : transport_(transport), clock_(clock), trace_(trace), options_(std::move(options)) {
  endpoints_ = options_.access == Access::push ? endpoints_for_push(options_.domain, options_.settings)
                                               : endpoints_for_pull(options_.domain, options_.settings);
  authorizer_ = std::make_unique<Authorizer>(transport_, clock_, options_.credentials, options_.settings.user_agent);
}

Session::~Session() = default;

void Session::begin_ping() {
  http::ClientRequest request;
  request.url = concat(endpoint().url, "/v2/");
  request.accept_any_certificate = endpoint().accept_any_certificate;
  request.headers.add("User-Agent", options_.settings.user_agent);
  request.idle_timeout_ns = kPingTimeoutNs;
  ping_ = std::make_unique<Fetch>(transport_, std::move(request), kPingBytesMax);
}

Session::State Session::step() {
  while (state_ == State::connecting) {
    if (!ping_) begin_ping();
    if (!ping_->step()) break;
    const std::unique_ptr<Fetch> ping = std::move(ping_);
    if (ping->failure()) {
      next_or_fail(ping->labelled_failure());
      continue;
    }
    // Whatever the status is: somebody speaks HTTP there, and what is wrong will be told by the request that matters.
    std::vector<Challenge> challenges;
    if (ping->status() == 401) challenges = parse_challenges(ping->headers());
    authorizer_->set_challenges(std::move(challenges), endpoint().accept_any_certificate);
    emit("resolve", "", 0);
    state_ = State::ready;
  }
  return state_;
}

void Session::next_or_fail(Error error) {
  if (at_ + 1 < endpoints_.size()) {
    ++at_;
    return;
  }
  error.kind = ErrorKind::internal;
  failure_ = std::move(error);
  state_ = State::failed;
}

bool Session::give_up_endpoint(std::size_t generation) {
  if (generation != at_) return true;  // another operation did it
  if (!endpoint().mirror || at_ + 1 >= endpoints_.size()) return false;
  ++at_;
  state_ = State::connecting;
  ping_.reset();
  return true;
}

std::string Session::repository_url(std::string_view suffix) const {
  return concat(endpoint().url, "/v2/", options_.path, suffix);
}

std::string Session::scope() const {
  return concat("repository:", options_.path, options_.access == Access::push ? ":pull,push" : ":pull");
}

void Session::emit(std::string_view action, std::string_view digest, std::uint64_t bytes) {
  trace_.emit(trace::RegistryEvent{std::string(action), concat(options_.domain, "/", options_.path),
                                   std::string(digest), bytes},
              "", options_.span);
}

}  // namespace drydock::registry
