#include "native/server/client_exchange.h"

namespace drydock::native {

ConnectionPool::ConnectionPool(boost::asio::io_context& io, const TransportOptions& options)
    : timer_(io),
      keep_(options.idle_connection_ns),
      per_key_max_(options.idle_connections_per_origin_max),
      all_max_(options.idle_connections_max) {}

std::unique_ptr<StreamSocket> ConnectionPool::take(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<StreamSocket> socket;
  while (!found->second.empty() && !socket) {
    // A server closes what it has not heard of for a while: better noticed now than by a failed request.
    if (found->second.back().socket->is_quiet()) socket = std::move(found->second.back().socket);
    found->second.pop_back();
    --count_;
  }
  if (found->second.empty()) idle_.erase(found);
  return socket;
}

void ConnectionPool::put(const std::string& key, std::unique_ptr<StreamSocket> socket) {
  drop_expired();
  if (closed_ || count_ >= all_max_) return;
  std::deque<Idle>& same = idle_[key];
  if (same.size() >= per_key_max_) return;
  same.push_back({std::move(socket), std::chrono::steady_clock::now() + keep_});
  ++count_;
  arm();
}

void ConnectionPool::drop_expired() {
  const auto now = std::chrono::steady_clock::now();
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    while (!entry->second.empty() && entry->second.front().until <= now) {
      entry->second.pop_front();
      --count_;
    }
    entry = entry->second.empty() ? idle_.erase(entry) : std::next(entry);
  }
}

void ConnectionPool::arm() {
  if (armed_ || closed_ || count_ == 0) return;
  armed_ = true;
  timer_.expires_after(keep_);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
    const auto self = weak.lock();
    if (!self || code) return;
    self->armed_ = false;
    self->drop_expired();
    self->arm();
  });
}

void ConnectionPool::close_all() {
  closed_ = true;
  idle_.clear();
  count_ = 0;
  timer_.cancel();
}

}  // namespace drydock::native
