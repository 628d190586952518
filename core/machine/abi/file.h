#pragma once
// Numbers of the x86-64 system call interface that are about files: open(2), inode(7), openat2(2), fcntl(2), mount(2),
// renameat2(2). Lower case, because the upper-case names are macros wherever <fcntl.h> was included.

#include <cstdint>

namespace drydock::machine::abi {

// open(2).
inline constexpr std::uint32_t o_rdonly = 0, o_wronly = 1, o_rdwr = 2, o_accmode = 3, o_creat = 0100, o_excl = 0200,
                               o_noctty = 0400, o_trunc = 01000, o_append = 02000, o_nonblock = 04000, o_dsync = 010000,
                               o_async = 020000, o_direct = 040000, o_largefile = 0100000, o_directory = 0200000,
                               o_nofollow = 0400000, o_noatime = 01000000, o_cloexec = 02000000, o_sync = 04010000,
                               o_path = 010000000, o_tmpfile_bit = 020000000, o_tmpfile = 020200000;
/// Of the kernel itself (FMODE_EXEC): opened by execve(2).
inline constexpr std::uint32_t o_exec_internal = 0x20;
/// What fcntl(F_SETFL) may change.
inline constexpr std::uint32_t o_setfl = o_append | o_nonblock | o_async | o_direct | o_noatime;

// inode(7).
inline constexpr std::uint32_t s_ifmt = 0170000, s_ifsock = 0140000, s_iflnk = 0120000, s_ifreg = 0100000,
                               s_ifblk = 0060000, s_ifdir = 0040000, s_ifchr = 0020000, s_ififo = 0010000,
                               s_isuid = 04000, s_isgid = 02000, s_isvtx = 01000, s_ixgrp = 010;

constexpr bool is_directory(std::uint32_t mode) {
  return (mode & s_ifmt) == s_ifdir;
}
constexpr bool is_regular(std::uint32_t mode) {
  return (mode & s_ifmt) == s_ifreg;
}
constexpr bool is_symlink(std::uint32_t mode) {
  return (mode & s_ifmt) == s_iflnk;
}
constexpr bool is_device(std::uint32_t mode) {
  return (mode & s_ifmt) == s_ifchr || (mode & s_ifmt) == s_ifblk;
}

// *at(2).
inline constexpr std::int32_t at_fdcwd = -100;
inline constexpr std::uint32_t at_symlink_nofollow = 0x100, at_eaccess = 0x200, at_removedir = 0x200,
                               at_symlink_follow = 0x400, at_no_automount = 0x800, at_empty_path = 0x1000,
                               at_statx_sync_type = 0x6000, at_recursive = 0x8000;

// access(2), and what permission() is asked.
inline constexpr int may_exec = 1, may_write = 2, may_read = 4;

// openat2(2).
inline constexpr std::uint64_t resolve_no_xdev = 1, resolve_no_magiclinks = 2, resolve_no_symlinks = 4,
                               resolve_beneath = 8, resolve_in_root = 16, resolve_cached = 32;

// lseek(2).
inline constexpr int seek_set = 0, seek_cur = 1, seek_end = 2, seek_data = 3, seek_hole = 4;

// renameat2(2).
inline constexpr std::uint32_t rename_noreplace = 1, rename_exchange = 2, rename_whiteout = 4;

// setxattr(2).
inline constexpr std::uint32_t xattr_create = 1, xattr_replace = 2;

// fallocate(2).
inline constexpr std::uint32_t falloc_keep_size = 1, falloc_punch_hole = 2, falloc_collapse_range = 8,
                               falloc_zero_range = 16, falloc_insert_range = 32, falloc_unshare_range = 64;

// mount(2).
inline constexpr std::uint64_t ms_rdonly = 1, ms_nosuid = 2, ms_nodev = 4, ms_noexec = 8, ms_synchronous = 16,
                               ms_remount = 32, ms_mandlock = 64, ms_dirsync = 128, ms_nosymfollow = 256,
                               ms_noatime = 1024, ms_nodiratime = 2048, ms_bind = 4096, ms_move = 8192, ms_rec = 16384,
                               ms_silent = 32768, ms_posixacl = 1 << 16, ms_unbindable = 1 << 17, ms_private = 1 << 18,
                               ms_slave = 1 << 19, ms_shared = 1 << 20, ms_relatime = 1 << 21, ms_kernmount = 1 << 22,
                               ms_i_version = 1 << 23, ms_strictatime = 1 << 24, ms_lazytime = 1 << 25,
                               ms_magic = 0xc0ed0000;
/// Those of a mount point; the rest is the superblock's.
inline constexpr std::uint64_t ms_of_mount =
    ms_rdonly | ms_nosuid | ms_nodev | ms_noexec | ms_noatime | ms_nodiratime | ms_relatime | ms_nosymfollow;

// ioctl(2) of all files.
inline constexpr std::uint64_t fionread = 0x541b, fionbio = 0x5421, fionclex = 0x5450, fioclex = 0x5451,
                               fioasync = 0x5452, fioqsize = 0x5460, ficlone = 0x40049409;

// umount2(2).
inline constexpr std::uint32_t mnt_force = 1, mnt_detach = 2, mnt_expire = 4, umount_nofollow = 8;

// capabilities(7), those that file systems ask for.
inline constexpr int cap_chown = 0, cap_dac_override = 1, cap_dac_read_search = 2, cap_fowner = 3, cap_fsetid = 4,
                     cap_linux_immutable = 9, cap_sys_rawio = 17, cap_sys_chroot = 18, cap_sys_admin = 21,
                     cap_sys_resource = 24, cap_mknod = 27, cap_setfcap = 31;

}  // namespace drydock::machine::abi
