// read(2), write(2), lseek(2), truncate(2), fallocate(2), O_APPEND, limits, ETXTBSY.
#include "guest.h"

#include <sys/sendfile.h>
#include <sys/statfs.h>

GUEST(appending_processes_do_not_overwrite_each_other) {
  int fd = open("log", O_CREAT | O_RDWR | O_APPEND, 0644);
  pid_t children[4];
  for (int child = 0; child < 4; ++child) {
    children[child] = fork();
    if (children[child] == 0) {
      int own = child < 2 ? fd : open("log", O_WRONLY | O_APPEND);
      for (int at = 0; at < 50; ++at) {
        char line[16];
        int length = snprintf(line, sizeof line, "%d:%02d\n", child, at);
        if (write(own, line, (size_t)length) != length) _exit(1);
      }
      _exit(0);
    }
  }
  for (int child = 0; child < 4; ++child) guest_wait("child", children[child]);
  SHOW(lseek(fd, 0, SEEK_END));
  static char text[2000];
  SHOW(pread(fd, text, sizeof text, 0));
  int good = 0;
  for (char* line = strtok(text, "\n"); line; line = strtok(0, "\n")) good += strlen(line) == 4;
  SAY("whole lines %d\n", good);
}

GUEST(a_position_is_shared_over_fork_and_dup) {
  guest_write_file("f", "0123456789");
  int fd = open("f", O_RDONLY), copy = dup(fd), other = open("f", O_RDONLY);
  char byte[4] = "";
  read(fd, byte, 3);
  SHOW(lseek(copy, 0, SEEK_CUR));
  SHOW(lseek(other, 0, SEEK_CUR));
  pid_t child = fork();
  if (child == 0) _exit(read(fd, byte, 2) == 2 && byte[0] == '3' ? 0 : 1);
  guest_wait("child", child);
  SHOW(lseek(fd, 0, SEEK_CUR));
  SHOW(pread(fd, byte, 2, 8));
  SHOW(lseek(fd, 0, SEEK_CUR));
  int append = open("f", O_WRONLY | O_APPEND);
  SHOW(pwrite(append, "X", 1, 0));
  SAY("%s\n", guest_read_file("f"));
  SHOW(lseek(append, 0, SEEK_CUR));
  SHOW(write(append, "Y", 1));
  SHOW(lseek(append, 0, SEEK_CUR));
}

GUEST(seeking) {
  int fd = open("f", O_CREAT | O_RDWR, 0644);
  write(fd, "abc", 3);
  SHOW(lseek(fd, -1, SEEK_SET));
  SHOW(lseek(fd, -4, SEEK_CUR));
  SHOW(lseek(fd, -2, SEEK_END));
  SHOW(lseek(fd, 1L << 62, SEEK_SET));
  SHOW(lseek(fd, 0x7fffffffffffffff, SEEK_CUR));
  SHOW(lseek(fd, 0, 9));
  SHOW(lseek(fd, 100, SEEK_SET));
  SHOW(read(fd, "", 0));
  char byte;
  SHOW(read(fd, &byte, 1));
  SHOW(write(fd, "z", 1));
  struct stat st;
  fstat(fd, &st);
  SAY("size %ld\n", (long)st.st_size);
  SHOW(pread(fd, &byte, 1, 50));
  SAY("hole %d\n", byte);
  SHOW(pread(fd, &byte, 1, -1));
}

GUEST(sparse_files_have_holes) {
  int fd = open("f", O_CREAT | O_RDWR, 0644);
  pwrite(fd, "a", 1, 0);
  pwrite(fd, "b", 1, 10 * 4096);
  struct stat st;
  fstat(fd, &st);
  SAY("size %ld blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
  SHOW(lseek(fd, 0, SEEK_DATA));
  SHOW(lseek(fd, 0, SEEK_HOLE));
  SHOW(lseek(fd, 4096, SEEK_DATA));
  SHOW(lseek(fd, 10 * 4096, SEEK_HOLE));
  SHOW(lseek(fd, 10 * 4096 + 1, SEEK_DATA));
  SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  SHOW(lseek(fd, 0, SEEK_DATA));
  SHOW(fallocate(fd, 0, 0, 2 * 4096));
  fstat(fd, &st);
  SAY("size %ld blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
  SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 20 * 4096, 4096));
  fstat(fd, &st);
  SAY("size %ld blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
  SHOW(fallocate(fd, 0, 0, 0));
  SHOW(fallocate(fd, 0, -1, 5));
  SHOW(fallocate(open("f", O_RDONLY), 0, 0, 5));
  SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 5));
  SHOW(lseek(fd, 1 << 30, SEEK_DATA));
}

GUEST(truncating) {
  guest_write_file("f", "0123456789");
  struct stat st;
  SHOW(truncate("f", 4));
  SHOW(truncate("f", 8));
  char text[16] = "";
  int fd = open("f", O_RDONLY);
  SHOW(read(fd, text, sizeof text));
  SAY("%.4s|%d%d%d%d\n", text, text[4], text[5], text[6], text[7]);
  SHOW(ftruncate(fd, 0));
  SHOW(truncate("f", -1));
  SHOW(truncate(".", 0));
  SHOW(truncate("missing", 0));
  mkfifo("p", 0600);
  SHOW(truncate("p", 0));
  fd = open("f", O_WRONLY);
  SHOW(ftruncate(fd, 5000));
  SHOW(ftruncate(fd, 10));
  fstat(fd, &st);
  SAY("blocks %ld\n", (long)st.st_blocks);
}

GUEST(a_limit_on_the_size_of_files) {
  signal(SIGXFSZ, SIG_IGN);
  // Far beyond what this program prints, should that go to a file.
  enum { far = 1000000 };
  struct rlimit limit = {far + 10, far + 1000};
  SHOW(setrlimit(RLIMIT_FSIZE, &limit));
  int fd = open("f", O_CREAT | O_WRONLY, 0644);
  SHOW(lseek(fd, far, SEEK_SET));
  SHOW(write(fd, "12345678", 8));
  SHOW(write(fd, "12345678", 8));
  SHOW(write(fd, "12345678", 8));
  SHOW(ftruncate(fd, far + 11));
  SHOW(ftruncate(fd, far + 3));
  SHOW(pwrite(fd, "x", 1, far + 10));
  signal(SIGXFSZ, SIG_DFL);
  pid_t child = fork();
  if (child == 0) {
    write(fd, "x", 1);
    lseek(fd, far + 20, SEEK_SET);
    write(fd, "x", 1);
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(reading_and_writing_the_wrong_way) {
  guest_write_file("f", "text");
  char byte[8];
  int in = open("f", O_RDONLY), out = open("f", O_WRONLY), both = open("f", O_ACCMODE);
  SHOW(write(in, "x", 1));
  SHOW(read(out, byte, 1));
  SHOW(read(both, byte, 1));
  SHOW(write(both, byte, 1));
  SHOW(read(99, byte, 1));
  SHOW(read(in, (void*)8, 4));
  SHOW(write(out, (void*)8, 4));
  SHOW(read(in, (void*)0xffffffff80000000, 4));
  SHOW(read(in, 0, 0));
  SHOW(write(out, 0, 0));
  char* map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(map + 4096, 4096);
  memcpy(map + 4094, "ab", 2);
  SHOW(write(out, map + 4094, 10));
  SHOW(lseek(in, 0, SEEK_SET));
  SHOW(read(in, map + 4094, 4));
}

GUEST(vectors) {
  int fd = open("f", O_CREAT | O_RDWR, 0644);
  struct iovec parts[3] = {{"abc", 3}, {0, 0}, {"defgh", 5}};
  SHOW(writev(fd, parts, 3));
  char a[2], b[10] = "";
  struct iovec in[2] = {{a, 2}, {b, 10}};
  SHOW(preadv(fd, in, 2, 1));
  SAY("%.2s %s\n", a, b);
  SHOW(writev(fd, parts, 0));
  SHOW(writev(fd, parts, -1));
  SHOW(writev(fd, parts, 2000));
  parts[0].iov_len = (size_t)-1;
  SHOW(writev(fd, parts, 1));
  SHOW(readv(fd, (void*)8, 1));
  SHOW(pwritev(fd, in, 1, 100));
  SHOW(lseek(fd, 0, SEEK_CUR));
}

GUEST(copying_within_the_kernel) {
  guest_write_file("in", "0123456789");
  int in = open("in", O_RDONLY), out = open("out", O_CREAT | O_RDWR, 0644);
  off_t offset = 4;
  SHOW(sendfile(out, in, &offset, 3));
  SHOW(offset);
  SHOW(lseek(in, 0, SEEK_CUR));
  SHOW(sendfile(out, in, 0, 100));
  SHOW(lseek(in, 0, SEEK_CUR));
  SAY("%s\n", guest_read_file("out"));
  loff_t from = 2, to = 1;
  SHOW(copy_file_range(in, &from, out, &to, 5, 0));
  SAY("%s %ld %ld\n", guest_read_file("out"), (long)from, (long)to);
  SHOW(copy_file_range(in, 0, out, 0, 5, 1));
  from = 0, to = 2;
  SHOW(copy_file_range(out, &from, out, &to, 5, 0));
  int append = open("out", O_WRONLY | O_APPEND);
  SHOW(sendfile(append, in, 0, 5));
  SHOW(copy_file_range(in, 0, append, 0, 5, 0));
  int ends[2];
  pipe(ends);
  offset = 0;
  SHOW(sendfile(ends[1], in, &offset, 6));
  SHOW(sendfile(out, ends[0], 0, 6));
  SHOW(copy_file_range(in, 0, ends[1], 0, 5, 0));
  SHOW(sendfile(in, out, 0, 5));
}

HELPER(sleep_long) {
  pause();
}

GUEST(programs_that_run_are_not_written_to) {
  int in = open("/proc/self/exe", O_RDONLY), out = open("prog", O_CREAT | O_WRONLY, 0755);
  while (sendfile(out, in, 0, 1 << 20) > 0) {
  }
  char* arguments[] = {"prog", "--", "sleep_long", 0};
  pid_t child = fork();
  if (child == 0) {
    execv("./prog", arguments);
    _exit(errno == ETXTBSY ? 7 : 8);
  }
  guest_wait("while it is open for writing", child);
  close(out);
  child = fork();
  if (child == 0) {
    execv("./prog", arguments);
    _exit(8);
  }
  guest_pause();
  SHOW(open("prog", O_WRONLY));
  SHOW(open("prog", O_RDONLY | O_TRUNC));
  SHOW(truncate("prog", 0));
  SHOW(unlink("prog"));
  kill(child, SIGKILL);
  guest_wait("killed", child);
}

GUEST(a_small_file_system_fills_up) {
  mkdir("m", 0755);
  SHOW(mount("t", "m", "tmpfs", 0, "size=16k,nr_inodes=5"));
  struct statfs use;
  statfs("m", &use);
  SAY("type %lx blocks %ld free %ld files %ld free %ld\n", (long)use.f_type, (long)use.f_blocks, (long)use.f_bfree,
      (long)use.f_files, (long)use.f_ffree);
  static char block[5 * 4096];
  int fd = open("m/a", O_CREAT | O_RDWR, 0644);
  SHOW(write(fd, block, sizeof block));
  SHOW(write(fd, block, 1));
  SHOW(unlink("m/a"));
  statfs("m", &use);
  SAY("free %ld\n", (long)use.f_bfree);
  close(fd);
  statfs("m", &use);
  SAY("free %ld\n", (long)use.f_bfree);
  SHOW(mkdir("m/1", 0755));
  SHOW(symlink("x", "m/2"));
  SHOW(mkfifo("m/3", 0644));
  SHOW(mkdir("m/4", 0755));
  SHOW(mkdir("m/5", 0755));
  SHOW(unlink("m/2"));
  SHOW(mkdir("m/5", 0755));
  SHOW(mount("t", "m", "tmpfs", MS_REMOUNT, "size=8k"));
  SHOW(mount("t", "m", "tmpfs", MS_REMOUNT, "size=bad"));
  SHOW(umount("m"));
}

GUEST(times_of_files) {
  struct stat before, after;
  guest_write_file("f", "x");
  struct timespec times[2] = {{100, 5}, {200, 6}};
  SHOW(utimensat(AT_FDCWD, "f", times, 0));
  stat("f", &before);
  SAY("%ld.%ld %ld.%ld\n", (long)before.st_atim.tv_sec, before.st_atim.tv_nsec, (long)before.st_mtim.tv_sec,
      before.st_mtim.tv_nsec);
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_nsec = UTIME_NOW;
  SHOW(utimensat(AT_FDCWD, "f", times, 0));
  stat("f", &after);
  SAY("access kept %d, change later %d\n", after.st_atim.tv_sec == 100, after.st_mtim.tv_sec > 200);
  times[1].tv_nsec = 1000000000;
  SHOW(utimensat(AT_FDCWD, "f", times, 0));
  symlink("f", "l");
  times[0].tv_nsec = 0, times[1].tv_nsec = 0;
  SHOW(utimensat(AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW));
  lstat("l", &after);
  SAY("link %ld\n", (long)after.st_mtim.tv_sec);
  stat("f", &before);
  SHOW(chmod("f", 0600));
  stat("f", &after);
  SAY("mtime same %d ctime not earlier %d\n", before.st_mtim.tv_sec == after.st_mtim.tv_sec,
      after.st_ctim.tv_sec >= before.st_ctim.tv_sec);
  times[0].tv_sec = -5;
  SHOW(utimensat(AT_FDCWD, "f", times, 0));
  stat("f", &after);
  SAY("%ld\n", (long)after.st_atim.tv_sec);
}

GUEST(extended_attributes) {
  guest_write_file("f", "x");
  mkfifo("p", 0600);
  symlink("f", "l");
  char value[64] = "";
  SHOW(syscall(SYS_setxattr, "f", "user.a", "one", 3, 0));
  SHOW(syscall(SYS_setxattr, "f", "user.a", "two", 3, 1));
  SHOW(syscall(SYS_setxattr, "f", "user.b", "two", 3, 2));
  SHOW(syscall(SYS_setxattr, "f", "trusted.t", "", 0, 0));
  SHOW(syscall(SYS_getxattr, "f", "user.a", value, sizeof value));
  SAY("%s\n", value);
  SHOW(syscall(SYS_getxattr, "f", "user.a", value, 2));
  SHOW(syscall(SYS_getxattr, "f", "user.a", value, 0));
  SHOW(syscall(SYS_getxattr, "f", "user.none", value, 9));
  SHOW(syscall(SYS_getxattr, "f", "nonsense", value, 9));
  SHOW(syscall(SYS_listxattr, "f", 0, 0));
  SHOW(syscall(SYS_setxattr, "p", "user.a", "x", 1, 0));
  SHOW(syscall(SYS_lsetxattr, "l", "user.a", "x", 1, 0));
  SHOW(syscall(SYS_lsetxattr, "l", "trusted.a", "x", 1, 0));
  SHOW(syscall(SYS_getxattr, "l", "user.a", value, 9));
  SHOW(syscall(SYS_removexattr, "f", "user.a"));
  SHOW(syscall(SYS_removexattr, "f", "user.a"));
  SHOW(syscall(SYS_setxattr, "f", "user.", "x", 1, 0));
  SHOW(syscall(SYS_setxattr, "f", "", "x", 1, 0));
  SHOW(syscall(SYS_setxattr, "f", "user.big", value, 70000, 0));
  SHOW(syscall(SYS_setxattr, "f", "user.x", "x", 1, 9));
}
