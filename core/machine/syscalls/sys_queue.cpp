// POSIX message queues: mq_overview(7).

#include <array>

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> queue_calls() {
  static constexpr std::array<SyscallRow, 6> kRows{{
      {240,
       "mq_open",
       nullptr,
       {Arg::string, Arg::open_flags, Arg::octal_mode, Arg::address},
       "mq_open(2)",
       Support::none,
       ""},
      {241, "mq_unlink", nullptr, {Arg::string}, "mq_unlink(2)", Support::none, ""},
      {242,
       "mq_timedsend",
       nullptr,
       {Arg::fd, Arg::buffer_in, Arg::size, Arg::u32, Arg::timespec},
       "mq_timedsend(2)",
       Support::none,
       ""},
      {243,
       "mq_timedreceive",
       nullptr,
       {Arg::fd, Arg::buffer_out, Arg::size, Arg::address, Arg::timespec},
       "mq_timedreceive(2)",
       Support::none,
       ""},
      {244, "mq_notify", nullptr, {Arg::fd, Arg::address}, "mq_notify(2)", Support::none, ""},
      {245, "mq_getsetattr", nullptr, {Arg::fd, Arg::address, Arg::address}, "mq_getsetattr(2)", Support::none, ""},
  }};
  return kRows;
}

}  // namespace drydock::machine
