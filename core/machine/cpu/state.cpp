// The slow paths of memory accesses, and leaving a chain of handlers.

#include "machine/cpu/state.h"

#include <algorithm>

namespace drydock::machine {
namespace {

bool is_canonical(std::uint64_t address) {
  const auto top = static_cast<std::int64_t>(address) >> 47;
  return top == 0 || top == -1;
}

std::uint8_t* fault(State& s, std::uint64_t address, Access access) {
  s.stop = Stop{};
  s.stop.reason = is_canonical(address) ? Stop::Reason::page_fault : Stop::Reason::general_protection;
  s.stop.address = address;
  s.stop.access = access;
  return nullptr;
}

std::uint8_t* read_in_page(State& s, std::uint64_t address) {
  if (std::uint8_t* at = s.tlb.read(address, 1)) return at;
  if (!is_canonical(address)) return fault(s, address, Access::read);
  const PageView view = s.source->page(address & kPageMask, Access::read);
  if (view.data == nullptr) return fault(s, address, Access::read);
  s.tlb.insert(address & kPageMask, view.data, false);
  return view.data + (address & ~kPageMask);
}

std::uint8_t* write_in_page(State& s, std::uint64_t address) {
  if (std::uint8_t* at = s.tlb.write(address, 1)) return at;
  if (!is_canonical(address)) return fault(s, address, Access::write);
  const std::uint64_t page = address & kPageMask;
  const PageView view = s.source->page(page, Access::write);
  if (view.data == nullptr) return fault(s, address, Access::write);
  s.tlb.insert(page, view.data, view.write_fast);
  // There may be code in the frame, here or at another address, and this block may be made of it: look again.
  if (!view.write_fast || s.exec_tlb.entry_of(page).tag == s.exec_tlb.tag_of(page)) {
    s.flush_code_translations();
    s.code_written = true;
  }
  return view.data + (address & ~kPageMask);
}

const Op* finish_hooked(State& s, const Op* op) {
  s.hooked->handler = s.hooked_handler;
  s.hooked = nullptr;
  finish_write(s);
  if (s.code_written) {
    s.code_written = false;
    s.budget += s.block->count - op->number;  // `op` has not been executed
    return leave_to(s, s.block->rip + op->start);
  }
  RETURN_CALL(s.hooked_handler);
}

}  // namespace

std::uint8_t* read_slowly(State& s, std::uint64_t address, unsigned bytes) {
  std::uint8_t* first = read_in_page(s, address);
  const auto in_first = static_cast<unsigned>(kPageBytes - (address & ~kPageMask));
  if (first == nullptr || bytes <= in_first) return first;
  // The first pointer may be outdated if both pages share a TLB entry, but the memory behind it stays.
  std::memcpy(s.straddle_read.data(), first, in_first);
  const std::uint8_t* second = read_in_page(s, address + in_first);
  if (second == nullptr) return nullptr;
  std::memcpy(s.straddle_read.data() + in_first, second, bytes - in_first);
  return s.straddle_read.data();
}

std::uint8_t* open_write(State& s, std::uint64_t address, unsigned bytes) {
  const auto in_first = static_cast<unsigned>(kPageBytes - (address & ~kPageMask));
  std::uint8_t* first = write_in_page(s, address);
  if (first == nullptr || bytes <= in_first) return first;
  std::uint8_t* second = write_in_page(s, address + in_first);
  if (second == nullptr) {
    s.code_written = false;
    return nullptr;
  }
  std::memcpy(s.straddle.data(), first, in_first);
  std::memcpy(s.straddle.data() + in_first, second, bytes - in_first);
  s.straddle_first = first;
  s.straddle_second = second;
  s.straddle_first_bytes = in_first;
  s.straddle_bytes = bytes;
  return s.straddle.data();
}

void finish_write(State& s) {
  if (s.straddle_first == nullptr) return;
  std::memcpy(s.straddle_first, s.straddle.data(), s.straddle_first_bytes);
  std::memcpy(s.straddle_second, s.straddle.data() + s.straddle_first_bytes, s.straddle_bytes - s.straddle_first_bytes);
  s.straddle_first = nullptr;
}

std::uint8_t* write_slowly(State& s, const Op* op, std::uint64_t address, unsigned bytes) {
  std::uint8_t* at = open_write(s, address, bytes);
  if (at != nullptr && (s.code_written || s.straddle_first != nullptr)) {
    s.hooked = const_cast<Op*>(op + 1);
    s.hooked_handler = s.hooked->handler;
    s.hooked->handler = finish_hooked;
  }
  return at;
}

const Op* leave(State& s, const Op* op) {
  s.cpu.rip = s.block->rip + op->start;
  s.budget += s.block->count - op->number;
  s.leaving = Leave::stop;
  return nullptr;
}

const Op* leave_for(State& s, const Op* op, Stop::Reason reason) {
  s.stop = Stop{};
  s.stop.reason = reason;
  return leave(s, op);
}

const Op* leave_after(State& s, const Op* op, Stop::Reason reason) {
  s.stop = Stop{};
  s.stop.reason = reason;
  s.cpu.rip = s.block->rip + op->start + op->length;
  s.budget += s.block->count - op->number - 1;
  s.leaving = Leave::stop;
  return nullptr;
}

const Op* leave_to(State& s, std::uint64_t rip) {
  s.cpu.rip = rip;
  s.leaving = Leave::branch;
  s.link_from = nullptr;
  return nullptr;
}

const Op* leave_to_link(State& s, const Op* op) {
  s.cpu.rip = op->imm;
  s.leaving = Leave::branch;
  s.link_from = op;
  return nullptr;
}

const Op* jump_slowly(State& s, const Op*) {
  const std::uint64_t rip = s.cpu.rip;
  const Block* found = s.recent[recent_slot(rip)];
  if (found->rip != rip || !s.exec_tlb.has(rip, found->key)) return leave_to(s, rip);
  found->stamp = s.exec_tlb.stamp;
  ENTER(found);
}

std::uint64_t retired_before(const State& s, const Op* op) {
  return static_cast<std::uint64_t>(s.budget_at_start - (s.budget + s.block->count - op->number));
}

}  // namespace drydock::machine
