// open(2), read(2), write(2), lseek(2), dup(2), links, directories, permissions.
#include <dirent.h>

#include "guest.h"

static int compare(const void* left, const void* right) { return strcmp(*(char* const*)left, *(char* const*)right); }
static void list(const char* path) {
  DIR* directory = opendir(path);
  char* names[64];
  int count = 0;
  for (struct dirent* entry; directory && (entry = readdir(directory)) && count < 64;) {
    char text[300];
    snprintf(text, sizeof text, "%s:%d", entry->d_name, entry->d_type);
    names[count++] = strdup(text);
  }
  qsort(names, count, sizeof *names, compare);
  SAY("%s has", path);
  for (int at = 0; at < count; ++at) SAY(" %s", names[at]);
  SAY("\n");
}

GUEST(open_flags) {
  SHOW(open("file", O_RDONLY));
  SHOW_OK(open("file", O_RDWR | O_CREAT | O_EXCL, 0666));
  SHOW(open("file", O_RDWR | O_CREAT | O_EXCL, 0666));
  SHOW(open("file", O_RDONLY | O_DIRECTORY));
  SHOW(open("/tmp", O_WRONLY));
  SHOW(open("/tmp", O_RDONLY | O_CREAT, 0666));
  SHOW(open("file/", O_RDONLY));
  SHOW(open("file/x", O_RDONLY));
  SHOW(open("new/", O_WRONLY | O_CREAT, 0666));
  symlink("file", "link");
  symlink("nowhere", "dangling");
  SHOW(open("link", O_RDONLY | O_NOFOLLOW));
  SHOW(open("dangling", O_RDONLY));
  SHOW(open("dangling", O_RDONLY | O_CREAT | O_EXCL, 0666));
  SHOW_OK(open("dangling", O_RDONLY | O_CREAT, 0666));
  struct stat stat_;
  SHOW(stat("nowhere", &stat_));
  SAY("mode %o\n", stat_.st_mode);
  char name[300];
  memset(name, 'n', 299);
  name[299] = 0;
  SHOW(open(name, O_RDONLY));
  SHOW(open("", O_RDONLY));
}

GUEST(offsets_are_shared_by_dup_and_fork) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  int copy = dup(fd);
  int other = open("file", O_RDWR);
  write(fd, "abcdef", 6);
  SHOW(lseek(copy, 0, SEEK_CUR));
  SHOW(lseek(other, 0, SEEK_CUR));
  pid_t child = fork();
  if (child == 0) {
    lseek(fd, 2, SEEK_SET);
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(lseek(fd, 0, SEEK_CUR));
  char text[8] = "";
  SHOW(read(copy, text, 2));
  SAY("%s, then at %ld\n", text, (long)lseek(fd, 0, SEEK_CUR));
}

GUEST(appending) {
  int fd = open("file", O_RDWR | O_CREAT | O_APPEND, 0644);
  write(fd, "one", 3);
  lseek(fd, 0, SEEK_SET);
  write(fd, "two", 3);
  SHOW(lseek(fd, 0, SEEK_CUR));
  SHOW(pwrite(fd, "X", 1, 0));
  SAY("%s\n", guest_read_file("file"));
  pid_t child = fork();
  if (child == 0) {
    write(fd, "child", 5);
    _exit(0);
  }
  guest_wait("child", child);
  write(fd, "parent", 6);
  SAY("%s\n", guest_read_file("file"));
  SHOW(fcntl(fd, F_SETFL, 0));
  SHOW(pwrite(fd, "Y", 1, 0));
  SAY("%s\n", guest_read_file("file"));
}

GUEST(seeking) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  write(fd, "0123456789", 10);
  SHOW(lseek(fd, -1, SEEK_SET));
  SHOW(lseek(fd, -20, SEEK_CUR));
  SHOW(lseek(fd, -3, SEEK_END));
  SHOW(lseek(fd, 0, 9));
  SHOW(lseek(fd, 100, SEEK_SET));
  SHOW(write(fd, "x", 1));
  struct stat stat_;
  fstat(fd, &stat_);
  SAY("size %ld\n", (long)stat_.st_size);
  char text[3] = "zz";
  SHOW(pread(fd, text, 2, 50));
  SAY("%d %d\n", text[0], text[1]);
  SHOW(pread(fd, text, 2, -1));
  SHOW(pread(fd, text, 2, 1000));
  SHOW(lseek(fd, 0, SEEK_DATA));
  SHOW(lseek(fd, 0, SEEK_HOLE));
  SHOW(lseek(fd, 1000, SEEK_DATA));
}

GUEST(vectors) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
  SHOW(writev(fd, out, 3));
  char one[3] = "", two[4] = "";
  struct iovec in[2] = {{one, 2}, {two, 3}};
  SHOW(preadv(fd, in, 2, 1));
  SAY("%s %s\n", one, two);
  SHOW(writev(fd, out, -1));
  SHOW(writev(fd, out, 2000));
  out[2].iov_len = -1;
  SHOW(writev(fd, out, 3));
  out[2].iov_base = (void*)8;
  out[2].iov_len = 3;
  SHOW(writev(fd, out, 3));
  SHOW(writev(fd, (struct iovec*)8, 1));
}

GUEST(descriptors) {
  int fd = open("/dev/null", O_RDWR);
  SAY("lowest %d\n", fd);
  SHOW(dup(fd));
  SHOW(dup2(fd, 20));
  SHOW(dup2(fd, fd));
  SHOW(dup2(99, 5));
  SHOW(dup3(fd, fd, 0));
  SHOW(dup3(fd, 21, O_CLOEXEC));
  SHOW(fcntl(21, F_GETFD));
  SHOW(fcntl(fd, F_DUPFD, 30));
  SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 30));
  SHOW(fcntl(31, F_GETFD));
  SHOW(fcntl(fd, F_GETFL));
  SHOW(fcntl(fd, F_SETFL, O_NONBLOCK | O_WRONLY));
  SHOW(fcntl(fd, F_GETFL));
  SHOW(fcntl(fd, 9999));
  SHOW(close(99));
  SHOW(close(-1));
  struct rlimit limit = {10, 10};
  setrlimit(RLIMIT_NOFILE, &limit);
  SHOW(dup2(fd, 10));
  SHOW(fcntl(fd, F_DUPFD, 10));
  for (int at = 3; at < 10; ++at) close(at);
  int opened = 0;
  while (open("/dev/null", O_RDONLY) >= 0) ++opened;
  SAY("opened %d, then %s\n", opened, strerrorname_np(errno));
}

GUEST(close_range_and_flags) {
  for (int at = 0; at < 6; ++at) open("/dev/null", O_RDONLY);
  SHOW(syscall(SYS_close_range, 4, 6, 0));
  SHOW(fcntl(3, F_GETFD));
  SHOW(fcntl(5, F_GETFD));
  SHOW(syscall(SYS_close_range, 7, ~0U, 4));
  SHOW(fcntl(8, F_GETFD));
  SHOW(syscall(SYS_close_range, 5, 3, 0));
}

GUEST(hard_links_and_unlinked_files) {
  guest_write_file("file", "data");
  SHOW(link("file", "second"));
  SHOW(link("file", "second"));
  SHOW(link("missing", "third"));
  mkdir("dir", 0755);
  SHOW(link("dir", "third"));
  struct stat one, two;
  stat("file", &one);
  stat("second", &two);
  SAY("links %ld, same %d\n", (long)one.st_nlink, one.st_ino == two.st_ino);
  int fd = open("file", O_RDWR);
  unlink("file");
  unlink("second");
  fstat(fd, &one);
  SAY("links %ld\n", (long)one.st_nlink);
  char text[8] = "";
  SHOW(read(fd, text, 7));
  SHOW(write(fd, "more", 4));
  SHOW(unlink("dir"));
  SHOW(unlink("missing"));
  SHOW(unlink("dir/"));
}

GUEST(directories) {
  SHOW(mkdir("dir", 0777));
  SHOW(mkdir("dir", 0777));
  SHOW(mkdir("no/dir", 0777));
  SHOW(mkdir("dir/sub/", 0700));
  guest_write_file("dir/file", "");
  symlink("x", "dir/link");
  mkfifo("dir/fifo", 0644);
  list("dir");
  struct stat stat_;
  stat("dir", &stat_);
  SAY("mode %o links %ld\n", stat_.st_mode, (long)stat_.st_nlink);
  SHOW(rmdir("dir"));
  SHOW(rmdir("dir/file"));
  SHOW(rmdir("dir/sub/."));
  SHOW(rmdir("dir/sub/.."));
  SHOW(rmdir("dir/sub"));
  SHOW(rmdir("/"));
  SHOW(rmdir("/proc"));
}

GUEST(a_directory_that_is_removed_while_in_use) {
  mkdir("dir", 0755);
  chdir("dir");
  rmdir("/tmp/dir");
  char text[64];
  SHOW(getcwd(text, sizeof text) != 0);
  SAY("%s\n", strerrorname_np(errno));
  SHOW(open("file", O_CREAT | O_WRONLY, 0644));
  SHOW(mkdir("sub", 0755));
  SHOW(open("..", O_RDONLY) >= 0);
  list(".");
  ssize_t length = readlink("/proc/self/cwd", text, sizeof text - 1);
  text[length < 0 ? 0 : length] = 0;
  SAY("%s\n", text);
}

GUEST(renames) {
  guest_write_file("a", "A");
  guest_write_file("b", "B");
  mkdir("dir", 0755);
  mkdir("dir/sub", 0755);
  mkdir("empty", 0755);
  SHOW(rename("a", "b"));
  SAY("%s\n", guest_read_file("b"));
  SHOW(rename("b", "dir"));
  SHOW(rename("dir", "b"));
  SHOW(rename("dir", "dir/sub/x"));
  SHOW(rename("empty", "dir"));
  SHOW(rename("dir", "empty"));
  list("/tmp");
  SHOW(rename("missing", "x"));
  SHOW(rename("b", "b"));
  link("b", "c");
  SHOW(rename("b", "c"));
  list("/tmp");
  SHOW(rename("empty/.", "x"));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 1));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "empty", 2));
  list("/tmp");
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 3));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "c", AT_FDCWD, "d", 8));
}

GUEST(symbolic_links) {
  char text[64] = "";
  SHOW(symlink("target", "link"));
  SHOW(symlink("", "empty"));
  SHOW(readlink("link", text, 3));
  SAY("%s\n", text);
  SHOW(readlink("link", text, 0));
  guest_write_file("target", "x");
  SHOW(readlink("target", text, 64));
  symlink("loop2", "loop1");
  symlink("loop1", "loop2");
  SHOW(open("loop1", O_RDONLY));
  struct stat stat_;
  SHOW(lstat("loop1", &stat_));
  SAY("mode %o size %ld\n", stat_.st_mode, (long)stat_.st_size);
  char name[16] = "target", next[16];
  for (int at = 0; at < 41; ++at) {
    snprintf(next, sizeof next, "s%d", at);
    symlink(name, next);
    strcpy(name, next);
  }
  SHOW_OK(open("s39", O_RDONLY));
  SHOW(open("s40", O_RDONLY));
}

GUEST(permissions_of_files) {
  guest_write_file("file", "x");
  chmod("file", 0640);
  chown("file", 1, 2);
  mkdir("dir", 0700);
  guest_write_file("dir/inner", "x");
  SHOW(setgid(2));
  SHOW(syscall(SYS_setgroups, 0, 0));
  SHOW(setuid(1000));
  SHOW_OK(open("file", O_RDONLY));
  SHOW(open("file", O_WRONLY));
  SHOW(open("dir/inner", O_RDONLY));
  SHOW(unlink("file"));
  SHOW(chmod("file", 0777));
  SHOW(chown("file", 1000, 1000));
  SHOW(access("file", R_OK));
  SHOW(access("file", W_OK));
  SHOW(access("file", X_OK));
  SHOW(access("dir", X_OK));
}

GUEST(sticky_and_setgid_directories) {
  mkdir("sticky", 0777);
  chmod("sticky", 01777);
  guest_write_file("sticky/roots", "x");
  mkdir("grouped", 0777);
  chown("grouped", 0, 55);
  chmod("grouped", 02777);
  setgid(1000);
  setuid(1000);
  SHOW(unlink("sticky/roots"));
  SHOW(rename("sticky/roots", "sticky/x"));
  guest_write_file("sticky/mine", "x");
  SHOW(unlink("sticky/mine"));
  guest_write_file("grouped/file", "x");
  mkdir("grouped/dir", 0755);
  struct stat stat_;
  stat("grouped/file", &stat_);
  SAY("group %d\n", stat_.st_gid);
  stat("grouped/dir", &stat_);
  SAY("group %d mode %o\n", stat_.st_gid, stat_.st_mode);
}

GUEST(umask_and_modes) {
  umask(027);
  close(open("file", O_CREAT | O_WRONLY, 0777));
  mkdir("dir", 0777);
  struct stat stat_;
  stat("file", &stat_);
  SAY("%o\n", stat_.st_mode);
  stat("dir", &stat_);
  SAY("%o\n", stat_.st_mode);
  SHOW(chmod("file", 07777));
  stat("file", &stat_);
  SAY("%o\n", stat_.st_mode);
  SHOW(chown("file", 5, -1));
  stat("file", &stat_);
  SAY("%o %d %d\n", stat_.st_mode, stat_.st_uid, stat_.st_gid);
}

GUEST(writing_takes_setuid_away) {
  guest_write_file("file", "x");
  chown("file", 1000, 1000);
  chmod("file", 06777);
  int fd = open("file", O_RDWR);
  setgid(1000);
  setuid(1000);
  write(fd, "y", 1);
  struct stat stat_;
  fstat(fd, &stat_);
  SAY("%o\n", stat_.st_mode);
}

GUEST(truncation) {
  guest_write_file("file", "0123456789");
  SHOW(truncate("file", 4));
  SAY("%s\n", guest_read_file("file"));
  SHOW(truncate("file", -1));
  SHOW(truncate("missing", 1));
  mkdir("dir", 0755);
  SHOW(truncate("dir", 1));
  int fd = open("file", O_RDONLY);
  SHOW(ftruncate(fd, 1));
  struct rlimit limit = {100, 100};
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  fd = open("file", O_RDWR);
  SHOW(ftruncate(fd, 101));
  SHOW(pwrite(fd, "0123456789", 10, 95));
  SHOW(pwrite(fd, "x", 1, 100));
}

GUEST(file_locks) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
  SHOW(fcntl(fd, F_SETLK, &lock));
  pid_t child = fork();
  if (child == 0) {
    struct flock mine = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 1};
    SHOW(fcntl(fd, F_SETLK, &mine));
    struct flock ask = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    SHOW(fcntl(fd, F_GETLK, &ask));
    SAY("type %d start %ld len %ld by the parent %d\n", ask.l_type, (long)ask.l_start, (long)ask.l_len,
        ask.l_pid == getppid());
    mine.l_start = 0;
    SHOW(fcntl(fd, F_SETLK, &mine));
    _exit(0);
  }
  guest_wait("child", child);
  lock.l_type = F_UNLCK;
  SHOW(fcntl(fd, F_SETLK, &lock));
  lock.l_type = 9;
  SHOW(fcntl(fd, F_SETLK, &lock));
}

GUEST(null_zero_full_and_random) {
  char bytes[4] = "abc";
  int fd = open("/dev/null", O_RDWR);
  SHOW(write(fd, bytes, 3));
  SHOW(read(fd, bytes, 3));
  fd = open("/dev/zero", O_RDWR);
  SHOW(read(fd, bytes, 4));
  SAY("%d%d%d%d\n", bytes[0], bytes[1], bytes[2], bytes[3]);
  fd = open("/dev/full", O_RDWR);
  SHOW(write(fd, bytes, 3));
  SHOW(read(fd, bytes, 3));
  fd = open("/dev/urandom", O_RDONLY);
  SHOW(read(fd, bytes, 4));
  struct stat stat_;
  stat("/dev/null", &stat_);
  SAY("%o %lx\n", stat_.st_mode & S_IFMT, (long)stat_.st_rdev);
}

GUEST(timestamps) {
  struct timespec times[2] = {{1000, 5}, {2000, 7}};
  guest_write_file("file", "x");
  SHOW(utimensat(AT_FDCWD, "file", times, 0));
  struct stat stat_;
  stat("file", &stat_);
  SAY("%ld.%ld %ld.%ld\n", stat_.st_atim.tv_sec, stat_.st_atim.tv_nsec, stat_.st_mtim.tv_sec, stat_.st_mtim.tv_nsec);
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_nsec = 1000000000;
  SHOW(utimensat(AT_FDCWD, "file", times, 0));
  times[1].tv_nsec = UTIME_NOW;
  SHOW(utimensat(AT_FDCWD, "file", times, 0));
  stat("file", &stat_);
  SAY("%ld, later %d\n", stat_.st_atim.tv_sec, stat_.st_mtim.tv_sec > 1000000);
  setuid(1000);
  SHOW(utimensat(AT_FDCWD, "file", times, 0));
  SHOW(utimensat(AT_FDCWD, "missing", 0, 0));
}
