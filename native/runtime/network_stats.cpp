#include "native/runtime/network_stats.h"

#include "native/kernel/fd.h"

namespace drydock::native {

namespace {

std::vector<std::uint64_t> numbers_in(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (const auto& word : split(text, ' ')) {
    if (const auto number = parse_u64(word)) numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace

std::vector<runtime::ContainerStats::Network> read_network_stats(std::int64_t pid) {
  std::vector<runtime::ContainerStats::Network> networks;
  const auto text = read_file(concat("/proc/", pid, "/net/dev"));
  if (!text.ok()) return networks;
  for (const auto& line : split(*text, '\n')) {
    const auto parts = split_once(line, ':');
    if (!parts || trim(parts->first) == "lo") continue;
    // Eight columns received (bytes packets errs drop fifo frame compressed multicast), eight sent.
    const auto n = numbers_in(parts->second);
    if (n.size() < 12) continue;
    networks.push_back({std::string(trim(parts->first)), n[0], n[1], n[2], n[3], n[8], n[9], n[10], n[11]});
  }
  return networks;
}

}  // namespace drydock::native
