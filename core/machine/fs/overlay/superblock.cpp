// overlayfs. Not modelled yet.

#include "machine/fs/overlay/overlay.h"

namespace drydock::machine {

Result<SuperblockId, Errno> mount_overlay(const Caller&, std::string_view, std::uint64_t, std::string_view) {
  return Errno::enodev;
}

}  // namespace drydock::machine
