// The loop around the blocks: finds or makes the block at rip, enters it, and looks why it came back.

#include "machine/cpu/interpreter.h"

#include <algorithm>

#include "machine/cpu/blocks.h"
#include "machine/cpu/state.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kNowhere = std::uint64_t{1} << 62;  // not canonical: never a rip that is looked for

bool is_canonical(std::uint64_t address) {
  const auto top = static_cast<std::int64_t>(address) >> 47;
  return top == 0 || top == -1;
}

void execute(State& s, const Op* op) {
#if DRYDOCK_TAIL_CALLS
  op->handler(s, op);
#else
  while (op != nullptr) op = op->handler(s, op);
#endif
}

}  // namespace

struct Interpreter::Parts {
  explicit Parts(InterpreterLimits limits) : blocks(limits.decoded_instructions) {
    s.nowhere.rip = kNowhere;
    s.recent.fill(&s.nowhere);
  }

  const Block* block_at(std::uint64_t rip, bool single);
  const Block* new_block(std::uint64_t rip, std::uint64_t key, bool single);
  bool find_code_key(std::uint64_t address, std::uint64_t& key);
  const Block* known_block(std::uint64_t rip, std::uint64_t key, bool single);
  void forget();
  void flush();
  bool enter_once();
  void fetch_illegal_bytes();

  State s;
  BlockCache blocks;
  const PageSource* last_source = nullptr;
  std::uint64_t last_epoch = 0;
};

Interpreter::Interpreter(InterpreterLimits limits) : parts_(std::make_unique<Parts>(limits)) {}
Interpreter::~Interpreter() = default;

void Interpreter::Parts::flush() {
  s.tlb.flush();
  s.flush_code_translations();
}

void Interpreter::Parts::forget() {
  blocks.clear();
  s.recent.fill(&s.nowhere);
  s.link_from = nullptr;
  s.block = nullptr;
}

void Interpreter::flush_tlb() {
  parts_->flush();
}
void Interpreter::flush_page(std::uint64_t page_address) {
  parts_->s.tlb.flush_page(page_address & kPageMask);
  parts_->s.flush_code_translations();
}
void Interpreter::forget_code() {
  parts_->forget();
}

/// False: State::stop says that `address` cannot be executed.
bool Interpreter::Parts::find_code_key(std::uint64_t address, std::uint64_t& key) {
  const std::uint64_t page = address & kPageMask;
  ExecTlb::Entry& entry = s.exec_tlb.entry_of(page);
  if (entry.tag != s.exec_tlb.tag_of(page)) {
    s.stop = Stop{};
    s.stop.address = address;
    s.stop.access = Access::execute;
    s.stop.reason = Stop::Reason::general_protection;
    if (!is_canonical(address)) return false;
    s.stop.reason = Stop::Reason::page_fault;
    const PageView view = s.source->page(page, Access::execute);
    if (view.data == nullptr) return false;
    s.source->mark_code(page);
    s.tlb.flush_writes();
    entry.tag = s.exec_tlb.tag_of(page);
    entry.key = view.code_key;
  }
  key = entry.key;
  return true;
}

const Block* Interpreter::Parts::known_block(std::uint64_t rip, std::uint64_t key, bool single) {
  const Block* block = blocks.find(rip, key, single);
  if (block == nullptr || !block->straddles) return block;
  std::uint64_t second_key = 0;
  if (!find_code_key((rip & kPageMask) + kPageBytes, second_key)) return nullptr;
  return block->second_key == second_key ? block : nullptr;
}

const Block* Interpreter::Parts::new_block(std::uint64_t rip, std::uint64_t key, bool single) {
  if (blocks.is_full()) forget();
  BlockCache::Code code;
  code.key = key;
  code.page = s.source->page(rip & kPageMask, Access::execute).data;
  if (const Block* block = blocks.build(rip, code, single)) return block;
  const std::uint64_t next = (rip & kPageMask) + kPageBytes;
  if (!find_code_key(next, code.next_key)) return nullptr;
  code.next_page = s.source->page(next, Access::execute).data;
  code.page = s.source->page(rip & kPageMask, Access::execute).data;
  return blocks.build(rip, code, single);
}

const Block* Interpreter::Parts::block_at(std::uint64_t rip, bool single) {
  std::uint64_t key = 0;
  if (!find_code_key(rip, key)) return nullptr;
  const Block* block = known_block(rip, key, single);
  if (block == nullptr) block = new_block(rip, key, single);
  if (block != nullptr && !block->straddles && !block->single) {
    block->stamp = s.exec_tlb.stamp;
    s.recent[recent_slot(rip)] = block;
  }
  return block;
}

/// Enters the block at rip. False: it, or what follows, has stopped.
bool Interpreter::Parts::enter_once() {
  const bool trap = s.cpu.other_flags & rflag::tf;
  const Block* block = block_at(s.cpu.rip, trap);
  if (block != nullptr && block->count > s.budget) block = block_at(s.cpu.rip, true);
  if (block == nullptr) return false;
  if (s.link_from != nullptr && !block->straddles && !block->single) s.link_from->link = block;
  s.link_from = nullptr;
  // With TF the budget is that of one instruction.
  const std::int64_t aside = trap ? s.budget - 1 : 0;
  s.budget_at_start -= aside;
  s.budget -= aside + block->count;
  s.block = block;
  execute(s, block->ops());
  s.budget += aside;
  s.budget_at_start += aside;
  if (s.leaving == Leave::stop) return false;
  if (!trap) return true;
  s.stop = Stop{};
  s.stop.reason = Stop::Reason::debug_trap;
  return false;
}

void Interpreter::Parts::fetch_illegal_bytes() {
  for (std::size_t i = 0; i < s.stop.bytes.size(); ++i) {
    const std::uint64_t address = s.cpu.rip + i;
    const PageView view = s.source->page(address & kPageMask, Access::execute);
    if (view.data == nullptr) return;
    s.stop.bytes[i] = view.data[address & ~kPageMask];
    s.stop.length = static_cast<std::uint8_t>(i + 1);
  }
}

Stop Interpreter::run(Cpu& cpu, PageSource& source, std::uint64_t budget, std::uint64_t& retired) {
  State& s = parts_->s;
  const std::uint64_t epoch = source.epoch();  // at the start: should it change meanwhile, the next run flushes
  if (&source != parts_->last_source || epoch != parts_->last_epoch) parts_->flush();
  s.cpu = cpu;
  s.source = &source;
  s.link_from = nullptr;
  s.budget = static_cast<std::int64_t>(std::min(budget, std::uint64_t{1} << 62));
  s.budget_at_start = s.budget;
  for (;;) {
    if (s.budget <= 0) {
      s.stop = Stop{};
      break;
    }
    if (!parts_->enter_once()) break;
  }
  s.code_written = false;
  retired += static_cast<std::uint64_t>(s.budget_at_start - s.budget);
  cpu = s.cpu;
  if (s.stop.reason == Stop::Reason::illegal_instruction) parts_->fetch_illegal_bytes();
  parts_->last_source = &source;
  parts_->last_epoch = epoch;
  return s.stop;
}

}  // namespace drydock::machine
