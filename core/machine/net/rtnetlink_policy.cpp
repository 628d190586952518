// rtnetlink(7): RTM_GETRULE and RTM_GETQDISC, which only show: the three rules that a network namespace starts with,
// and the queueing of its interfaces.
//
// Not modelled: other rules (ip-rule(8)) and other disciplines than noqueue; changing either is EOPNOTSUPP.

#include <utility>

#include "machine/abi/socket.h"
#include "machine/net/rtnetlink.h"

namespace drydock::machine::net {

namespace {

constexpr std::uint16_t kNewQdisc = 36, kNewRule = 32;
constexpr std::size_t kTcmsgBytes = 20;

std::string rule_message(const NetlinkRequest& request, int family, std::uint32_t priority, std::uint8_t table) {
  constexpr std::uint16_t rule_priority = 6, rule_table = 15, suppress_prefix_length = 14;
  constexpr std::uint8_t to_table = 1;
  NetlinkWriter writer(kNewRule, nl::flag_multi, request);
  writer.body(StructWriter().u8(static_cast<std::uint8_t>(family)).zeros(3).u8(table).zeros(2).u8(to_table).u32(0));
  writer.attribute_u32(rule_table, table);
  writer.attribute_u32(suppress_prefix_length, 0xffffffff);
  if (priority != 0) writer.attribute_u32(rule_priority, priority);
  return writer.bytes();
}

}  // namespace

Result<void, Errno> get_rules(const NetlinkRequest& request, Messages* out) {
  if (!wants_dump(request)) return Errno::eopnotsupp;
  constexpr std::uint8_t local = 255, main = 254, by_default = 253;
  constexpr std::uint32_t main_priority = 32766, default_priority = 32767;
  const int asked = request.byte(0);
  for (const int family : {abi::af_inet, abi::af_inet6}) {
    if (asked != 0 && asked != family) continue;
    out->push_back(rule_message(request, family, 0, local));
    out->push_back(rule_message(request, family, main_priority, main));
    if (family == abi::af_inet) out->push_back(rule_message(request, family, default_priority, by_default));
  }
  return {};
}

Result<void, Errno> get_queues(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out) {
  if (!wants_dump(request)) return Errno::eopnotsupp;
  constexpr std::uint16_t kind = 1;
  constexpr std::uint32_t root = 0xffffffff, references = 2;
  const std::uint32_t only = request.body.size() >= kTcmsgBytes ? request.word(4) : 0;
  for (const auto& entry : std::as_const(caller.kernel).net_namespaces[net].interfaces) {
    // One that is down has noop, which is built in and not shown.
    if (!entry.second.up || (only != 0 && only != entry.first)) continue;
    NetlinkWriter writer(kNewQdisc, nl::flag_multi, request);
    writer.body(StructWriter().u32(0).u32(entry.first).u32(0).u32(root).u32(references));
    writer.attribute_text(kind, "noqueue");
    out->push_back(writer.bytes());
  }
  return {};
}

}  // namespace drydock::machine::net
