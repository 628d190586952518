#pragma once
// AF_UNIX sockets: streams, datagrams and sequenced packets between the programs of one machine. unix(7).
// Not modelled: MSG_OOB, SCM_PIDFD, SO_PEEK_OFF, the collector of sockets that hold each other in messages (their
// number is bounded by kFilesInFlightMax).

#include <deque>
#include <string>

#include "machine/net/socket.h"

namespace drydock::machine::net {

inline constexpr std::size_t kUnixPathBytesMax = 108;

struct UnixMessage {
  std::string bytes;
  std::size_t taken = 0;  // of them, by earlier reads of a stream
  std::string sender;     // its struct sockaddr, empty when it has no name
  FileId sender_file;
  PeerCredentials credentials;
  std::vector<FileId> files;  // a reference each

  std::size_t left() const { return bytes.size() - taken; }
};

class UnixSocket final : public Socket {
 public:
  enum class State : std::uint8_t { unconnected, listening, connected };

  std::unique_ptr<File> clone() const override { return std::make_unique<UnixSocket>(*this); }

  Outcome bind(const Caller& caller, std::string_view address) override;
  Outcome connect(const Caller& caller, std::string_view address) override;
  Outcome listen(const Caller& caller, int backlog) override;
  Outcome accept(const Caller& caller, std::string* peer) override;
  Outcome send(const Caller& caller, const OutgoingMessage& message) override;
  Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                  IncomingMessage* message) override;
  Outcome shutdown(const Caller& caller, int how) override;
  Result<std::string, Errno> local_address(const Caller& caller) override;
  Result<std::string, Errno> peer_address(const Caller& caller) override;
  /// unix(7) has options of SOL_SOCKET only.
  Result<void, Errno> set_option(const Caller&, int, int, std::string_view) override { return Errno::eopnotsupp; }
  Result<std::string, Errno> get_option(const Caller&, int, int) override { return Errno::eopnotsupp; }
  bool is_listening() const override { return state == State::listening; }
  PeerCredentials peer_credentials() const override { return peer_creds; }
  std::uint64_t readable_bytes() const override;
  std::uint16_t poll(const Caller& caller) override;
  void release(Kernel& kernel) override;

  State state = State::unconnected;
  std::string name;     // what it is bound to: a path, "\0..." or nothing
  InodeId bound_inode;  // of a path
  FileId peer;          // datagrams: whom connect(2) named
  bool peer_gone = false;
  std::deque<UnixMessage> queue;
  std::uint64_t queued_bytes = 0;
  std::uint32_t backlog = 0;
  std::deque<FileId> pending;  // listening: connected sockets nobody has accepted; a reference each
  PeerCredentials peer_creds;
  PeerCredentials own_creds;  // listening: since listen(2)

 private:
  bool keeps_records() const;
  Outcome bind_path(const Caller& caller, const std::string& path);
  Outcome bind_abstract(const Caller& caller, const std::string& abstract_name);
  Outcome connect_stream(const Caller& caller, UnixSocket& listener);
  Outcome send_stream(const Caller& caller, const OutgoingMessage& message);
  Outcome send_record(const Caller& caller, const OutgoingMessage& message);
  Outcome receive_stream(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags, IncomingMessage* message);
  Outcome receive_record(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags, IncomingMessage* message);
  Result<UnixMessage, Errno> pack(const Caller& caller, const OutgoingMessage& message, const UnixSocket& target,
                                  std::string_view bytes) const;
  bool has_room_for(const UnixSocket& sender, std::size_t bytes) const;
  void enqueue(Kernel& kernel, UnixMessage message);
  void wake_both(Kernel& kernel);
  std::string own_address() const;
};

/// The pair of socketpair(2), a reference each.
std::pair<FileId, FileId> make_unix_pair(const Caller& caller, int type);

/// Gives the references up. Not from within: files that hold files are let go one after another, not one in the other.
void put_files(Kernel& kernel, const std::vector<FileId>& files);

}  // namespace drydock::machine::net
