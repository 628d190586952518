// What is compared: general and xmm registers, flags, rip, memory, and the signal.

#include "tests/isa/comparison.h"

#include <csignal>
#include <cstdio>
#include <cstring>

#include "machine/cpu/handlers.h"

namespace drydock::machine::isa {
namespace {

using enum Stop::Reason;

std::string hex(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
  return text;
}

int signal_of(const Stop& stop) {
  switch (stop.reason) {
    case page_fault:
    case general_protection:
      return SIGSEGV;
    case illegal_instruction:
      return SIGILL;
    case divide_error:
      return SIGFPE;
    case syscall:
      return SIGSYS;
    default:
      return 0;
  }
}

void add(std::string& differences, const std::string& what, std::uint64_t host, std::uint64_t ours) {
  if (host != ours) differences += "  " + what + ": host " + hex(host) + ", here " + hex(ours) + "\n";
}

std::string compare_cpu(const Cpu& host, const Cpu& ours, std::uint64_t undefined) {
  static const char* const kNames[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  std::string differences;
  for (unsigned i = 0; i < 16; ++i) add(differences, kNames[i], host.gpr[i], ours.gpr[i]);
  for (unsigned i = 0; i < 16; ++i) {
    add(differences, "xmm" + std::to_string(i) + " low", host.xmm[i].low, ours.xmm[i].low);
    add(differences, "xmm" + std::to_string(i) + " high", host.xmm[i].high, ours.xmm[i].high);
  }
  // The host's RF and TF are those of the single step.
  const std::uint64_t ignored = undefined | rflag::tf | rflag::rf | rflag::ac | rflag::id;
  add(differences, "rflags", host.rflags() & ~ignored, ours.rflags() & ~ignored);
  add(differences, "rip", host.rip, ours.rip);
  return differences;
}

Decoded decoded_of(const Case& test) {
  Decoded d;
  std::array<std::uint8_t, 15> bytes{};
  std::memcpy(bytes.data(), test.code.data(), std::min(test.code.size(), bytes.size()));
  if (decode(bytes.data(), bytes.size(), kCodePage + test.offset, d) != DecodeError::none) d.row = nullptr;
  return d;
}

bool is_named(const Decoded& d, const char* name) {
  return std::strcmp(d.row->name, name) == 0;
}

unsigned masked_count(const Decoded& d, const Cpu& before) {
  const std::uint64_t count = d.row->args[1] == Arg::CL || d.row->args[2] == Arg::CL ? before.gpr[rcx] : d.imm;
  return static_cast<unsigned>(count) & (d.size == 3 ? 63 : 31);
}

}  // namespace

std::uint64_t undefined_flags(const Decoded& d, const Cpu& before) {
  using namespace rflag;
  if (d.row == nullptr) return 0;
  const Pick pick = d.row->pick;
  const unsigned bits = 8U << d.size;
  if (pick == pick_test || is_named(d, "and") || is_named(d, "or") || is_named(d, "xor")) return af;
  if (pick == pick_imul || is_named(d, "mul") || is_named(d, "imul")) return sf | zf | af | pf;
  if (is_named(d, "div") || is_named(d, "idiv")) return arithmetic;
  if (pick == pick_bit_scan) return cf | of | sf | af | pf;
  if (pick == pick_bit_test) return of | sf | af | pf;
  if (pick == pick_shift) {
    const unsigned count = masked_count(d, before);
    if (count == 0) return 0;
    const std::uint64_t overflow = count == 1 ? 0 : of;
    if ((d.reg & 7) < 4) return overflow;
    return overflow | af | (count >= bits && (d.reg & 7) != 7 ? cf : 0);
  }
  if (pick == pick_double_shift) {
    const unsigned count = masked_count(d, before);
    if (count == 0) return 0;
    return count > bits ? arithmetic : af | (count == 1 ? 0 : of);
  }
  return 0;
}

bool result_is_undefined(const Decoded& d, const Cpu& before) {
  if (d.row == nullptr) return false;
  if (d.row->pick == pick_double_shift) return masked_count(d, before) > (8U << d.size);
  return d.row->pick == pick_bswap && d.size == 1;
}

bool host_differs(const Decoded& d) {
  const Pick pick = d.row->pick;
  if (pick == pick_cpuid || pick == pick_rdtsc || pick == pick_trap || pick == pick_fxsave) return true;
  if (pick == pick_bit_scan && d.repeat == 0xf3) return true;  // TZCNT, LZCNT
  if ((d.row->traits & kFixed64) && d.operand16) return true;  // AMD: 16-bit branches
  if (is_named(d, "rcpps") || is_named(d, "rcpss") || is_named(d, "rsqrtps") || is_named(d, "rsqrtss")) return true;
  // AMD: a repeat prefix decides which ZF a conditional LOOP waits for.
  if (pick == pick_loop && d.repeat != 0) return true;
  if (is_named(d, "fninit") && (d.rm & 7) > 4) return true;  // left to the processor
  if (is_named(d, "int") || is_named(d, "sysret")) return true;
  if (is_named(d, "movsxd") && d.operand16) return true;  // AMD: reads 16 bits
  return false;
}

std::string describe(const Case& test) {
  std::string text = "code";
  char byte[8];
  for (std::uint8_t b : test.code) {
    std::snprintf(byte, sizeof byte, " %02x", b);
    text += byte;
  }
  const Decoded d = decoded_of(test);
  text += std::string("  (") + (d.row == nullptr ? "illegal" : d.row->name) + ")\n  before:";
  for (unsigned i = 0; i < 16; ++i) text += " " + hex(test.cpu.gpr[i]);
  text += "\n  rflags " + hex(test.cpu.rflags());
  if (d.row != nullptr && d.row->map == 1) {
    for (unsigned i : {unsigned{d.reg}, unsigned{d.rm}})
      text += " xmm" + std::to_string(i) + " " + hex(test.cpu.xmm[i & 15].high) + ":" + hex(test.cpu.xmm[i & 15].low);
  }
  return text + "\n";
}

Comparison::Comparison() : interpreter_(InterpreterLimits{4096}) {
  memory_.map(kCodePage, PagedMemory::readable | PagedMemory::writable | PagedMemory::executable);
  for (std::uint64_t page = 0; page < kDataBytes; page += 4096)
    memory_.map(kDataPage + page, PagedMemory::readable | PagedMemory::writable | PagedMemory::executable);
}

Stop Comparison::run_interpreted(const Case& test, Cpu& cpu) {
  memory_.bytes_of(kCodePage).fill(0xcc);
  memory_.poke(kCodePage + test.offset, test.code.data(), test.code.size());
  for (std::uint64_t page = 0; page < kDataBytes; page += 4096)
    std::memcpy(memory_.bytes_of(kDataPage + page).data(), test.data.data() + page, 4096);
  cpu = test.cpu;
  cpu.rip = kCodePage + test.offset;
  std::uint64_t retired = 0;
  Stop stop = interpreter_.run(cpu, memory_, 1, retired);
  // A repeated string instruction may need more than one.
  for (int i = 0; test.step == Step::to_end && stop.reason == budget && i < 1000; ++i) {
    if (cpu.rip != kCodePage + test.offset) break;
    stop = interpreter_.run(cpu, memory_, 1, retired);
  }
  return stop;
}

std::string Comparison::run(const Case& test) {
  // Where the SDM leaves the result open the interpreter does as AMD's processors.
  if (result_is_undefined(decoded_of(test), test.cpu) && !__builtin_cpu_is("amd")) return {};
  std::memcpy(host_.data(), test.data.data(), test.data.size());
  const HostResult host =
      host_.run(test.cpu, test.code.data(), static_cast<unsigned>(test.code.size()), test.offset, test.step);
  Cpu cpu;
  const Stop stop = run_interpreted(test, cpu);
  // The kernel has SIGBUS for #SS.
  const int host_signal = host.signal == SIGBUS ? SIGSEGV : host.signal;
  std::string differences;
  add(differences, "signal", static_cast<std::uint64_t>(host_signal), static_cast<std::uint64_t>(signal_of(stop)));
  if (stop.reason == page_fault && host_signal == SIGSEGV)
    add(differences, "fault address", host.fault_address, stop.address);
  if (differences.empty() && stop.reason != syscall)
    differences += compare_cpu(host.cpu, cpu, undefined_flags(decoded_of(test), test.cpu));
  for (std::uint64_t page = 0; page < kDataBytes; page += 4096) {
    const auto& ours = memory_.bytes_of(kDataPage + page);
    if (std::memcmp(ours.data(), host_.data() + page, 4096) == 0) continue;
    for (unsigned i = 0; i < 4096; ++i)
      if (ours[i] != host_.data()[page + i])
        add(differences, "byte " + hex(kDataPage + page + i), host_.data()[page + i], ours[i]);
  }
  return differences;
}

}  // namespace drydock::machine::isa
