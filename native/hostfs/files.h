#pragma once
// FileReader and FileWriter over a descriptor.

#include <memory>

#include "native/hostfs/proc_path.h"
#include "native/kernel/fd.h"
#include "storage/host_fs.h"

namespace drydock::native::hostfs {

std::unique_ptr<storage::FileReader> make_reader(Fd fd, std::uint64_t size, std::string path);
/// `offset`: where the next byte goes.
std::unique_ptr<storage::FileWriter> make_writer(Fd fd, std::uint64_t offset, std::string path);
Result<void, SysError> write_all(int fd, std::string_view bytes, std::uint64_t offset, std::string_view path);

}  // namespace drydock::native::hostfs
