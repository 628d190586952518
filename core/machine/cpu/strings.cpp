// MOVS CMPS STOS LODS SCAS, with and without a repeat prefix. SDM vol. 2; vol. 1, 7.3.9.
// A repeated instruction lets go after kIterationsMax, with rip still on it, so that none can hold up the host.

#include <algorithm>

#include "machine/cpu/alu.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kIterationsMax = 4096;
constexpr std::uint64_t kIterationsPerInstruction = 64;  // how many count as one more retired

enum class Kind : std::uint8_t { movs, cmps, stos, lods, scas };
enum class End : std::uint8_t { done, again, fault };

constexpr bool compares(Kind kind) {
  return kind == Kind::cmps || kind == Kind::scas;
}

/// Where one such instruction is.
struct Progress {
  std::uint64_t source;       // rsi, without the segment's base
  std::uint64_t destination;  // rdi
  std::uint64_t segment;
  std::uint64_t mask;  // of addresses
  std::uint64_t step;  // modulo 2^64

  std::uint64_t from() const { return source + segment; }
  void advance(std::uint64_t count) {
    source = (source + step * count) & mask;
    destination = (destination + step * count) & mask;
  }
};

/// One iteration. False: it faults, and nothing of it is done.
template <class T, Kind K>
bool iterate(State& s, const Progress& at) {
  T value{};
  if constexpr (K == Kind::movs || K == Kind::cmps || K == Kind::lods) {
    const std::uint8_t* from = readable(s, at.from(), sizeof(T));
    if (from == nullptr) return false;
    value = peek<T>(from);
  } else {
    value = get_register<T>(s, gpr_offset(rax));
  }
  if constexpr (K == Kind::lods) set_register<T>(s, gpr_offset(rax), value);
  if constexpr (compares(K)) {
    const std::uint8_t* other = readable(s, at.destination, sizeof(T));
    if (other == nullptr) return false;
    alu::Cmp::run(s, value, peek<T>(other));
  }
  if constexpr (K == Kind::movs || K == Kind::stos) {
    std::uint8_t* to = open_write(s, at.destination, sizeof(T));
    if (to == nullptr) return false;
    poke<T>(to, value);
    finish_write(s);
  }
  return true;
}

std::uint64_t bytes_left_in_page(std::uint64_t address) {
  return kPageBytes - (address & ~kPageMask);
}

/// As many upward iterations of MOVS or STOS, at most `count`, as stay within their pages. 0: none, or a fault, which
/// iterate() will find again.
template <class T, Kind K>
std::uint64_t iterate_in_page(State& s, const Progress& at, std::uint64_t count) {
  std::uint64_t bytes = std::min(count * sizeof(T), bytes_left_in_page(at.destination));
  if constexpr (K == Kind::movs) {
    bytes = std::min(bytes, bytes_left_in_page(at.from()));
    if (readable(s, at.from(), 1) == nullptr) return 0;
  }
  count = bytes / sizeof(T);
  if (count == 0) return 0;
  std::uint8_t* to = open_write(s, at.destination, 1);
  if (to == nullptr) return 0;
  if constexpr (K == Kind::stos) {
    const T value = get_register<T>(s, gpr_offset(rax));
    for (std::uint64_t i = 0; i < count; ++i) poke<T>(to + i * sizeof(T), value);
  } else {
    // Asked for again: making the destination writable may have moved the source.
    const std::uint8_t* from = readable(s, at.from(), 1);
    if (to > from && to < from + bytes) {  // what has been written is read again, which repeats a pattern
      for (std::uint64_t i = 0; i < count; ++i) poke<T>(to + i * sizeof(T), peek<T>(from + i * sizeof(T)));
    } else {
      std::memmove(to, from, count * sizeof(T));
    }
  }
  return count;
}

void commit(State& s, const Progress& at, Kind kind) {
  if (kind != Kind::stos && kind != Kind::scas) s.cpu.gpr[rsi] = at.source;
  if (kind != Kind::lods) s.cpu.gpr[rdi] = at.destination;
}

/// `op.imm` is the repeat prefix.
template <class T, Kind K>
NOINLINE End work(State& s, const Op* op) {
  const std::uint64_t mask = op->scale & kAddress32 ? 0xffffffff : ~std::uint64_t{0};
  const bool down = s.cpu.other_flags & rflag::df;
  Progress at{s.cpu.gpr[rsi] & mask, s.cpu.gpr[rdi] & mask, get_register<std::uint64_t>(s, op->segment), mask,
              down ? 0 - std::uint64_t{sizeof(T)} : sizeof(T)};
  const bool repeated = op->imm != 0;
  const std::uint64_t count = repeated ? s.cpu.gpr[rcx] & mask : 1;
  if (count == 0) return End::done;
  const std::uint64_t most = std::min(count, kIterationsMax);
  std::uint64_t done = 0;
  bool stopped = false;
  bool faulted = false;
  while (done < most && !stopped && !faulted) {
    std::uint64_t bulk = 0;
    if constexpr (K == Kind::movs || K == Kind::stos)
      if (!down && most - done > 1) bulk = iterate_in_page<T, K>(s, at, most - done);
    if (bulk == 0) {
      faulted = !iterate<T, K>(s, at);
      bulk = faulted ? 0 : 1;
    }
    at.advance(bulk);
    done += bulk;
    if constexpr (compares(K)) {
      const bool equal = !faulted && s.cpu.lazy_flags.a == s.cpu.lazy_flags.b;
      stopped = repeated && equal != (op->imm == 0xf3);
    }
  }
  if (done > 0) {
    commit(s, at, K);
    if (repeated) s.cpu.gpr[rcx] = count - done;
    s.budget -= static_cast<std::int64_t>(done / kIterationsPerInstruction);
  }
  if (faulted) return End::fault;
  return stopped || done == count ? End::done : End::again;
}

template <class T, Kind K>
const Op* string_operation(State& s, const Op* op) {
  const End end = work<T, K>(s, op);
  if (end == End::fault) return leave(s, op);
  const std::uint64_t rip = s.block->rip + op->start;
  if (end == End::again || s.code_written) {
    s.code_written = false;
    s.budget += s.block->count - op->number - 1;
    return leave_to(s, end == End::again ? rip : rip + op->length);
  }
  NEXT();
}

}  // namespace

Handler pick_string(Decoded& d, Op& op) {
  op.imm = d.repeat;
  return by_size(d.size, [&]<class T>() -> Handler {
    switch (d.opcode & 0xfe) {
      case 0xa4:
        return string_operation<T, Kind::movs>;
      case 0xa6:
        return string_operation<T, Kind::cmps>;
      case 0xaa:
        return string_operation<T, Kind::stos>;
      case 0xac:
        return string_operation<T, Kind::lods>;
      default:
        return string_operation<T, Kind::scas>;
    }
  });
}

}  // namespace drydock::machine
