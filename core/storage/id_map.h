#pragma once
// Owners in an image against owners on the host's disk, when the daemon remaps containers' users (user_namespaces(7)).

#include <cstdint>
#include <optional>
#include <vector>

namespace drydock::storage {

struct IdRange {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

/// Empty: ids are the same on both sides.
class IdMap {
 public:
  IdMap() = default;
  explicit IdMap(std::vector<IdRange> ranges) : ranges_(std::move(ranges)) {}

  /// Nothing for an id outside every range.
  std::optional<std::uint32_t> to_host(std::uint32_t container_id) const;
  std::optional<std::uint32_t> to_container(std::uint32_t host_id) const;
  bool is_identity() const { return ranges_.empty(); }

 private:
  std::vector<IdRange> ranges_;
};

struct IdMaps {
  IdMap uids;
  IdMap gids;
};

}  // namespace drydock::storage
