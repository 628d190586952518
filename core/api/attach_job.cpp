#include "api/attach_job.h"

#include "api/stdcopy.h"
#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/detach_keys.h"

namespace drydock::api {

namespace {

constexpr std::size_t kBacklogMax = 256 * 1024;
constexpr std::size_t kStepBytesMax = 1024 * 1024;
constexpr std::size_t kInputBytes = 64 * 1024;

class AttachJob final : public engine::Job {
 public:
  AttachJob(AttachOptions options, std::unique_ptr<ByteStream> connection,
            std::shared_ptr<engine::Attachment> attachment)
      : options_(std::move(options)),
        connection_(std::move(connection)),
        attachment_(std::move(attachment)),
        matcher_(options_.detach_keys),
        outgoing_(options_.first) {}
  ~AttachJob() override {
    attachment_->over = true;
    attachment_->stream.reset();
  }

  State step(engine::Daemon& daemon) override {
    if (connection_->broken()) return State::done;
    if (closing_) return flush() && connection_->backlog() == 0 ? State::done : State::waiting;
    if (!flush()) return State::waiting;
    if (attachment_->over) return close();
    if (!attachment_->stream) {
      if (daemon.containers->by_id(options_.container) == nullptr) return close();
      watch_client();
      return State::waiting;
    }
    const bool more_output = pump_output();
    const bool more_input = options_.in && pump_input(daemon);
    if (detached_) return close();
    watch_client();
    if (attachment_->stream->ended() && outgoing_.empty() && !more_output && end_is_known(daemon)) return close();
    return more_input || more_output ? State::busy : State::waiting;
  }
  std::string_view name() const override { return "attach"; }

 private:
  State close() {
    closing_ = true;
    attachment_->over = true;
    attachment_->stream.reset();
    connection_->close_write();
    return connection_->backlog() == 0 ? State::done : State::waiting;
  }

  /// A client that sees the end asks how the exec ended: that has to be known by then. The event is on its way.
  bool end_is_known(engine::Daemon& daemon) const {
    if (options_.exec.empty()) return true;
    const engine::Container* container = daemon.containers->by_id(options_.container);
    if (container == nullptr) return true;
    const auto exec = container->live.execs.find(options_.exec);
    return exec == container->live.execs.end() || !exec->second.running;
  }

  /// False while the connection takes no more.
  bool flush() {
    while (!outgoing_.empty()) {
      const std::size_t taken = connection_->write(outgoing_);
      if (taken == 0) return false;
      outgoing_.erase(0, taken);
    }
    return true;
  }

  /// A client that sends no input still ends by closing its side; what it says is of no use.
  void watch_client() {
    if (options_.in) return;
    char ignored[256];
    static_cast<void>(connection_->read(ignored));
  }

  /// True if it stopped with more to do.
  bool pump_output() {
    for (std::size_t moved = 0; moved < kStepBytesMax;) {
      if (connection_->backlog() > kBacklogMax) return false;
      auto chunk = attachment_->stream->read();
      if (!chunk) return false;
      moved += chunk->bytes.size();
      const bool wanted = chunk->stream == runtime::StreamKind::err ? options_.err : options_.out;
      if (!wanted) continue;
      if (options_.terminal)
        outgoing_ += chunk->bytes;
      else
        append_frame(outgoing_, chunk->stream, chunk->bytes);
      if (!flush()) return false;
    }
    return true;
  }

  bool pump_input(engine::Daemon& daemon) {
    for (std::size_t moved = 0; moved < kStepBytesMax;) {
      if (!incoming_.empty()) {
        const std::size_t taken = attachment_->stream->write(incoming_);
        incoming_.erase(0, taken);
        if (taken == 0) return false;
        continue;
      }
      if (stdin_done_) return false;
      char bytes[kInputBytes];
      auto count = connection_->read(bytes);
      if (!count.ok() || (*count == 0 && connection_->ended())) {
        stdin_done_ = true;
        if (options_.close_stdin) attachment_->stream->close_stdin();
        return false;
      }
      if (*count == 0) return false;
      moved += *count;
      take_input(daemon, std::string_view(bytes, *count));
      if (detached_) return false;
    }
    return true;
  }

  void take_input(engine::Daemon& daemon, std::string_view bytes) {
    if (!options_.terminal) {
      incoming_.append(bytes);
      return;
    }
    incoming_ += matcher_.feed(bytes);
    if (!matcher_.detached()) return;
    detached_ = true;
    if (!incoming_.empty()) static_cast<void>(attachment_->stream->write(incoming_));
    const engine::Container* container = daemon.containers->by_id(options_.container);
    if (container == nullptr) return;
    if (options_.exec.empty())
      engine::emit_container_event(daemon, *container, "detach");
    else
      engine::emit_container_event(daemon, *container, "exec_detach", {{"execID", options_.exec}});
  }

  AttachOptions options_;
  std::unique_ptr<ByteStream> connection_;
  std::shared_ptr<engine::Attachment> attachment_;
  engine::DetachMatcher matcher_;
  std::string outgoing_;  // framed, not taken by the connection yet
  std::string incoming_;  // not taken by the process yet
  bool stdin_done_ = false;
  bool detached_ = false;
  bool closing_ = false;
};

}  // namespace

std::string stream_content_type(ApiVersion version, bool terminal) {
  if (version.minor >= 42 && !terminal) return "application/vnd.docker.multiplexed-stream";
  return "application/vnd.docker.raw-stream";
}

std::unique_ptr<ByteStream> hijack(Context& context, bool terminal) {
  http::Headers headers;
  headers.set("Content-Type", stream_content_type(context.version, terminal));
  if (!context.request.headers.has("Upgrade")) return context.responder->hijack(200, std::move(headers));
  headers.set("Connection", "Upgrade");
  headers.set("Upgrade", "tcp");
  return context.responder->hijack(101, std::move(headers));
}

std::unique_ptr<engine::Job> make_attach_job(AttachOptions options, std::unique_ptr<ByteStream> connection,
                                             std::shared_ptr<engine::Attachment> attachment) {
  return std::make_unique<AttachJob>(std::move(options), std::move(connection), std::move(attachment));
}

}  // namespace drydock::api
