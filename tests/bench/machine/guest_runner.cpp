// Runs a static x86-64 program in the interpreter alone, with the few system calls that a filter needs passed on to the
// host: to measure the interpreter without the simulated kernel. Not a sandbox.
//
//   guest_runner [--stats] PROGRAM [ARG]...      its exit status; --stats: instructions retired, on stderr

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "machine/cpu/interpreter.h"

using namespace drydock::machine;

namespace {

// The guest's numbers: those of x86-64, whatever the host is.
enum : std::uint64_t {
  guest_read = 0,
  guest_write = 1,
  guest_close = 3,
  guest_fstat = 5,
  guest_lseek = 8,
  guest_mmap = 9,
  guest_mprotect = 10,
  guest_munmap = 11,
  guest_brk = 12,
  guest_rt_sigaction = 13,
  guest_rt_sigprocmask = 14,
  guest_ioctl = 16,
  guest_madvise = 28,
  guest_dup2 = 33,
  guest_getpid = 39,
  guest_exit = 60,
  guest_uname = 63,
  guest_fcntl = 72,
  guest_getuid = 102,
  guest_getgid = 104,
  guest_geteuid = 107,
  guest_getegid = 108,
  guest_getppid = 110,
  guest_prctl = 157,
  guest_arch_prctl = 158,
  guest_set_tid_address = 218,
  guest_fadvise64 = 221,
  guest_exit_group = 231,
  guest_openat = 257,
  guest_newfstatat = 262,
  guest_set_robust_list = 273,
  guest_getrandom = 318,
};

class Memory : public PageSource {
 public:
  struct Page {
    std::unique_ptr<std::uint8_t[]> bytes;
    bool code = false;
    std::uint64_t key = 0;
  };
  void map(std::uint64_t address, std::uint64_t size) {
    const std::uint64_t end = (address + size + kPageBytes - 1) & kPageMask;
    for (std::uint64_t page = address & kPageMask; page < end; page += kPageBytes) {
      Page& entry = pages_[page];
      if (!entry.bytes) entry.bytes = std::make_unique<std::uint8_t[]>(kPageBytes);
      entry.key = ++last_key_;
    }
    advance_epoch();
  }
  void unmap(std::uint64_t address, std::uint64_t size) {
    pages_.erase(pages_.lower_bound(address), pages_.lower_bound(address + size));
    advance_epoch();
  }
  PageView page(std::uint64_t address, Access access) override {
    const auto found = pages_.find(address);
    if (found == pages_.end()) return {};
    Page& entry = found->second;
    if (access == Access::write && entry.code) {
      entry.code = false;
      entry.key = ++last_key_;
      return {entry.bytes.get(), entry.key, false};
    }
    return {entry.bytes.get(), entry.key, access == Access::write};
  }
  void mark_code(std::uint64_t address) override { pages_[address].code = true; }

  bool copy_in(std::uint64_t address, const void* from, std::size_t size) {
    return each(address, size, [&](std::uint8_t* at, std::size_t done, std::size_t n) {
      std::memcpy(at, static_cast<const std::uint8_t*>(from) + done, n);
    });
  }
  bool copy_out(std::uint64_t address, void* to, std::size_t size) {
    return each(address, size, [&](const std::uint8_t* at, std::size_t done, std::size_t n) {
      std::memcpy(static_cast<std::uint8_t*>(to) + done, at, n);
    });
  }
  std::string text(std::uint64_t address) {
    std::string value;
    for (char c = 0; copy_out(address, &c, 1) && c != 0 && value.size() < 4096; ++address) value += c;
    return value;
  }

 private:
  template <class Visit>
  bool each(std::uint64_t address, std::size_t size, Visit visit) {
    for (std::size_t done = 0; done < size;) {
      const auto found = pages_.find((address + done) & kPageMask);
      if (found == pages_.end()) return false;
      const std::uint64_t offset = (address + done) & ~kPageMask;
      const std::size_t n = std::min<std::size_t>(size - done, kPageBytes - offset);
      visit(found->second.bytes.get() + offset, done, n);
      done += n;
    }
    return true;
  }
  std::map<std::uint64_t, Page> pages_;
  std::uint64_t last_key_ = 0;
};

class Guest {
 public:
  bool load(const char* path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> image((std::istreambuf_iterator<char>(file)), {});
    Elf64_Ehdr header;
    if (image.size() < sizeof header) return false;
    std::memcpy(&header, image.data(), sizeof header);
    for (unsigned i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr segment;
      std::memcpy(&segment, image.data() + header.e_phoff + i * sizeof segment, sizeof segment);
      if (segment.p_type != PT_LOAD) continue;
      memory_.map(segment.p_vaddr, segment.p_memsz);
      memory_.copy_in(segment.p_vaddr, image.data() + segment.p_offset, segment.p_filesz);
      brk_ = brk_start_ = std::max(brk_start_, (segment.p_vaddr + segment.p_memsz + kPageBytes - 1) & kPageMask);
      if (segment.p_offset == 0) headers_ = segment.p_vaddr + header.e_phoff;
    }
    header_count_ = header.e_phnum;
    cpu_.rip = entry_ = header.e_entry;
    return true;
  }

  void build_stack(const std::vector<std::string>& args) {
    constexpr std::uint64_t kTop = 0x7ffffffff000;
    memory_.map(kTop - (1 << 20), 1 << 20);
    std::uint64_t at = kTop - 64;
    const auto push_text = [&](const std::string& text) {
      at -= text.size() + 1;
      memory_.copy_in(at, text.c_str(), text.size() + 1);
      return at;
    };
    std::vector<std::uint64_t> words{args.size()};
    for (const std::string& arg : args) words.push_back(push_text(arg));
    words.push_back(0);
    words.push_back(push_text("PATH=/bin"));
    words.push_back(0);
    const std::uint64_t random = push_text("0123456789abcdef");
    const std::uint64_t auxv[][2] = {{AT_PHDR, headers_},
                                     {AT_PHENT, sizeof(Elf64_Phdr)},
                                     {AT_PHNUM, header_count_},
                                     {AT_PAGESZ, 4096},
                                     {AT_ENTRY, entry_},
                                     {AT_UID, 0},
                                     {AT_EUID, 0},
                                     {AT_GID, 0},
                                     {AT_EGID, 0},
                                     {AT_SECURE, 0},
                                     {AT_RANDOM, random},
                                     {AT_CLKTCK, 100},
                                     {AT_NULL, 0}};
    for (const auto& pair : auxv) words.insert(words.end(), pair, pair + 2);
    at = (at - words.size() * 8) & ~std::uint64_t{15};
    memory_.copy_in(at, words.data(), words.size() * 8);
    cpu_.gpr[rsp] = at;
  }

  int run() {
    for (;;) {
      const Stop stop = interpreter_.run(cpu_, memory_, 1'000'000, retired_);
      if (stop.reason == Stop::Reason::budget) continue;
      if (stop.reason != Stop::Reason::syscall) return report(stop);
      const std::uint64_t number = cpu_.gpr[rax];
      if (number == guest_exit_group || number == guest_exit) return static_cast<int>(cpu_.gpr[rdi] & 0xff);
      cpu_.gpr[rax] = static_cast<std::uint64_t>(call(number));
    }
  }
  std::uint64_t retired() const { return retired_; }

 private:
  int report(const Stop& stop) {
    std::fprintf(stderr, "guest_runner: stopped, reason %d at %llx, address %llx; bytes", static_cast<int>(stop.reason),
                 static_cast<unsigned long long>(cpu_.rip), static_cast<unsigned long long>(stop.address));
    for (unsigned i = 0; i < stop.length; ++i) std::fprintf(stderr, " %02x", stop.bytes[i]);
    std::fprintf(stderr, "\n");
    return 139;
  }

  std::int64_t call(std::uint64_t number) {
    const std::uint64_t a = cpu_.gpr[rdi], b = cpu_.gpr[rsi], c = cpu_.gpr[rdx];
    switch (number) {
      case guest_read:
        return read_some(static_cast<int>(a), b, c);
      case guest_write:
        return write_some(static_cast<int>(a), b, c);
      case guest_openat:
        return host(openat(static_cast<int>(a), memory_.text(b).c_str(), static_cast<int>(c), 0644));
      case guest_close:
        return host(close(static_cast<int>(a)));
      case guest_dup2:
        return host(dup2(static_cast<int>(a), static_cast<int>(b)));
      case guest_lseek:
        return host(lseek(static_cast<int>(a), static_cast<off_t>(b), static_cast<int>(c)));
      case guest_fstat:
        return stat_of(fstat(static_cast<int>(a), &stat_), b);
      case guest_newfstatat: {
        const std::string path = memory_.text(b);
        return stat_of(fstatat(static_cast<int>(a), path.c_str(), &stat_, static_cast<int>(cpu_.gpr[r10])), c);
      }
      case guest_brk:
        return set_brk(a);
      case guest_mmap:
        return map_anonymous(a, b);
      case guest_munmap:
        memory_.unmap(a, (b + kPageBytes - 1) & kPageMask);
        return 0;
      case guest_arch_prctl:
        if (a == 0x1002) cpu_.fs_base = b;
        return 0;
      case guest_getrandom:
        return fill(a, b);
      case guest_uname:
        return memory_.copy_in(a, kUname.data(), kUname.size()) ? 0 : -EFAULT;
      case guest_getpid:
      case guest_set_tid_address:
        return 1;
      case guest_getppid:
      case guest_getuid:
      case guest_geteuid:
      case guest_getgid:
      case guest_getegid:
      case guest_mprotect:
      case guest_set_robust_list:
      case guest_rt_sigaction:
      case guest_rt_sigprocmask:
      case guest_prctl:
      case guest_fadvise64:
      case guest_madvise:
        return 0;
      case guest_ioctl:
        return -ENOTTY;
      case guest_fcntl:
        return 0;
      default:
        return -ENOSYS;
    }
  }

  static std::int64_t host(std::int64_t result) { return result < 0 ? -errno : result; }
  std::int64_t read_some(int fd, std::uint64_t address, std::uint64_t size) {
    std::vector<char> buffer(std::min<std::uint64_t>(size, 1 << 20));
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n > 0 && !memory_.copy_in(address, buffer.data(), static_cast<std::size_t>(n))) return -EFAULT;
    return host(n);
  }
  std::int64_t write_some(int fd, std::uint64_t address, std::uint64_t size) {
    std::vector<char> buffer(std::min<std::uint64_t>(size, 1 << 20));
    if (!memory_.copy_out(address, buffer.data(), buffer.size())) return -EFAULT;
    return host(write(fd, buffer.data(), buffer.size()));
  }
  std::int64_t stat_of(int result, std::uint64_t address) {
    if (result != 0) return -errno;
    const std::uint64_t words[18] = {
        stat_.st_dev, stat_.st_ino, 1, stat_.st_mode, 0, 0, static_cast<std::uint64_t>(stat_.st_size), 4096};
    return memory_.copy_in(address, words, sizeof words) ? 0 : -EFAULT;
  }
  std::int64_t set_brk(std::uint64_t wanted) {
    if (wanted < brk_start_) return static_cast<std::int64_t>(brk_);
    if (wanted > brk_) memory_.map((brk_ + kPageBytes - 1) & kPageMask, wanted - ((brk_ + kPageBytes - 1) & kPageMask));
    brk_ = wanted;
    return static_cast<std::int64_t>(brk_);
  }
  std::int64_t map_anonymous(std::uint64_t wanted, std::uint64_t size) {
    if (!(cpu_.gpr[r10] & 0x20)) return -ENOSYS;
    size = (size + kPageBytes - 1) & kPageMask;
    if (!(cpu_.gpr[r10] & 0x10)) wanted = mmap_next_ -= size;
    memory_.map(wanted, size);
    return static_cast<std::int64_t>(wanted);
  }
  std::int64_t fill(std::uint64_t address, std::uint64_t size) {
    const std::string bytes(size, 'r');
    return memory_.copy_in(address, bytes.data(), size) ? static_cast<std::int64_t>(size) : -EFAULT;
  }

  const std::string kUname = std::string("Linux") + std::string(60, '\0') + "guest" + std::string(60, '\0') + "6.1.0" +
                             std::string(60, '\0') + "#1" + std::string(63, '\0') + "x86_64" + std::string(59, '\0') +
                             std::string(65, '\0');
  Memory memory_;
  Cpu cpu_;
  Interpreter interpreter_;
  std::uint64_t retired_ = 0;
  std::uint64_t brk_ = 0, brk_start_ = 0, headers_ = 0, header_count_ = 0, entry_ = 0;
  std::uint64_t mmap_next_ = 0x7f0000000000;
  struct stat stat_ {};
};

}  // namespace

int main(int argc, char** argv) {
  const bool stats = argc > 1 && std::string(argv[1]) == "--stats";
  if (stats) {
    --argc;
    ++argv;
  }
  if (argc < 2) return 2;
  auto guest = std::make_unique<Guest>();
  if (!guest->load(argv[1])) {
    std::fprintf(stderr, "guest_runner: %s: no ELF file\n", argv[1]);
    return 2;
  }
  guest->build_stack(std::vector<std::string>(argv + 1, argv + argc));
  const int status = guest->run();
  if (stats) {
    std::fprintf(stderr, "guest_runner: %llu instructions\n", static_cast<unsigned long long>(guest->retired()));
  }
  return status;
}
