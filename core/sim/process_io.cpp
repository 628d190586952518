// Pipes and terminals of processes, from outside. pipe(7), pty(7).

#include "sim/process_io.h"

#include <algorithm>

#include "machine/vfs/file.h"

namespace drydock::sim {

using machine::HostArgument;
using machine::StructWriter;
using runtime::AttachedStream;
using runtime::StreamKind;

namespace {
constexpr std::uint32_t kSetWindowSize = 0x5414;
constexpr int kSetFlags = 4;  // F_SETFL

void set_nonblocking(const HostedTask& task, int fd, std::uint32_t access) {
  static_cast<void>(task.call(number::fcntl, {fd, kSetFlags, access | kOpenNonblock}));
}
}  // namespace

/// What a client and the process's side share. The client's end may outlive the process and the container.
struct StreamState {
  std::deque<AttachedStream::Chunk> queue;
  std::size_t queued = 0;
  std::string input;
  bool with_stdin = false;
  bool fed = false;           // it has sent input
  bool closes_stdin = false;  // after its input
  bool detached = false;      // the client is gone
  bool ended = false;         // no more output comes
};

namespace {

class SimAttachedStream final : public AttachedStream {
 public:
  explicit SimAttachedStream(std::shared_ptr<StreamState> state) : state_(std::move(state)) {}
  ~SimAttachedStream() override { state_->detached = true; }
  std::optional<Chunk> read() override {
    if (state_->queue.empty()) return std::nullopt;
    Chunk chunk = std::move(state_->queue.front());
    state_->queue.pop_front();
    state_->queued -= chunk.bytes.size();
    return chunk;
  }
  bool ended() const override { return state_->ended && state_->queue.empty(); }
  std::size_t write(std::string_view bytes) override {
    if (!state_->with_stdin || state_->closes_stdin || state_->ended) return bytes.size();  // nobody wants them
    const std::size_t room = ProcessIo::kInputQueueMax - std::min(ProcessIo::kInputQueueMax, state_->input.size());
    const std::string_view taken = bytes.substr(0, room);
    state_->input += taken;
    state_->fed = state_->fed || !taken.empty();
    return taken.size();
  }
  bool writable() const override {
    return !state_->with_stdin || state_->ended || state_->input.size() < ProcessIo::kInputQueueMax;
  }
  void close_stdin() override { state_->closes_stdin = true; }

 private:
  std::shared_ptr<StreamState> state_;
};

}  // namespace

ProcessIo::~ProcessIo() {
  for (auto& client : clients_) client->ended = true;
}

void ProcessIo::use_pipes(SimFd input, SimFd output, SimFd errors) {
  if (input) set_nonblocking(monitor_, input.get(), kOpenWrite);
  set_nonblocking(monitor_, output.get(), kOpenRead);
  set_nonblocking(monitor_, errors.get(), kOpenRead);
  input_ = std::move(input);
  sources_.push_back({StreamKind::out, std::move(output)});
  sources_.push_back({StreamKind::err, std::move(errors)});
}

void ProcessIo::use_terminal(SimFd master) {
  set_nonblocking(monitor_, master.get(), kOpenReadWrite);
  terminal_ = master.get();
  sources_.push_back({StreamKind::out, std::move(master)});
}

std::unique_ptr<AttachedStream> ProcessIo::attach(bool with_stdin) {
  auto state = std::make_shared<StreamState>();
  state->with_stdin = with_stdin && stdio_.open_stdin;
  state->ended = output_closed_;
  if (!output_closed_) clients_.push_back(state);
  return std::make_unique<SimAttachedStream>(std::move(state));
}

Result<void, Errno> ProcessIo::resize(runtime::ConsoleSize size) {
  if (terminal_ < 0) return Errno::enotty;
  const std::string window = StructWriter().u16(size.height).u16(size.width).zeros(4).bytes();
  const auto set =
      monitor_.attempt(number::ioctl, {terminal_, kSetWindowSize, HostArgument::bytes(std::string_view(window))});
  if (!set.ok()) return set.error();
  return {};
}

bool ProcessIo::pump() {
  bool moved = take_input();
  moved = write_input() || moved;
  const auto full = [](const std::shared_ptr<StreamState>& client) { return client->queued >= kClientQueueMax; };
  for (std::size_t n = 0; n < sources_.size();) {
    const std::size_t before = sources_.size();
    while (std::none_of(clients_.begin(), clients_.end(), full) && pump_source(sources_[n])) {
      moved = true;
      if (sources_.size() != before) break;
    }
    if (sources_.size() == before) ++n;  // else it has ended, and the next one is in its place
  }
  return moved;
}

/// Asked of the file itself: a system call for each idle process at each turn would be too many.
bool ProcessIo::readable(int fd) const {
  const machine::Caller caller{monitor_.kernel(), monitor_.id()};
  const auto file = machine::file_of(caller, fd);
  if (!file.ok()) return true;  // let read(2) tell
  const std::uint16_t ready = monitor_.kernel().files[*file].poll(caller);
  return (ready & (machine::kPollIn | machine::kPollHup | machine::kPollErr)) != 0;
}

bool ProcessIo::pump_source(Source& source) {
  const int fd = source.fd.get();
  if (!readable(fd)) return false;
  std::string piece(kPieceBytes, '\0');
  const auto got = monitor_.attempt(number::read, {fd, HostArgument::room(piece), piece.size()});
  if (!got.ok() && (got.error() == Errno::eagain || got.error() == Errno::eintr)) return false;
  if (!got.ok() || *got == 0) {  // a terminal whose last user is gone reads as EIO
    if (fd == terminal_) terminal_ = -1;
    std::erase_if(sources_, [fd](const Source& one) { return one.fd.get() == fd; });
    return true;
  }
  piece.resize(static_cast<std::size_t>(*got));
  if (log_ != nullptr) log_->append(source.kind, piece);
  deliver(source.kind, piece);
  return true;
}

void ProcessIo::deliver(StreamKind kind, std::string_view bytes) {
  for (auto& client : clients_) {
    client->queue.push_back({kind, std::string(bytes)});
    client->queued += bytes.size();
  }
}

/// From clients' queues to the process's.
bool ProcessIo::take_input() {
  bool moved = false;
  for (auto& client : clients_) {
    if (client->with_stdin && !client->input.empty() && pending_input_.empty()) {
      pending_input_ = std::exchange(client->input, {});
      moved = true;
    }
    const bool done = client->with_stdin && client->input.empty();
    if (done && client->closes_stdin) {
      client->with_stdin = false;
      close_input();
    }
    if (done && client->detached && stdio_.stdin_once && client->fed) close_input();
  }
  std::erase_if(clients_, [](const std::shared_ptr<StreamState>& client) {
    return client->detached && (client->input.empty() || !client->with_stdin);
  });
  return moved;
}

bool ProcessIo::write_input() {
  const int fd = terminal_ >= 0 ? terminal_ : input_.get();
  if (fd < 0 || (terminal_ >= 0 && !stdio_.open_stdin)) {
    pending_input_.clear();
    return false;
  }
  bool moved = false;
  while (!pending_input_.empty()) {
    const auto put = monitor_.attempt(
        number::write, {fd, HostArgument::bytes(std::string_view(pending_input_)), pending_input_.size()});
    if (!put.ok() && (put.error() == Errno::eagain || put.error() == Errno::eintr)) break;
    if (!put.ok()) {  // nobody reads any more
      pending_input_.clear();
      input_.reset();
      break;
    }
    pending_input_.erase(0, static_cast<std::size_t>(*put));
    moved = true;
  }
  if (pending_input_.empty() && close_input_after_pending_) input_.reset();
  return moved;
}

void ProcessIo::close_input() {
  if (stdio_.terminal) return;  // a terminal has no end of file but the one that is typed
  close_input_after_pending_ = true;
  if (pending_input_.empty()) input_.reset();
}

void ProcessIo::take_leftovers() {
  // A bound, for a process that left something behind that goes on writing.
  for (std::size_t n = 0; n < sources_.size();) {
    const std::size_t before = sources_.size();
    for (std::size_t taken = 0; taken < kLeftoverMax && pump_source(sources_[n]); taken += kPieceBytes) {
      if (sources_.size() != before) break;
    }
    if (sources_.size() == before) ++n;
  }
}

void ProcessIo::close_output() {
  if (output_closed_) return;
  output_closed_ = true;
  sources_.clear();
  input_.reset();
  terminal_ = -1;
  if (log_ != nullptr) log_->finish();
  for (auto& client : clients_) client->ended = true;
  clients_.clear();
}

}  // namespace drydock::sim
