#include "storage/id_map.h"

namespace drydock::storage {

std::optional<std::uint32_t> IdMap::to_host(std::uint32_t container_id) const {
  if (ranges_.empty()) return container_id;
  for (const IdRange& range : ranges_) {
    if (container_id >= range.container_id && container_id - range.container_id < range.size) {
      return range.host_id + (container_id - range.container_id);
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> IdMap::to_container(std::uint32_t host_id) const {
  if (ranges_.empty()) return host_id;
  for (const IdRange& range : ranges_) {
    if (host_id >= range.host_id && host_id - range.host_id < range.size) {
      return range.container_id + (host_id - range.host_id);
    }
  }
  return std::nullopt;
}

}  // namespace drydock::storage
