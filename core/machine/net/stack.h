#pragma once
// The network of one kernel as a whole: the queue of frames on their way, TCP's connections, and the calls by which the
// run loop drives them. Deterministic: frames are ordered by due time and then by when they were sent.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "machine/kernel/ids.h"
#include "machine/net/interface.h"
#include "machine/net/tcp_endpoint.h"

namespace drydock::machine::net {

inline constexpr std::uint64_t kNamespaceEndNs = 20'000'000;  // from a namespace's last user to its end
inline constexpr std::uint64_t kHopNs = 20'000;               // from one interface to the next
inline constexpr std::size_t kFramesInFlightMax = 65536, kWireFramesMax = 4096;

enum class NetEventKind : std::uint8_t { frame, resolve_timeout, tcp_timer, namespace_end };

struct NetEvent {
  NetEventKind kind = NetEventKind::frame;
  InterfaceRef at;  // frame: where it arrives; resolve_timeout: whose neighbour; namespace_end: which
  Packet packet;
  IpAddress neighbour;
  TcpId tcp;
};

struct WireFrame {
  std::string wire;
  std::uint64_t sent_ns = 0;
  Packet packet;
};

struct Stack {
  std::multimap<std::uint64_t, NetEvent> events;        // by due time; equal ones in the order they were made
  std::deque<std::pair<NetNamespaceId, Packet>> local;  // loopback: delivered before the current call ends
  bool delivering = false;
  Table<TcpEndpoint> tcp;
  std::deque<WireFrame> wire_out;                // taken by the Lab (wire.h)
  std::map<std::uint32_t, FileId> bound_inodes;  // AF_UNIX: InodeId to the socket that is bound there
  SuperblockId socket_superblock;
  std::uint32_t next_mac = 1;
  std::uint32_t next_sequence = 1;
  std::size_t files_in_flight = 0;  // SCM_RIGHTS
  std::deque<FileId> files_to_put;  // references that are being given up
  bool putting_files = false;
};

}  // namespace drydock::machine::net

namespace drydock::machine {

/// When the network next has something to do; nothing while it is at rest.
std::optional<std::uint64_t> net_next_event_ns(const Kernel& kernel);
/// Does everything that is due at Kernel::now_ns(): frames arrive, timers expire, tasks are woken.
void net_run(Kernel& kernel);

}  // namespace drydock::machine
