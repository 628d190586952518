#pragma once
// One repository at one registry, for as long as a pull or a push lasts: which endpoint answers, and the tokens that
// were given for it. The operations share it and step it themselves.
//
//   auto session = std::make_shared<Session>(transport, clock, trace, options);
//   ManifestFetch fetch(session, reference);
//   while (fetch.step() != Operation::State::done) … return to the loop …

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "http/transport.h"
#include "oci/reference.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "trace/trace.h"

namespace drydock::registry {

class Authorizer;
class Fetch;

enum class Access { pull, push };

struct SessionOptions {
  std::string domain;  // "docker.io"
  std::string path;    // "library/busybox"; empty for a login check
  Access access = Access::pull;
  Credentials credentials;
  RegistrySettings settings;
  std::uint64_t span = 0;  // of the trace

  static SessionOptions for_reference(const oci::Reference& reference, Access access) {
    SessionOptions options;
    options.domain = reference.domain();
    options.path = reference.path();
    options.access = access;
    return options;
  }
};

class Session {
 public:
  enum class State { connecting, ready, failed };

  /// Transport, clock and trace outlive the session.
  Session(http::Transport& transport, const Clock& clock, trace::Trace& trace, SessionOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Finds the first endpoint that answers GET /v2/, and what it asks for.
  State step();
  const Error& failure() const { return failure_; }

  const Endpoint& endpoint() const { return endpoints_[at_]; }
  /// Counts the endpoints that were given up: an operation that failed at one tells which one it means.
  std::size_t generation() const { return at_; }
  /// Goes on to the next endpoint after a failure at a mirror; false if there is none, or this is no mirror.
  bool give_up_endpoint(std::size_t generation);

  /// "https://registry.example/v2/library/busybox" + suffix.
  std::string repository_url(std::string_view suffix) const;
  /// "repository:library/busybox:pull" or "…:pull,push".
  std::string scope() const;
  static std::string pull_scope(std::string_view path) { return concat("repository:", path, ":pull"); }

  Authorizer& authorizer() { return *authorizer_; }
  http::Transport& transport() { return transport_; }
  const Clock& clock() const { return clock_; }
  const SessionOptions& options() const { return options_; }
  void emit(std::string_view action, std::string_view digest, std::uint64_t bytes);

 private:
  void begin_ping();
  void next_or_fail(Error error);

  http::Transport& transport_;
  const Clock& clock_;
  trace::Trace& trace_;
  SessionOptions options_;
  std::vector<Endpoint> endpoints_;
  std::size_t at_ = 0;
  State state_ = State::connecting;
  Error failure_;
  std::unique_ptr<Fetch> ping_;
  std::unique_ptr<Authorizer> authorizer_;
};

}  // namespace drydock::registry
