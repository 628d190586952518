#pragma once
// The functions that choose handlers, one per family of instructions; the tables name them.

#include "machine/cpu/instruction.h"

namespace drydock::machine {

// integer_alu.cpp
Handler pick_alu(Decoded& d, Op& op);  // ADD OR ADC SBB AND SUB XOR CMP, all forms
Handler pick_test(Decoded& d, Op& op);
Handler pick_inc_dec(Decoded& d, Op& op);  // by ModRM.reg
Handler pick_not_neg(Decoded& d, Op& op);
Handler pick_xadd(Decoded& d, Op& op);
Handler pick_cmpxchg(Decoded& d, Op& op);
Handler pick_cmpxchg8b(Decoded& d, Op& op);
// integer_move.cpp
Handler pick_mov(Decoded& d, Op& op);
Handler pick_extend(Decoded& d, Op& op);  // MOVZX MOVSX MOVSXD
Handler pick_lea(Decoded& d, Op& op);
Handler pick_xchg(Decoded& d, Op& op);
Handler pick_push(Decoded& d, Op& op);
Handler pick_pop(Decoded& d, Op& op);
/// Two PUSHes, two POPs, or POP and RET in one handler, which uses both Ops. Null: they are not such.
Handler fused_stack(const Decoded& first, const Decoded& second);
Handler pick_cmov(Decoded& d, Op& op);
Handler pick_setcc(Decoded& d, Op& op);
Handler pick_bswap(Decoded& d, Op& op);
Handler pick_widen_accumulator(Decoded& d, Op& op);  // CBW CWDE CDQE
Handler pick_sign_to_rdx(Decoded& d, Op& op);        // CWD CDQ CQO
Handler pick_xlat(Decoded& d, Op& op);
// integer_multiply.cpp
Handler pick_mul_div(Decoded& d, Op& op);  // MUL IMUL DIV IDIV of the accumulator
Handler pick_imul(Decoded& d, Op& op);     // two and three operands
// integer_shift.cpp
Handler pick_shift(Decoded& d, Op& op);  // ROL ROR RCL RCR SHL SHR SAR
Handler pick_double_shift(Decoded& d, Op& op);
Handler pick_bit_test(Decoded& d, Op& op);  // BT BTS BTR BTC
Handler pick_bit_scan(Decoded& d, Op& op);
/// The same rotate without its flags, when what follows overwrites them. Null: there is none.
Handler without_flags(const Decoded& d);
// control.cpp
Handler pick_jcc(Decoded& d, Op& op);
Handler pick_jmp(Decoded& d, Op& op);
Handler pick_call(Decoded& d, Op& op);
Handler pick_ret(Decoded& d, Op& op);
Handler pick_loop(Decoded& d, Op& op);  // LOOPNE LOOPE LOOP JRCXZ
Handler pick_leave(Decoded& d, Op& op);
Handler pick_enter(Decoded& d, Op& op);
Condition condition_function(unsigned code, std::uint32_t flags_kind);
/// The end of a block: goes on to `imm`.
Handler end_of_block(bool same_page);
/// CMP or TEST and the Jcc after it in one handler, which uses both Ops. Null: there is none.
Handler fused_compare_and_branch(const Decoded& compare, const Decoded& branch);
// strings.cpp
Handler pick_string(Decoded& d, Op& op);
// system.cpp
Handler pick_nop(Decoded& d, Op& op);
Handler pick_clflush(Decoded& d, Op& op);
Handler pick_syscall(Decoded& d, Op& op);
Handler pick_cpuid(Decoded& d, Op& op);
Handler pick_rdtsc(Decoded& d, Op& op);
Handler pick_trap(Decoded& d, Op& op);        // INT3 INT1
Handler pick_privileged(Decoded& d, Op& op);  // what user mode gets #GP for
Handler pick_flag(Decoded& d, Op& op);        // CLC STC CMC CLD STD
Handler pick_pushf(Decoded& d, Op& op);
Handler pick_popf(Decoded& d, Op& op);
Handler pick_ahf(Decoded& d, Op& op);          // LAHF SAHF
Handler pick_fxsave(Decoded& d, Op& op);       // FXSAVE FXRSTOR LDMXCSR STMXCSR, by ModRM.reg
Handler pick_x87_control(Decoded& d, Op& op);  // FNINIT FNSTCW FLDCW FNSTSW FNCLEX FWAIT
Handler illegal_instruction();
// sse_move.cpp, sse_integer.cpp, sse_float.cpp
Handler pick_sse_move(Decoded& d, Op& op);
Handler pick_sse_integer(Decoded& d, Op& op);
Handler pick_sse_shift(Decoded& d, Op& op);
Handler pick_sse_shuffle(Decoded& d, Op& op);
Handler pick_sse_float(Decoded& d, Op& op);
Handler pick_sse_compare(Decoded& d, Op& op);
Handler pick_sse_convert(Decoded& d, Op& op);

}  // namespace drydock::machine
