// mmap(2), mprotect(2), mremap(2), brk(2), madvise(2).
#include <setjmp.h>

#include "guest.h"

static sigjmp_buf back;
static volatile int fault_signal, fault_code;
static void on_fault(int signal, siginfo_t* info, void* context) {
  (void)context;
  fault_signal = signal;
  fault_code = info->si_code;
  siglongjmp(back, 1);
}
static void catch_faults(void) {
  struct sigaction action = {0};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
}
// "ok" or "signal 11 code 1".
static const char* touch(volatile char* at, int write) {
  static char text[32];
  if (sigsetjmp(back, 1) != 0) {
    snprintf(text, sizeof text, "signal %d code %d", fault_signal, fault_code);
    return text;
  }
  if (write)
    *at = 1;
  else
    (void)*at;
  return "ok";
}
static char* pages(int count, int protection, int flags) {
  return mmap(0, count * 4096, protection, flags | MAP_ANONYMOUS, -1, 0);
}

GUEST(protections_and_their_faults) {
  catch_faults();
  char* at = pages(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  mprotect(at + 4096, 4096, PROT_READ);
  mprotect(at + 8192, 4096, PROT_NONE);
  munmap(at + 12288, 4096);
  for (int page = 0; page < 4; ++page) {
    SAY("page %d read %s\n", page, touch(at + page * 4096, 0));
    SAY("page %d write %s\n", page, touch(at + page * 4096, 1));
  }
  SAY("null %s\n", touch(0, 0));
  SAY("kernel %s\n", touch((char*)0xffff800000000000, 0));
  SAY("not canonical %s\n", touch((char*)0x8000000000000000, 0));
}

GUEST(code_that_may_not_be_executed) {
  catch_faults();
  unsigned char* at = (unsigned char*)pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  at[0] = 0xc3;  // ret
  if (sigsetjmp(back, 1) == 0) {
    ((void (*)(void))at)();
    SAY("executed\n");
  } else {
    SAY("signal %d code %d\n", fault_signal, fault_code);
  }
  SHOW(mprotect(at, 4096, PROT_READ | PROT_EXEC));
  ((void (*)(void))at)();
  SAY("executed\n");
}

GUEST(code_that_is_rewritten) {
  unsigned char* at = (unsigned char*)pages(1, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
  for (int value = 1; value < 5; ++value) {
    unsigned char code[] = {0xb8, (unsigned char)value, 0, 0, 0, 0xc3};  // mov eax, value; ret
    memcpy(at, code, sizeof code);
    SAY("%d\n", ((int (*)(void))at)());
  }
  int status = guest_child(({
    int child(void) {
      return 0;
    }
    child;
  }));
  SAY("%s, then %d\n", guest_status(status), ((int (*)(void))at)());
}

GUEST(mmap_refuses) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  int reader = open("file", O_RDONLY);
  int writer = open("file", O_WRONLY);
  SHOW(mmap(0, 0, PROT_READ, MAP_PRIVATE, fd, 0));
  SHOW(mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 123));
  SHOW(mmap(0, 4096, PROT_READ, 0, fd, 0));
  SHOW(mmap(0, 4096, PROT_READ, MAP_PRIVATE, 99, 0));
  SHOW(mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
  SHOW(mmap(0, 4096, PROT_READ, MAP_PRIVATE, writer, 0));
  SHOW(mmap((void*)123, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0));
  SHOW(mmap(0, -4096UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  SHOW(mmap((void*)0x7ffffffff000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  SHOW(mmap(0, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
  SHOW(mmap(0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
  int ends[2];
  pipe(ends);
  SHOW(mmap(0, 4096, PROT_READ, MAP_PRIVATE, ends[0], 0));
  int directory = open("/tmp", O_RDONLY);
  SHOW(mmap(0, 4096, PROT_READ, MAP_PRIVATE, directory, 0));
  SHOW_OK(mmap(0, 4096, PROT_READ, MAP_SHARED, reader, 0));
  char* place = pages(1, PROT_READ, MAP_PRIVATE);
  SHOW(mmap(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}

GUEST(munmap_refuses) {
  SHOW(munmap((void*)123, 4096));
  SHOW(munmap(0, 0));
  SHOW(munmap((void*)0x7fffffffe000, 1UL << 40));
  SHOW(munmap((void*)0x10000000, 4096));
}

GUEST(mprotect_refuses) {
  char* at = pages(3, PROT_READ, MAP_PRIVATE);
  munmap(at + 4096, 4096);
  SHOW(mprotect(at + 1, 4096, PROT_READ));
  SHOW(mprotect(at, 0, PROT_READ));
  SHOW(mprotect(at, 3 * 4096, PROT_READ | PROT_WRITE));
  *at = 1;
  SAY("the page before the hole has changed\n");
  SHOW(mprotect(at, 4096, 0x1000));
  SHOW(mprotect(at, -4096UL, PROT_READ));
  int reader = open("file", O_RDONLY | O_CREAT, 0644);
  char* shared = mmap(0, 4096, PROT_READ, MAP_SHARED, reader, 0);
  SHOW(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
  char* copy = mmap(0, 4096, PROT_READ, MAP_PRIVATE, reader, 0);
  SHOW(mprotect(copy, 4096, PROT_READ | PROT_WRITE));
}

GUEST(private_pages_after_fork) {
  char* at = pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  strcpy(at, "before");
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    read(ends[0], &byte, 1);
    SAY("child sees %s and '%s'\n", at, at + 4096);
    strcpy(at, "child's");
    _exit(0);
  }
  strcpy(at, "parent's");
  strcpy(at + 4096, "new");
  write(ends[1], "x", 1);
  guest_wait("child", child);
  SAY("parent sees %s\n", at);
}

GUEST(shared_pages_after_fork) {
  char* at = pages(1, PROT_READ | PROT_WRITE, MAP_SHARED);
  strcpy(at, "before");
  pid_t child = fork();
  if (child == 0) {
    strcat(at, " and after");
    _exit(0);
  }
  guest_wait("child", child);
  SAY("%s\n", at);
}

GUEST(shared_file_mappings_see_writes) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  write(fd, "0123456789", 10);
  char* shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char* copy = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  SAY("%.10s %.10s\n", shared, copy);
  pwrite(fd, "AB", 2, 0);
  SAY("%.10s %.10s\n", shared, copy);
  shared[2] = 'C';
  copy[9] = 'z';
  pwrite(fd, "DE", 2, 3);
  SAY("%.10s %.10s\n", shared, copy);
  char text[11] = "";
  pread(fd, text, 10, 0);
  SAY("%s\n", text);
  SAY("behind the end %d %d\n", shared[10], shared[4095]);
  shared[20] = 'x';
  struct stat stat;
  fstat(fd, &stat);
  SAY("size %ld\n", (long)stat.st_size);
}

GUEST(pages_behind_the_end_of_a_file) {
  catch_faults();
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  ftruncate(fd, 5000);
  char* at = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  for (int page = 0; page < 4; ++page) SAY("page %d %s\n", page, touch(at + page * 4096, 1));
  ftruncate(fd, 100);
  SAY("after cutting: %s\n", touch(at + 4096, 0));
  ftruncate(fd, 3 * 4096);
  SAY("after growing: %s, %d\n", touch(at + 2 * 4096, 0), at[4096]);
}

GUEST(cutting_a_file_clears_the_rest_of_the_page) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  write(fd, "0123456789", 10);
  ftruncate(fd, 5);
  ftruncate(fd, 10);
  char text[11] = "";
  pread(fd, text, 10, 0);
  for (int at = 0; at < 10; ++at) SAY("%d ", text[at]);
  SAY("\n");
}

GUEST(brk_gives_zeroed_pages_again) {
  char* start = sbrk(0);
  char* at = sbrk(3 * 4096);
  memset(at, 'x', 3 * 4096);
  sbrk(-3 * 4096);
  SAY("back %d\n", sbrk(0) == start);
  at = sbrk(3 * 4096);
  int set = 0;
  // The page in which the old break lay may keep its bytes: only whole pages are new.
  char* whole = (char*)(((uintptr_t)at + 4095) & ~4095UL);
  for (int byte = 0; byte < 2 * 4096; ++byte) set += whole[byte] != 0;
  SAY("bytes set %d\n", set);
  SHOW(brk((char*)sbrk(0) + (1L << 46)));
}

GUEST(data_limit_holds_brk_and_mmap) {
  struct rlimit limit = {1 << 20, 1 << 20};
  setrlimit(RLIMIT_DATA, &limit);
  SHOW((long)sbrk(4 << 20));
  SHOW(mmap(0, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  char* readable = mmap(0, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SAY("readable %d\n", readable != MAP_FAILED);
  SHOW(mprotect(readable, 4 << 20, PROT_READ | PROT_WRITE));
}

GUEST(address_space_limit) {
  struct rlimit limit = {64 << 20, 64 << 20};
  setrlimit(RLIMIT_AS, &limit);
  SHOW(mmap(0, 100 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  char* half = mmap(0, 40 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SAY("half %d\n", half != MAP_FAILED);
  SHOW(mmap(0, 40 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(half, 40 << 20);
  SHOW_OK(mmap(0, 40 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

GUEST(mremap_moves_grows_and_shrinks) {
  char* at = pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  strcpy(at, "kept");
  char* blocker = mmap(at + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  SHOW(mremap(at, 8192, 16384, 0));
  char* moved = mremap(at, 8192, 16384, MREMAP_MAYMOVE);
  SAY("moved %d, %s, %d\n", moved != at, moved, moved[12288]);
  munmap(blocker, 4096);
  SHOW(mremap(moved, 16384, 4096, 0) == moved);
  catch_faults();
  SAY("cut %s\n", touch(moved + 4096, 0));
  SHOW(mremap(moved, 4096, 8192, 0) == moved);
  SAY("grown %s, %s\n", touch(moved + 4096, 1), moved);
  char* target = pages(4, PROT_READ, MAP_PRIVATE);
  strcpy(moved + 4096, "second");
  SHOW(mremap(moved, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
  SAY("%s %s, old %s\n", target, target + 4096, touch(moved, 0));
}

GUEST(mremap_refuses) {
  char* at = pages(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  SHOW(mremap(at + 1, 4096, 8192, MREMAP_MAYMOVE));
  SHOW(mremap(at, 4096, 0, MREMAP_MAYMOVE));
  SHOW(mremap(at, 4096, 8192, 0x80));
  SHOW(mremap(at, 4096, 4096, MREMAP_FIXED, at + 8192));
  SHOW(mremap(at, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, at + 4096));
  SHOW(mremap(at, 0, 4096, MREMAP_MAYMOVE));
  munmap(at, 4 * 4096);
  SHOW(mremap(at, 4096, 8192, MREMAP_MAYMOVE));
}

GUEST(a_second_mapping_by_mremap) {
  char* at = pages(1, PROT_READ | PROT_WRITE, MAP_SHARED);
  strcpy(at, "one");
  char* second = mremap(at, 0, 4096, MREMAP_MAYMOVE);
  SAY("%d %s\n", second != at, second);
  strcpy(second, "two");
  SAY("%s\n", at);
}

GUEST(madvise_dontneed) {
  char* at = pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  strcpy(at, "gone");
  strcpy(at + 4096, "kept");
  SHOW(madvise(at, 4096, MADV_DONTNEED));
  SAY("'%s' '%s'\n", at, at + 4096);
  guest_write_file("file", "original");
  int fd = open("file", O_RDWR);
  char* copy = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  copy[0] = 'X';
  SAY("%s\n", copy);
  SHOW(madvise(copy, 4096, MADV_DONTNEED));
  SAY("%s\n", copy);
  SHOW(madvise(at + 1, 4096, MADV_DONTNEED));
  SHOW(madvise(at, 4096, 77));
  SHOW(madvise(at, 0, MADV_DONTNEED));
  SHOW(madvise(copy, 4096, MADV_FREE));
  munmap(at + 4096, 4096);
  SHOW(madvise(at, 8192, MADV_DONTNEED));
}

GUEST(memory_that_a_child_does_not_get) {
  char* wiped = pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  char* withheld = pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  strcpy(wiped, "secret");
  SHOW(madvise(wiped, 4096, MADV_WIPEONFORK));
  SHOW(madvise(withheld, 4096, MADV_DONTFORK));
  pid_t child = fork();
  if (child == 0) {
    catch_faults();
    SAY("wiped '%s', withheld %s\n", wiped, touch(withheld, 0));
    _exit(0);
  }
  guest_wait("child", child);
  SAY("%s\n", wiped);
}

static int depth_reached;
static int __attribute__((noinline)) recurse(int depth) {
  volatile char frame[16384];
  frame[0] = (char)depth;
  depth_reached = depth;
  if (depth == 0) return 0;
  return recurse(depth - 1) + frame[0];
}
static int deep(void) {
  recurse(300);  // 4.7 MiB
  return 0;
}
static int too_deep(void) {
  recurse(1000);  // 15.6 MiB
  return 0;
}

GUEST(the_stack_grows_up_to_its_limit) {
  struct rlimit limit;
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = 8 << 20;
  setrlimit(RLIMIT_STACK, &limit);
  SAY("deep: %s\n", guest_status(guest_child(deep)));
  SAY("too deep: %s\n", guest_status(guest_child(too_deep)));
}

GUEST(a_handler_on_another_stack) {
  static stack_t stack, old;
  stack.ss_sp = malloc(65536);
  stack.ss_size = 65536;
  SHOW(sigaltstack(&stack, 0));
  static volatile uintptr_t where;
  void on_overflow(int signal) {
    char here;
    where = (uintptr_t)&here;
    (void)signal;
    SAY("on the other stack %d\n", where >= (uintptr_t)stack.ss_sp && where < (uintptr_t)stack.ss_sp + 65536);
    _exit(6);
  }
  struct sigaction action = {0};
  action.sa_handler = on_overflow;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &action, 0);
  SAY("%s\n", guest_status(guest_child(too_deep)));
  SHOW(sigaltstack(0, &old));
  SAY("flags %d\n", old.ss_flags);
  stack.ss_size = 100;
  SHOW(sigaltstack(&stack, 0));
  stack.ss_flags = 0x1234;
  SHOW(sigaltstack(&stack, 0));
}

GUEST(mincore_and_msync_refuse) {
  unsigned char vector[4];
  char* at = pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  *at = 1;
  SHOW(mincore(at, 4096, vector));
  SAY("%d\n", vector[0] & 1);
  SHOW(mincore(at + 1, 4096, vector));
  munmap(at + 4096, 4096);
  SHOW(mincore(at, 8192, vector));
  SHOW(msync(at, 4096, MS_SYNC));
  SHOW(msync(at, 4096, MS_SYNC | MS_ASYNC));
  SHOW(msync(at + 1, 4096, MS_SYNC));
  SHOW(msync(at, 8192, MS_SYNC));
  SHOW(msync(at, 4096, 0x100));
}

GUEST(locked_memory) {
  char* at = pages(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  SHOW(mlock(at, 4096));
  SHOW(madvise(at, 4096, MADV_DONTNEED));
  SHOW(munlock(at, 4096));
  struct rlimit limit = {8192, 8192};
  setrlimit(RLIMIT_MEMLOCK, &limit);
  setuid(1000);
  SHOW(mlock(at, 4096));
  SHOW(mlock(at + 4096, 3 * 4096));
  SHOW(mlockall(MCL_CURRENT));
  SHOW(mlockall(0));
  munmap(at + 8192, 8192);
  SHOW(munlock(at + 8192, 4096));
}

GUEST(mappings_are_split_and_joined) {
  char* at = mmap((void*)0x100000000, 8 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  void show(void) {
    FILE* maps = fopen("/proc/self/maps", "r");
    char line[512];
    while (fgets(line, sizeof line, maps)) {
      unsigned long start, end;
      char protection[5];
      if (sscanf(line, "%lx-%lx %4s", &start, &end, protection) == 3 && start >= 0x100000000 && end <= 0x100008000)
        SAY("  %lx-%lx %s\n", start, end, protection);
    }
    fclose(maps);
  }
  show();
  mprotect(at + 2 * 4096, 4096, PROT_NONE);
  SAY("protected\n");
  show();
  mprotect(at + 2 * 4096, 4096, PROT_READ);
  SAY("as before\n");
  show();
  munmap(at + 5 * 4096, 4096);
  SAY("a hole\n");
  show();
  mmap(at + 5 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  SAY("filled\n");
  show();
}

GUEST(system_calls_and_bad_addresses) {
  char* at = pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  munmap(at + 4096, 4096);
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  memset(at, 'a', 4096);
  SHOW(write(fd, at + 4000, 200));
  SHOW(write(fd, at + 4096, 10));
  SHOW(pread(fd, at + 4090, 100, 0));
  SHOW(pread(fd, at + 4096, 100, 0));
  SHOW(read(fd, (void*)0xffff800000000000, 0));
  SHOW(stat("file", (struct stat*)(at + 4090)));
  SHOW(open((char*)1, O_RDONLY));
  mprotect(at, 4096, PROT_READ);
  SHOW(pread(fd, at, 10, 0));
  SHOW(syscall(SYS_gettimeofday, 8, 0));
}
