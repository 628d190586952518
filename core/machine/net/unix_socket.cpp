// AF_UNIX: names, connecting and the end of a socket. unix(7).

#include "machine/net/unix_socket.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/abi/socket.h"
#include "machine/kernel/pids.h"
#include "machine/syscalls/call.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine::net {

namespace {

UnixSocket* find_unix(Kernel& kernel, FileId file) {
  return dynamic_cast<UnixSocket*>(kernel.files.find(file));
}

/// The name in a struct sockaddr_un: a path without its NUL, or "\0..." with every byte. EINVAL.
Result<std::string, Errno> name_in(std::string_view address) {
  if (address.size() < 2 || address.size() > 2 + kUnixPathBytesMax) return Errno::einval;
  if (StructReader(std::string(address)).u16(0) != abi::af_unix) return Errno::einval;
  std::string_view name = address.substr(2);
  if (!name.empty() && name[0] != '\0') name = name.substr(0, std::min(name.find('\0'), name.size()));
  return std::string(name);
}

std::string address_of(const std::string& name) {
  std::string address = StructWriter().u16(abi::af_unix).bytes() + name;
  if (!name.empty() && name[0] != '\0') address.push_back('\0');
  return address;
}

PeerCredentials credentials_of(const Caller& caller) {
  PeerCredentials who;
  who.process = caller.self().process;
  who.shown_pid = pid_of(caller, who.process);
  who.uid = caller.credentials().euid;
  who.gid = caller.credentials().egid;
  who.known = true;
  return who;
}

/// The socket that is bound to that name. ECONNREFUSED, and what looking up a path gives.
Result<FileId, Errno> find_bound(const Caller& caller, NetNamespaceId net, const std::string& name) {
  Kernel& kernel = caller.kernel;
  if (name[0] == '\0') {
    const auto& names = std::as_const(kernel.net_namespaces)[net].abstract_names;
    const auto found = names.find(std::string_view(name).substr(1));
    if (found == names.end()) return Errno::econnrefused;
    return found->second;
  }
  const Path path = TRY(walk(caller, kAtFdCwd, name));
  TRY(permission(caller, path, abi::may_write));
  const InodeId inode = std::as_const(kernel.dentries)[path.dentry].inode;
  const auto found = kernel.network.bound_inodes.find(inode.value);
  if (found == kernel.network.bound_inodes.end()) return Errno::econnrefused;
  return found->second;
}

}  // namespace

std::string UnixSocket::own_address() const {
  return address_of(name);
}

Result<std::string, Errno> UnixSocket::local_address(const Caller&) {
  return own_address();
}

Result<std::string, Errno> UnixSocket::peer_address(const Caller& caller) {
  if (!peer) return Errno::enotconn;
  const UnixSocket* other = find_unix(caller.kernel, peer);
  return other == nullptr ? address_of("") : other->own_address();
}

Outcome UnixSocket::bind(const Caller& caller, std::string_view address) {
  const std::string wanted = TRY(name_in(address));
  if (wanted.empty()) {
    if (!name.empty()) return done();
    // Autobind: five hexadecimal digits that are free.
    const auto& names = std::as_const(caller.kernel.net_namespaces)[net].abstract_names;
    for (std::uint32_t number = 0; number < 0x100000; ++number) {
      std::string digits;
      for (int shift = 16; shift >= 0; shift -= 4) digits.push_back("0123456789abcdef"[number >> shift & 15]);
      if (names.find(digits) == names.end()) return bind_abstract(caller, std::string(1, '\0') + digits);
    }
    return Errno::enospc;
  }
  if (!name.empty()) {
    // The path is looked at before the socket is.
    const bool taken = wanted[0] != '\0' && walk(caller, kAtFdCwd, wanted, WalkOptions{.follow_last = false}).ok();
    return taken ? Errno::eaddrinuse : Errno::einval;
  }
  return wanted[0] == '\0' ? bind_abstract(caller, wanted) : bind_path(caller, wanted);
}

Outcome UnixSocket::bind_abstract(const Caller& caller, const std::string& abstract_name) {
  auto& names = caller.kernel.net_namespaces[net].abstract_names;
  if (!names.emplace(abstract_name.substr(1), id).second) return Errno::eaddrinuse;
  name = abstract_name;
  return done();
}

Outcome UnixSocket::bind_path(const Caller& caller, const std::string& path) {
  Kernel& kernel = caller.kernel;
  const LastComponent last = TRY(walk_parent(caller, kAtFdCwd, path));
  if (last.name.empty() || last.name == "." || last.name == "..") return Errno::eaddrinuse;
  const auto present = step_into(caller, last.directory, last.name);
  if (present.ok()) return Errno::eaddrinuse;
  if (present.error() != Errno::enoent) return present.error();
  if (last.trailing_slash) return Errno::enoent;
  TRY(want_write(kernel, last.directory));
  Inode& directory = inode_of(caller, last.directory);
  TRY(may_create_in(caller, directory));
  const std::uint32_t umask = std::as_const(kernel.fs_contexts)[caller.self().fs].umask;
  const NewNode node = TRY(new_node_in(caller, directory, abi::s_ifsock | (0777 & ~umask)));
  const DentryId dentry = TRY(create_child(caller, last.directory.dentry, last.name, node));
  bound_inode = std::as_const(kernel.dentries)[dentry].inode;
  kernel.network.bound_inodes[bound_inode.value] = id;
  name = path;
  return done();
}

Outcome UnixSocket::listen(const Caller& caller, int wanted) {
  if (type == abi::sock_dgram) return Errno::eopnotsupp;
  if (name.empty() || state == State::connected) return Errno::einval;
  backlog = static_cast<std::uint32_t>(std::max(wanted, 0));
  state = State::listening;
  own_creds = credentials_of(caller);
  wake_socket(caller.kernel, id);  // those who wait for room in the queue
  return done();
}

Outcome UnixSocket::connect(const Caller& caller, std::string_view address) {
  Kernel& kernel = caller.kernel;
  if (type == abi::sock_dgram && address.size() >= 2 && StructReader(std::string(address)).u16(0) == abi::af_unspec) {
    peer = {};
    state = State::unconnected;
    return done();
  }
  const std::string wanted = TRY(name_in(address));
  if (wanted.empty()) return Errno::einval;
  const FileId found = TRY(find_bound(caller, net, wanted));
  UnixSocket* other = find_unix(kernel, found);
  if (other == nullptr) return Errno::econnrefused;
  if (other->type != type) return Errno::eprototype;
  if (type != abi::sock_dgram) return connect_stream(caller, *other);
  if (other->peer && !(other->peer == id)) return Errno::eperm;
  if (options.pass_credentials && name.empty()) {
    const Outcome bound = bind(caller, address_of(""));
    if (!bound.ok()) return bound;
  }
  peer = found;
  state = State::connected;
  wake_socket(kernel, id);
  return done();
}

Outcome UnixSocket::connect_stream(const Caller& caller, UnixSocket& listener) {
  Kernel& kernel = caller.kernel;
  if (state == State::connected) return Errno::eisconn;
  if (state == State::listening) return Errno::einval;
  if (listener.state != State::listening || listener.read_shut) return Errno::econnrefused;
  if (listener.pending.size() > listener.backlog) {
    Outcome outcome = wait_to_send(caller, 0);
    if (outcome.blocked()) outcome.wait().keys = {listener.wait_key()};
    return outcome;
  }
  if (options.pass_credentials && name.empty()) {
    const Outcome bound = bind(caller, address_of(""));
    if (!bound.ok()) return bound;
  }
  const FileId accepted = add_socket(caller, std::make_unique<UnixSocket>(), listener.net, family, type, protocol);
  auto& server = static_cast<UnixSocket&>(kernel.files[accepted]);
  server.uid = listener.uid;
  server.state = State::connected;
  server.peer = id;
  server.name = listener.name;  // told by getsockname(2); it is not found by that name
  server.peer_creds = credentials_of(caller);
  server.options.pass_credentials = listener.options.pass_credentials;
  kernel.net_namespaces[server.net].unix_sockets.push_back(accepted);
  state = State::connected;
  peer = accepted;
  peer_creds = listener.own_creds;
  listener.pending.push_back(accepted);
  wake_socket(kernel, listener.id);
  return done();
}

Outcome UnixSocket::accept(const Caller& caller, std::string* peer_name) {
  if (type == abi::sock_dgram) return Errno::eopnotsupp;
  if (state != State::listening) return Errno::einval;
  if (pending.empty()) return read_shut ? Outcome(Errno::einval) : wait_to_receive(caller, 0);
  const FileId accepted = pending.front();
  pending.pop_front();
  wake_socket(caller.kernel, id);  // there is room in the backlog
  UnixSocket* server = find_unix(caller.kernel, accepted);
  if (server != nullptr) *peer_name = server->peer_address(caller).value_or(address_of(""));
  return static_cast<std::int64_t>(accepted.value);
}

Outcome UnixSocket::shutdown(const Caller& caller, int how) {
  if (how < abi::shut_rd || how > abi::shut_rdwr) return Errno::einval;
  const bool reading = how != abi::shut_wr, writing = how != abi::shut_rd;
  read_shut = read_shut || reading;
  write_shut = write_shut || writing;
  UnixSocket* other = find_unix(caller.kernel, peer);
  if (type != abi::sock_dgram && other != nullptr) {
    other->read_shut = other->read_shut || writing;
    other->write_shut = other->write_shut || reading;
  }
  wake_both(caller.kernel);
  return done();
}

void UnixSocket::wake_both(Kernel& kernel) {
  wake_socket(kernel, id);
  wake_socket(kernel, peer);
}

void UnixSocket::release(Kernel& kernel) {
  NetNamespace& space = kernel.net_namespaces[net];
  if (bound_inode) kernel.network.bound_inodes.erase(bound_inode.value);
  const auto named = name.empty() ? space.abstract_names.end() : space.abstract_names.find(name.substr(1));
  if (name.size() > 1 && name[0] == '\0' && named != space.abstract_names.end() && named->second == id)
    space.abstract_names.erase(named);
  std::erase(space.unix_sockets, id);
  UnixSocket* other = find_unix(kernel, peer);
  if (other != nullptr && type != abi::sock_dgram) {
    other->peer_gone = other->read_shut = other->write_shut = true;
    if (!queue.empty()) other->pending_error = static_cast<int>(Errno::econnreset);
  }
  std::vector<FileId> held(pending.begin(), pending.end());
  for (FileId waiting : pending) {
    UnixSocket* embryo = find_unix(kernel, waiting);
    UnixSocket* client = embryo == nullptr ? nullptr : find_unix(kernel, embryo->peer);
    if (client != nullptr) client->pending_error = static_cast<int>(Errno::econnreset);
  }
  for (const UnixMessage& message : queue) {
    held.insert(held.end(), message.files.begin(), message.files.end());
    kernel.network.files_in_flight -= std::min(message.files.size(), kernel.network.files_in_flight);
  }
  queue.clear();
  wake_both(kernel);
  Socket::release(kernel);
  put_files(kernel, held);
}

void put_files(Kernel& kernel, const std::vector<FileId>& files) {
  Stack& network = kernel.network;
  network.files_to_put.insert(network.files_to_put.end(), files.begin(), files.end());
  if (network.putting_files) return;
  network.putting_files = true;
  while (!network.files_to_put.empty()) {
    const FileId file = network.files_to_put.front();
    network.files_to_put.pop_front();
    put_file(kernel, file);
  }
  network.putting_files = false;
}

std::pair<FileId, FileId> make_unix_pair(const Caller& caller, int type) {
  Kernel& kernel = caller.kernel;
  const NetNamespaceId net = caller.self().namespaces.net;
  std::array<FileId, 2> ends;
  for (FileId& end : ends) {
    end = add_socket(caller, std::make_unique<UnixSocket>(), net, abi::af_unix, type, 0);
    kernel.net_namespaces[net].unix_sockets.push_back(end);
  }
  for (int n = 0; n < 2; ++n) {
    auto& socket = static_cast<UnixSocket&>(kernel.files[ends[n]]);
    socket.state = UnixSocket::State::connected;
    socket.peer = ends[1 - n];
    socket.peer_creds = credentials_of(caller);
  }
  return {ends[0], ends[1]};
}

}  // namespace drydock::machine::net
