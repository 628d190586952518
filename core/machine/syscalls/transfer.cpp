// Bytes between files and memory. They are moved in chunks, so that a guest's sizes cost the host nothing.

#include "machine/syscalls/transfer.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/mm/address_space.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kPiecesMax = 1024;  // UIO_MAXIOV

std::uint64_t total_of(const std::vector<MemoryPiece>& pieces) {
  std::uint64_t sum = 0;
  for (const MemoryPiece& piece : pieces) sum += std::min(piece.bytes, kIoBytesMax);
  return std::min(sum, kIoBytesMax);
}

/// access_ok() of Linux: addresses outside of the user half are EFAULT before anything is done.
bool in_user_half(const std::vector<MemoryPiece>& pieces) {
  return std::all_of(pieces.begin(), pieces.end(), [](const MemoryPiece& piece) {
    return piece.address <= kUserAddressEnd && std::min(piece.bytes, kIoBytesMax) <= kUserAddressEnd - piece.address;
  });
}

/// Appends up to `wanted` bytes from `skip` on; stops where the memory does.
std::string gather(const Call& call, const std::vector<MemoryPiece>& pieces, std::uint64_t skip, std::uint64_t wanted) {
  std::string bytes;
  for (const MemoryPiece& piece : pieces) {
    if (bytes.size() >= wanted) break;
    if (skip >= piece.bytes) {
      skip -= piece.bytes;
      continue;
    }
    const std::uint64_t part = std::min(piece.bytes - skip, wanted - bytes.size());
    const std::uint64_t readable = call.readable_bytes(piece.address + skip, part);
    const std::size_t before = bytes.size();
    bytes.resize(before + readable);
    if (!call.copy_in(piece.address + skip, std::span(bytes).subspan(before)).ok()) bytes.resize(before);
    if (readable < part) break;
    skip = 0;
  }
  return bytes;
}

/// The piece that byte `skip` falls in, what is left of it.
MemoryPiece piece_at(const std::vector<MemoryPiece>& pieces, std::uint64_t skip) {
  for (const MemoryPiece& piece : pieces) {
    if (skip < piece.bytes) return {piece.address + skip, piece.bytes - skip};
    skip -= piece.bytes;
  }
  return {};
}

}  // namespace

Result<std::vector<MemoryPiece>, Errno> load_pieces(const Call& call, std::uint64_t address, std::uint64_t count) {
  if (count > kPiecesMax) return Errno::einval;
  std::string bytes(count * 16, '\0');
  TRY(call.copy_in(address, bytes));
  const StructReader raw(std::move(bytes));
  std::vector<MemoryPiece> pieces;
  for (std::uint64_t at = 0; at < count; ++at) {
    const MemoryPiece piece{raw.u64(at * 16), raw.u64(at * 16 + 8)};
    if (piece.bytes > ~std::uint64_t{0} >> 1) return Errno::einval;
    pieces.push_back(piece);
  }
  return pieces;
}

Result<FileId, Errno> readable_file(const Caller& caller, int fd) {
  const FileId id = TRY(file_of(caller, fd));
  const File& file = std::as_const(caller.kernel.files)[id];
  if (!file.readable() || (file.flags & abi::o_path) != 0 || (file.flags & abi::o_accmode) == 3) return Errno::ebadf;
  return id;
}

Result<FileId, Errno> writable_file(const Caller& caller, int fd) {
  const FileId id = TRY(file_of(caller, fd));
  const File& file = std::as_const(caller.kernel.files)[id];
  if (!file.writable() || (file.flags & abi::o_path) != 0 || (file.flags & abi::o_accmode) == 3) return Errno::ebadf;
  return id;
}

Outcome read_into(const Call& call, FileId id, const std::vector<MemoryPiece>& pieces, const std::uint64_t* offset) {
  if (!in_user_half(pieces)) return Errno::efault;
  const std::uint64_t wanted = total_of(pieces);
  std::uint64_t done = 0;
  std::string chunk;
  do {
    const MemoryPiece piece = piece_at(pieces, done);
    const std::uint64_t ask = std::min({piece.bytes, wanted - done, kIoChunkBytes});
    // Only what can be stored is taken out of the file: a pipe would lose the rest.
    const std::uint64_t room = call.writable_bytes(piece.address, ask);
    if (room == 0 && ask > 0) return done > 0 ? Outcome(static_cast<std::int64_t>(done)) : Outcome(Errno::efault);
    chunk.resize(room);
    const std::uint64_t at = offset != nullptr ? *offset + done : 0;
    Outcome got = call.kernel.files[id].read(call, chunk, offset != nullptr ? &at : nullptr);
    if (!got.ok()) return done > 0 ? Outcome(static_cast<std::int64_t>(done)) : got;
    const auto bytes = static_cast<std::uint64_t>(got.value());
    TRY(call.copy_out(piece.address, std::span<const char>(chunk).first(bytes)));
    done += bytes;
    if (bytes < ask) break;
  } while (done < wanted);
  return static_cast<std::int64_t>(done);
}

Outcome write_from(const Call& call, FileId id, const std::vector<MemoryPiece>& pieces, const std::uint64_t* offset) {
  if (!in_user_half(pieces)) return Errno::efault;
  const std::uint64_t wanted = total_of(pieces);
  RestartState& state = call.self().restart;
  std::uint64_t done = state.progress;  // of earlier attempts
  do {
    const std::uint64_t ask = std::min(wanted - done, kIoChunkBytes);
    const std::string chunk = gather(call, pieces, done, ask);
    if (chunk.empty() && ask > 0) return done > 0 ? Outcome(static_cast<std::int64_t>(done)) : Outcome(Errno::efault);
    const std::uint64_t at = offset != nullptr ? *offset + done : 0;
    Outcome put = call.kernel.files[id].write(call, chunk, offset != nullptr ? &at : nullptr);
    if (put.blocked()) {
      state.progress = done;
      if (done > 0 && !put.wait().partial) put.wait().partial = static_cast<std::int64_t>(done);
      return put;
    }
    if (!put.ok()) return done > 0 ? Outcome(static_cast<std::int64_t>(done)) : put;
    if (put.value() == 0 && ask > 0) break;
    done += static_cast<std::uint64_t>(put.value());
  } while (done < wanted);
  return static_cast<std::int64_t>(done);
}

namespace {

/// A place in a file that a copy reads or writes at: its own position, or one that the caller keeps.
struct Cursor {
  bool given = false;
  std::uint64_t at = 0;
  const std::uint64_t* pointer() const { return given ? &at : nullptr; }
};

Result<Cursor, Errno> load_cursor(const Call& call, std::uint64_t address) {
  if (address == 0) return Cursor{};
  const std::uint64_t at = TRY(call.load64(address));
  if (at > ~std::uint64_t{0} >> 1) return Errno::einval;
  return Cursor{true, at};
}

/// Moves bytes; what could not be written is not taken from `in` (its position is set back).
Outcome copy_bytes(const Call& call, FileId in, Cursor& from, FileId out, Cursor& to, std::uint64_t wanted) {
  RestartState& state = call.self().restart;
  std::uint64_t done = state.progress;
  std::string chunk;
  while (done < wanted) {
    chunk.resize(std::min(wanted - done, kIoChunkBytes));
    const std::uint64_t before = call.kernel.files[in].position;
    Outcome got = call.kernel.files[in].read(call, chunk, from.pointer());
    if (!got.ok()) return done > 0 ? Outcome(static_cast<std::int64_t>(done)) : got;
    if (got.value() == 0) break;
    const auto bytes = static_cast<std::uint64_t>(got.value());
    Outcome put = call.kernel.files[out].write(call, std::span<const char>(chunk).first(bytes), to.pointer());
    const std::uint64_t written = put.ok() ? static_cast<std::uint64_t>(put.value()) : 0;
    if (from.given)
      from.at += written;
    else
      call.kernel.files[in].position = before + written;
    to.at += written;
    done += written;
    if (put.blocked()) {
      state.progress = done;
      if (done > 0) put.wait().partial = static_cast<std::int64_t>(done);
      return put;
    }
    if (!put.ok()) return done > 0 ? Outcome(static_cast<std::int64_t>(done)) : put;
  }
  return static_cast<std::int64_t>(done);
}

Result<std::uint32_t, Errno> mode_of(const Call& call, FileId file) {
  return TRY(call.kernel.inodes[call.kernel.files[file].inode].attributes(call)).mode;
}

}  // namespace

Outcome send_file(const Call& call, int out_fd, int in_fd, std::uint64_t offset_address, std::uint64_t bytes) {
  const FileId in = TRY(readable_file(call, in_fd));
  Cursor from = TRY(load_cursor(call, offset_address));
  const FileId out = TRY(writable_file(call, out_fd));
  if ((call.kernel.files[out].flags & abi::o_append) != 0) return Errno::einval;
  const std::uint32_t mode = TRY(mode_of(call, in));
  if ((mode & abi::s_ifmt) == abi::s_ififo || (mode & abi::s_ifmt) == abi::s_ifsock)
    return from.given ? Errno::espipe : Errno::einval;
  if (abi::is_directory(mode)) return Errno::einval;
  Cursor to;
  Outcome moved = copy_bytes(call, in, from, out, to, std::min(bytes, kIoBytesMax));
  if (from.given) TRY(call.store64(offset_address, from.at));
  return moved;
}

Outcome copy_range(const Call& call, int in_fd, std::uint64_t in_offset_address, int out_fd,
                   std::uint64_t out_offset_address, std::uint64_t bytes) {
  const FileId in = TRY(readable_file(call, in_fd));
  const FileId out = TRY(writable_file(call, out_fd));
  Cursor from = TRY(load_cursor(call, in_offset_address));
  Cursor to = TRY(load_cursor(call, out_offset_address));
  if ((call.kernel.files[out].flags & abi::o_append) != 0) return Errno::ebadf;
  const std::uint32_t in_mode = TRY(mode_of(call, in)), out_mode = TRY(mode_of(call, out));
  if (abi::is_directory(in_mode) || abi::is_directory(out_mode)) return Errno::eisdir;
  if (!abi::is_regular(in_mode) || !abi::is_regular(out_mode)) return Errno::einval;
  const std::uint64_t in_start = from.given ? from.at : call.kernel.files[in].position;
  const std::uint64_t out_start = to.given ? to.at : call.kernel.files[out].position;
  const std::uint64_t count = std::min(bytes, kIoBytesMax);
  const bool same = call.kernel.files[in].inode == call.kernel.files[out].inode;
  if (same && in_start < out_start + count && out_start < in_start + count) return Errno::einval;
  Outcome moved = copy_bytes(call, in, from, out, to, count);
  if (!moved.ok()) return moved;
  if (from.given) TRY(call.store64(in_offset_address, from.at));
  if (to.given) TRY(call.store64(out_offset_address, to.at));
  return moved;
}

}  // namespace drydock::machine
