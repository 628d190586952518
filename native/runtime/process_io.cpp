#include "native/runtime/process_io.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "native/kernel/message_socket.h"
#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

namespace {
constexpr std::size_t kPieceBytes = kStreamPieceMax - 1;
}

ProcessIo::~ProcessIo() {
  for (auto& source : sources_) poller_.remove(source.token);
  for (auto& client : clients_) poller_.remove(client.token);
  poller_.remove(input_token_);
}

void ProcessIo::use_pipes(Fd input, Fd output, Fd errors) {
  input_ = std::move(input);
  add_source(runtime::StreamKind::out, std::move(output));
  add_source(runtime::StreamKind::err, std::move(errors));
}

void ProcessIo::use_terminal(Fd master) {
  static_cast<void>(set_nonblocking(master.get()));
  terminal_ = master.get();
  if (auto copy = duplicate(master.get()); copy.ok() && stdio_.open_stdin) input_ = std::move(copy).value();
  add_source(runtime::StreamKind::out, std::move(master));
}

void ProcessIo::add_source(runtime::StreamKind kind, Fd fd) {
  const int number = fd.get();
  sources_.push_back({kind, std::move(fd), 0});
  Source& source = sources_.back();
  auto token = poller_.add(number, EPOLLIN, [this, &source](std::uint32_t) { pump_source(source); });
  if (token.ok()) source.token = *token;
}

bool ProcessIo::pump_source(Source& source) {
  static char buffer[kStreamPieceMax];  // one for all: the monitor has one thread
  const ssize_t count = ::read(source.fd.get(), buffer + 1, kPieceBytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {  // a terminal whose last user is gone reads as EIO
    end_source(source.fd.get());
    return false;
  }
  const auto size = static_cast<std::size_t>(count);
  buffer[0] = static_cast<char>(source.kind);
  if (log_ != nullptr) log_->append(source.kind, {buffer + 1, size});
  deliver({buffer, size + 1});
  return true;
}

void ProcessIo::end_source(int fd) {
  if (fd == terminal_) terminal_ = -1;
  sources_.remove_if([&](Source& source) {
    if (source.fd.get() != fd) return false;
    poller_.remove(source.token);
    return true;
  });
  if (sources_.empty()) close_output();
}

void ProcessIo::deliver(std::string_view piece) {
  for (auto at = clients_.begin(); at != clients_.end();) {
    Client& client = *at++;
    if (client.queue.empty()) {
      const auto status = send_message(client.socket.get(), piece);
      if (status == SendStatus::sent) continue;
      if (status == SendStatus::closed) {
        drop(client);
        continue;
      }
    }
    client.queue.emplace_back(piece);
    client.queued += piece.size();
  }
  update_watches();
}

void ProcessIo::attach(Fd socket, bool with_stdin) {
  clients_.emplace_back();
  Client& client = clients_.back();
  client.socket = std::move(socket);
  client.with_stdin = with_stdin;
  if (output_closed_) return drop(client);
  watch_client(client);
}

/// A client that is not to be heard now is not watched at all: its hang-up would be reported over and over.
void ProcessIo::watch_client(Client& client) {
  const bool reads = !client.with_stdin || !input_waits();
  const std::uint32_t events = (reads ? EPOLLIN : 0U) | (client.queue.empty() ? 0U : EPOLLOUT);
  if (events == client.watched) return;
  if (client.token != 0 && events != 0) {
    poller_.modify(client.token, events);
  } else if (client.token != 0) {
    poller_.remove(std::exchange(client.token, 0));
  } else {
    auto token =
        poller_.add(client.socket.get(), events, [this, &client](std::uint32_t ready) { on_client(client, ready); });
    if (!token.ok()) return;
    client.token = *token;
  }
  client.watched = events;
}

void ProcessIo::on_client(Client& client, std::uint32_t events) {
  const Client* const address = &client;
  if ((events & EPOLLOUT) != 0) flush(client);
  const bool alive = std::any_of(clients_.begin(), clients_.end(), [&](auto& other) { return &other == address; });
  if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_client(client);
  update_watches();
}

void ProcessIo::flush(Client& client) {
  while (!client.queue.empty()) {
    const auto status = send_message(client.socket.get(), client.queue.front());
    if (status == SendStatus::full) return;
    if (status == SendStatus::closed) return drop(client);
    client.queued -= client.queue.front().size();
    client.queue.pop_front();
  }
  if (output_closed_) drop(client);
}

void ProcessIo::read_client(Client& client) {
  if (client.with_stdin && input_waits()) return;
  ReceivedMessage message;
  const auto status = receive_message(client.socket.get(), kStreamPieceMax, message);
  if (status == ReceiveStatus::nothing) return;
  if (status == ReceiveStatus::closed) {
    const bool ends_input = client.with_stdin && stdio_.stdin_once && client.fed;
    drop(client);
    if (ends_input) close_input();
    return;
  }
  if (!client.with_stdin) return;
  client.fed = true;
  if (message.bytes[0] == kStdinClose) return close_input();
  pending_input_.append(message.bytes, 1);
  write_input();
}

void ProcessIo::drop(Client& client) {
  poller_.remove(client.token);
  clients_.remove_if([&](Client& other) { return &other == &client; });
}

/// Output is read while every client has room; a client that feeds is read while stdin has room.
void ProcessIo::update_watches() {
  const bool room = std::all_of(clients_.begin(), clients_.end(),
                                [](const Client& client) { return client.queued < kClientQueueMax; });
  for (auto& source : sources_) poller_.modify(source.token, room ? EPOLLIN : 0U);
  for (auto& client : clients_) watch_client(client);
}

void ProcessIo::write_input() {
  while (input_ && input_waits()) {
    const ssize_t count = ::write(input_.get(), pending_input_.data(), pending_input_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) input_.reset();  // nobody reads any more
    if (count > 0) pending_input_.erase(0, static_cast<std::size_t>(count));
  }
  if (!input_) pending_input_.clear();
  if (input_ && input_waits() && input_token_ == 0) {
    auto token = poller_.add(input_.get(), EPOLLOUT, [this](std::uint32_t) {
      write_input();
      update_watches();
    });
    if (token.ok()) input_token_ = *token;
  }
  if (!input_waits() && input_token_ != 0) {
    poller_.remove(input_token_);
    input_token_ = 0;
  }
  if (!input_waits() && close_input_after_pending_) input_.reset();
}

void ProcessIo::close_input() {
  if (stdio_.terminal) return;  // a terminal has no end of file but the one that is typed
  close_input_after_pending_ = true;
  write_input();
}

Result<void, SysError> ProcessIo::resize(runtime::ConsoleSize size) {
  if (terminal_ < 0) return SysError{Errno::enotty, "resize", ""};
  winsize window{};
  window.ws_row = size.height;
  window.ws_col = size.width;
  if (::ioctl(terminal_, TIOCSWINSZ, &window) < 0) return last_error("ioctl", "TIOCSWINSZ");
  return {};
}

void ProcessIo::take_leftovers() {
  std::vector<int> fds;
  for (const auto& source : sources_) fds.push_back(source.fd.get());
  for (const int fd : fds) {
    // A bound, for a process that left something behind that goes on writing.
    for (std::size_t taken = 0; taken < kLeftoverMax; taken += kPieceBytes) {
      const auto found =
          std::find_if(sources_.begin(), sources_.end(), [&](const Source& source) { return source.fd.get() == fd; });
      if (found == sources_.end() || !pump_source(*found)) break;
    }
  }
}

void ProcessIo::close_output() {
  if (output_closed_) return;
  output_closed_ = true;
  for (auto& source : sources_) poller_.remove(source.token);
  sources_.clear();
  terminal_ = -1;
  if (log_ != nullptr) log_->finish();
  for (auto at = clients_.begin(); at != clients_.end();) {
    Client& client = *at++;
    if (client.queue.empty()) drop(client);
  }
}

}  // namespace drydock::native
