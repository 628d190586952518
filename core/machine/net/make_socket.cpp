// socket(2): which families, types and protocols there are.

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/net/unix_socket.h"

namespace drydock::machine {

namespace {

Result<FileId, Errno> make_unix(const Caller& caller, int type, int protocol) {
  if (protocol != 0 && protocol != abi::af_unix) return Errno::eprotonosupport;
  if (type == abi::sock_raw) type = abi::sock_dgram;
  if (type != abi::sock_stream && type != abi::sock_dgram && type != abi::sock_seqpacket)
    return Errno::esocktnosupport;
  const NetNamespaceId net = caller.self().namespaces.net;
  const FileId file = add_socket(caller, std::make_unique<net::UnixSocket>(), net, abi::af_unix, type, 0);
  caller.kernel.net_namespaces[net].unix_sockets.push_back(file);
  return file;
}

}  // namespace

Result<FileId, Errno> make_socket(const Caller& caller, int family, int type, int protocol) {
  if (family < 0 || family >= abi::af_max) return Errno::eafnosupport;
  if (type < 0 || type > abi::sock_packet) return Errno::einval;
  switch (family) {
    case abi::af_unix: return make_unix(caller, type, protocol);
    default: return Errno::eafnosupport;
  }
}

}  // namespace drydock::machine
