// System calls of hosted tasks.

#include "machine/syscalls/inject.h"

#include <algorithm>
#include <cstring>

#include "machine/mm/kernel_pages.h"
#include "machine/syscalls/table.h"

namespace drydock::machine {

class Injection {
 public:
  Injection(Kernel& kernel, TaskId task) : kernel_(kernel), task_(task) {}

  /// The registers' values, and the scratch memory's image.
  Result<void, Errno> lay_out(std::initializer_list<HostArgument> arguments) {
    std::size_t index = 0;
    for (const HostArgument& argument : arguments) {
      registers_[index++] = place(argument);
      if (image_.size() > kScratchBytesMax) return Errno::e2big;
    }
    return {};
  }
  Result<void, Errno> fill_scratch();
  Outcome carry_out(std::int64_t number);
  void take_back();

 private:
  struct Room {
    std::uint64_t address;
    std::span<char> out;
  };
  std::uint64_t reserve(std::size_t bytes) {
    image_.resize((image_.size() + 15) / 16 * 16);
    const std::uint64_t address = kScratchStart + image_.size();
    image_.resize(image_.size() + bytes);
    return address;
  }
  std::uint64_t put(std::string_view bytes, std::size_t more = 0) {
    const std::uint64_t address = reserve(bytes.size() + more);
    std::copy(bytes.begin(), bytes.end(), image_.begin() + static_cast<std::ptrdiff_t>(address - kScratchStart));
    return address;
  }
  std::uint64_t place(const HostArgument& argument);
  std::uint64_t place_list(const std::vector<std::string>& strings);
  AddressSpace& memory();

  Kernel& kernel_;
  TaskId task_;
  std::array<std::uint64_t, 6> registers_{};
  std::string image_;
  std::vector<Room> rooms_;
};

std::uint64_t Injection::place(const HostArgument& argument) {
  using Kind = HostArgument::Kind;
  switch (argument.kind_) {
    case Kind::value:
      return argument.value_;
    case Kind::text:
      return put(argument.in_, 1);
    case Kind::bytes:
      return argument.in_.empty() ? kScratchStart : put(argument.in_);
    case Kind::list:
      return place_list(*argument.strings_);
    case Kind::pointing: {
      const std::uint64_t target = put(argument.target_);
      std::string head(argument.in_);
      const std::string pointer = StructWriter().u64(target).bytes();
      DD_ASSERT(argument.value_ + pointer.size() <= head.size());
      head.replace(argument.value_, pointer.size(), pointer);
      return put(head);
    }
    case Kind::room: {
      const std::uint64_t address = argument.in_.empty() ? reserve(argument.out_.size()) : put(argument.in_);
      rooms_.push_back({address, argument.out_});
      return address;
    }
  }
  return 0;
}

std::uint64_t Injection::place_list(const std::vector<std::string>& strings) {
  StructWriter pointers;
  for (const std::string& text : strings) pointers.u64(put(text, 1));
  pointers.u64(0);
  return put(pointers.bytes());
}

AddressSpace& Injection::memory() {
  Task& task = kernel_.tasks[task_];
  if (!task.memory) task.memory = kernel_.memories.insert(std::make_unique<AddressSpace>());
  return kernel_.memories[task.memory];
}

Result<void, Errno> Injection::fill_scratch() {
  if (image_.empty()) return {};
  AddressSpace& space = memory();
  const std::uint64_t end = (kScratchStart + image_.size() + kPageBytes - 1) & kPageMask;
  const Mapping* present = space.mapping_at(kScratchStart);
  if (present == nullptr || present->end < end) {
    Mapping scratch;
    scratch.start = kScratchStart;
    scratch.end = end;
    scratch.protection = kProtRead | kProtWrite;
    FileReferences dropped;
    space.map(std::move(scratch), &dropped);
  }
  KernelPages pages(kernel_, task_);
  return space.write(pages, kScratchStart, image_) == image_.size() ? Result<void, Errno>() : Errno::enomem;
}

Outcome Injection::carry_out(std::int64_t number) {
  Task& task = kernel_.tasks[task_];
  task.call_number = number;
  task.call_arguments = registers_;
  task.restart = RestartState{};
  const Outcome outcome = dispatch(kernel_, task_);
  if (Task* after = kernel_.tasks.find(task_); after != nullptr) {
    after->call_number = -1;
    after->restart = RestartState{};
  }
  if (!outcome.blocked()) return outcome;
  return outcome.wait().partial ? Outcome(*outcome.wait().partial) : Outcome(Errno::eagain);
}

void Injection::take_back() {
  const Task* task = kernel_.tasks.find(task_);
  AddressSpace* space = task != nullptr ? kernel_.memories.find(task->memory) : nullptr;
  if (space == nullptr) return;
  KernelPages pages(kernel_, task_);
  for (const Room& room : rooms_) static_cast<void>(space->read(pages, room.address, room.out));
}

Outcome inject(Kernel& kernel, TaskId task, std::int64_t number, std::initializer_list<HostArgument> arguments) {
  DD_ASSERT(arguments.size() <= 6);
  const Task* hosted = kernel.tasks.find(task);
  if (hosted == nullptr || hosted->body != TaskBody::hosted || hosted->state == TaskState::zombie) return Errno::esrch;
  Injection injection(kernel, task);
  if (auto laid = injection.lay_out(arguments); !laid.ok()) return laid.error();
  if (auto filled = injection.fill_scratch(); !filled.ok()) return filled.error();
  Outcome outcome = injection.carry_out(number);
  if (outcome.ok()) injection.take_back();
  return outcome;
}

}  // namespace drydock::machine
