// See sigreturn(2), arch_prctl(2), seccomp(2); the frame's layout is that of <sys/ucontext.h>.

#include "tests/isa/host_cpu.h"

#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace drydock::machine::isa {
namespace {

enum class Phase { idle, entering, running };

// A signal handler has nothing but globals.
struct Exchange {
  volatile Phase phase = Phase::idle;
  Cpu in;
  HostResult out;
  unsigned length = 0;
  bool single = true;
  mcontext_t saved{};
  alignas(64) std::array<std::uint8_t, 16384> saved_fp{};
  std::size_t fp_bytes = 0;
};
Exchange exchange;

constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

std::size_t fp_state_bytes(const std::uint8_t* image) {
  std::uint32_t magic = 0;
  std::uint32_t size = 0;
  std::memcpy(&magic, image + 464, 4);  // struct _fpx_sw_bytes
  std::memcpy(&size, image + 468, 4);
  return magic == 0x46505853 && size <= exchange.saved_fp.size() ? size : 512;
}

void enter(ucontext_t* context) {
  mcontext_t& machine = context->uc_mcontext;
  auto* image = reinterpret_cast<std::uint8_t*>(machine.fpregs);
  exchange.saved = machine;
  exchange.fp_bytes = fp_state_bytes(image);
  std::memcpy(exchange.saved_fp.data(), image, exchange.fp_bytes);
  const Cpu& cpu = exchange.in;
  for (int i = 0; i < 16; ++i) machine.gregs[kRegisters[i]] = static_cast<greg_t>(cpu.gpr[static_cast<unsigned>(i)]);
  machine.gregs[REG_RIP] = static_cast<greg_t>(cpu.rip);
  machine.gregs[REG_EFL] = static_cast<greg_t>(cpu.rflags() | (exchange.single ? rflag::tf : 0));
  const FxsaveImage wanted = cpu.fxsave_image();
  std::memcpy(image, wanted.data(), 28);
  std::memcpy(image + 32, wanted.data() + 32, 416 - 32);
  if (exchange.fp_bytes > 512) {
    std::uint64_t present = 0;  // XSTATE_BV: load x87 and SSE from the image
    std::memcpy(&present, image + 512, 8);
    present |= 3;
    std::memcpy(image + 512, &present, 8);
  }
  exchange.phase = Phase::running;
}

void come_back(int signal, const siginfo_t* info, ucontext_t* context) {
  mcontext_t& machine = context->uc_mcontext;
  auto* image = reinterpret_cast<std::uint8_t*>(machine.fpregs);
  HostResult& out = exchange.out;
  FxsaveImage registers;
  std::memcpy(registers.data(), image, registers.size());
  out.cpu.load_fxsave_image(registers);
  for (int i = 0; i < 16; ++i)
    out.cpu.gpr[static_cast<unsigned>(i)] = static_cast<std::uint64_t>(machine.gregs[kRegisters[i]]);
  out.cpu.rip = static_cast<std::uint64_t>(machine.gregs[REG_RIP]);
  out.cpu.set_rflags(static_cast<std::uint64_t>(machine.gregs[REG_EFL]));
  out.signal = signal;
  out.fault_address = reinterpret_cast<std::uint64_t>(info->si_addr);
  if (signal == SIGTRAP) {
    out.signal = 0;
    if (!exchange.single) --out.cpu.rip;  // after the breakpoint
  }
  auto* keep = machine.fpregs;
  machine = exchange.saved;
  machine.fpregs = keep;
  std::memcpy(image, exchange.saved_fp.data(), exchange.fp_bytes);
  exchange.phase = Phase::idle;
}

void handle(int signal, siginfo_t* info, void* context) {
  if (exchange.phase == Phase::entering) return enter(static_cast<ucontext_t*>(context));
  if (exchange.phase == Phase::running) return come_back(signal, info, static_cast<ucontext_t*>(context));
  static const char kText[] = "host_cpu: a signal of the test program itself\n";
  static_cast<void>(!write(2, kText, sizeof kText - 1));
  _exit(3);
}

void map(std::uint64_t address, std::size_t bytes, int protection) {
  void* wanted = reinterpret_cast<void*>(address);
  if (mmap(wanted, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != wanted) {
    std::perror("host_cpu: mmap");
    std::exit(3);
  }
}

void trap_system_calls_of_the_code_page() {
  constexpr std::uint32_t kIpLow = offsetof(seccomp_data, instruction_pointer);
  static const sock_filter kProgram[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kIpLow + 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kCodePage >> 32, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kIpLow),     BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0xffff, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {sizeof kProgram / sizeof kProgram[0], const_cast<sock_filter*>(kProgram)};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("host_cpu: seccomp");
    std::exit(3);
  }
}

}  // namespace

HostCpu::HostCpu() {
  map(kCodePage, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  map(kDataPage, kDataBytes, PROT_READ | PROT_WRITE);
  static std::array<std::uint8_t, 65536> stack;
  stack_t alternate{};
  alternate.ss_sp = stack.data();
  alternate.ss_size = stack.size();
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int signal : {SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS}) sigaction(signal, &action, nullptr);
  trap_system_calls_of_the_code_page();
}

HostResult HostCpu::run(const Cpu& cpu, const std::uint8_t* code, unsigned length, unsigned offset, Step step) {
  auto* page = reinterpret_cast<std::uint8_t*>(kCodePage);
  std::memset(page, 0xcc, 4096);
  std::memcpy(page + offset, code, length);
  exchange.in = cpu;
  exchange.in.rip = kCodePage + offset;
  exchange.length = length;
  exchange.single = step == Step::single;
  exchange.out = HostResult{};
  // fs is the test program's own, and stays; gs is free.
  if (syscall(SYS_arch_prctl, ARCH_SET_GS, cpu.gs_base) != 0) std::perror("host_cpu: arch_prctl");
  exchange.phase = Phase::entering;
  asm volatile("int3" ::: "memory");
  exchange.out.cpu.gs_base = cpu.gs_base;
  return exchange.out;
}

}  // namespace drydock::machine::isa
