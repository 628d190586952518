// path_resolution(7), open(2), openat2(2), symlink(7).
#include "guest.h"

#include <linux/openat2.h>

static int how(int directory, const char* path, int flags, int mode, unsigned long resolve) {
  struct open_how words = {.flags = (unsigned)flags, .mode = (unsigned)mode, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &words, sizeof words);
}
// "0" instead of a descriptor's number.
static long opened(int fd) {
  if (fd < 0) return -1;
  close(fd);
  return 0;
}
static void tree(void) {
  mkdir("d", 0755);
  mkdir("d/e", 0755);
  guest_write_file("d/f", "file\n");
  symlink("f", "d/to_f");
  symlink("/tmp/d", "to_d");
  symlink("nowhere", "dangling");
  symlink("loop_b", "loop_a");
  symlink("loop_a", "loop_b");
  symlink("..", "d/up");
}

GUEST(names_that_do_not_resolve) {
  tree();
  struct stat st;
  SHOW(stat("", &st));
  SHOW(stat("missing", &st));
  SHOW(stat("d/f/x", &st));
  SHOW(stat("d/f/", &st));
  SHOW(stat("d/f/.", &st));
  SHOW(stat("d/f/..", &st));
  SHOW(stat("d/", &st));
  SHOW(stat("d//e//", &st));
  SHOW(stat("dangling", &st));
  SHOW(lstat("dangling", &st));
  SHOW(lstat("dangling/", &st));
  SHOW(stat("loop_a", &st));
  SHOW(lstat("loop_a", &st));
  SHOW(stat("loop_a/x", &st));
  SHOW(stat("/../../tmp/d/f", &st));
  SHOW(stat("d/up/up/d/to_f", &st));
  SHOW(stat("to_d/to_f", &st));
}

GUEST(long_names_and_paths) {
  static char name[300], path[5000];
  struct stat st;
  memset(name, 'n', 255);
  SHOW(mkdir(name, 0755));
  SHOW(stat(name, &st));
  name[255] = 'n';
  SHOW(mkdir(name, 0755));
  SHOW(stat(name, &st));
  SHOW(rename("missing", name));
  memset(path, '/', 4095);
  path[4094] = '.';
  SHOW(stat(path, &st));
  path[4095] = '/';
  SHOW(stat(path, &st));
}

GUEST(forty_links_are_followed_and_no_more) {
  guest_write_file("end", "the end\n");
  char from[32], to[32];
  for (int at = 0; at < 41; ++at) {
    snprintf(from, sizeof from, "l%d", at);
    if (at == 0)
      strcpy(to, "end");
    else
      snprintf(to, sizeof to, "l%d", at - 1);
    symlink(to, from);
  }
  SHOW(opened(open("l39", O_RDONLY)));
  SHOW(opened(open("l40", O_RDONLY)));
  SHOW(opened(open("l0", O_RDONLY | O_NOFOLLOW)));
  char text[8] = "";
  SHOW(readlink("l0", text, sizeof text));
  SHOW(readlink("l0", text, 2));
  SHOW(readlink("end", text, sizeof text));
  SHOW(readlink("l0", text, 0));
}

GUEST(open_creates_or_does_not) {
  tree();
  SHOW(opened(open("new", O_WRONLY)));
  SHOW(opened(open("new", O_WRONLY | O_CREAT, 0644)));
  SHOW(opened(open("new", O_WRONLY | O_CREAT | O_EXCL, 0644)));
  SHOW(opened(open("new2/", O_WRONLY | O_CREAT, 0644)));
  SHOW(opened(open("d", O_WRONLY | O_CREAT, 0644)));
  SHOW(opened(open("d", O_RDONLY | O_CREAT, 0644)));
  SHOW(opened(open("d", O_RDONLY | O_CREAT | O_EXCL, 0644)));
  SHOW(opened(open("d/.", O_RDONLY | O_CREAT, 0644)));
  SHOW(opened(open("d", O_RDWR)));
  SHOW(opened(open("d", O_RDONLY | O_TRUNC)));
  SHOW(opened(open("d/f", O_RDONLY | O_DIRECTORY)));
  SHOW(opened(open("dangling", O_WRONLY | O_CREAT, 0644)));
  struct stat st;
  SHOW(stat("nowhere", &st));
  SHOW(opened(open("loop_a", O_WRONLY | O_CREAT, 0644)));
  symlink("nowhere2", "dangling2");
  SHOW(opened(open("dangling2", O_WRONLY | O_CREAT | O_EXCL, 0644)));
  SHOW(opened(open("dangling2", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644)));
  SHOW(opened(open("d/f/", O_RDONLY)));
  SHOW(opened(open("to_d/", O_RDONLY | O_NOFOLLOW)));
}

GUEST(the_umask_and_the_mode_of_new_files) {
  struct stat st;
  umask(027);
  close(open("a", O_WRONLY | O_CREAT, 0666));
  SAY("a %o\n", stat("a", &st) == 0 ? st.st_mode : 0);
  mkdir("b", 0777);
  SAY("b %o\n", stat("b", &st) == 0 ? st.st_mode : 0);
  mkdir("c", 07777);
  SAY("c %o\n", stat("c", &st) == 0 ? st.st_mode : 0);
  mkfifo("p", 0666);
  SAY("p %o\n", stat("p", &st) == 0 ? st.st_mode : 0);
  symlink("a", "l");
  SAY("l %o size %ld\n", lstat("l", &st) == 0 ? st.st_mode : 0, (long)st.st_size);
  close(open("s", O_WRONLY | O_CREAT, 06755));
  SAY("s %o\n", stat("s", &st) == 0 ? st.st_mode : 0);
  SHOW(umask(0));
  int fd = open("w", O_WRONLY | O_CREAT, 0444);
  SHOW(write(fd, "x", 1));
}

GUEST(a_descriptor_of_a_path_only) {
  tree();
  char byte;
  struct stat st;
  int fd = open("d/f", O_PATH);
  SHOW(read(fd, &byte, 1));
  SHOW(fstat(fd, &st));
  SHOW(fchmod(fd, 0600));
  SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(fcntl(fd, F_GETFL) & O_PATH);
  SHOW(fcntl(fd, F_SETFL, O_APPEND));
  SHOW(opened(open("to_d", O_PATH | O_NOFOLLOW)));
  int link = open("to_d", O_PATH | O_NOFOLLOW);
  SHOW(fstat(link, &st));
  SAY("link %d\n", S_ISLNK(st.st_mode));
  char text[32] = "";
  SHOW(readlinkat(link, "", text, sizeof text));
  int directory = open("d", O_PATH | O_DIRECTORY);
  SHOW(opened(openat(directory, "f", O_RDONLY)));
  SHOW(fchdir(directory));
  SHOW(access("f", R_OK));
  SHOW(opened(openat(fd, "x", O_RDONLY)));
  SHOW(opened(openat(99, "x", O_RDONLY)));
  SHOW(opened(openat(99, "/tmp/d/f", O_RDONLY)));
}

GUEST(openat2_keeps_below) {
  tree();
  int d = open("d", O_RDONLY);
  symlink("/etc", "d/abs");
  symlink("e/../f", "d/inside");
  SHOW(opened(how(d, "f", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "inside", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "..", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "up", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "e/../../d/f", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "abs", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "/f", O_RDONLY, 0, RESOLVE_BENEATH)));
  SHOW(opened(how(d, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  SHOW(opened(how(d, "../../f", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  SHOW(opened(how(d, "abs", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  SHOW(opened(how(d, "to_f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS)));
  SHOW(opened(how(d, "f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS)));
  SHOW(opened(how(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS)));
  SHOW(opened(how(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_SYMLINKS)));
  SHOW(opened(how(AT_FDCWD, "/proc", O_RDONLY, 0, RESOLVE_NO_XDEV)));
  SHOW(opened(how(d, "e", O_RDONLY, 0, RESOLVE_NO_XDEV)));
}

GUEST(openat2_refuses_what_it_does_not_know) {
  tree();
  SHOW(opened(how(AT_FDCWD, "d/f", O_RDONLY, 0644, 0)));
  SHOW(opened(how(AT_FDCWD, "n", O_CREAT | O_WRONLY, 0100644, 0)));
  SHOW(opened(how(AT_FDCWD, "d/f", O_RDONLY, 0, 1 << 20)));
  SHOW(opened(how(AT_FDCWD, "d/f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT)));
  SHOW(opened(how(AT_FDCWD, "d/f", O_PATH | O_RDWR, 0, 0)));
  struct open_how words[2] = {{.flags = O_RDONLY}, {0}};
  SHOW(opened((int)syscall(SYS_openat2, AT_FDCWD, "d/f", words, 8)));
  SHOW(opened((int)syscall(SYS_openat2, AT_FDCWD, "d/f", words, sizeof words)));
  words[1].flags = 1;
  SHOW(opened((int)syscall(SYS_openat2, AT_FDCWD, "d/f", words, sizeof words)));
}

GUEST(a_file_without_a_name) {
  int fd = open(".", O_TMPFILE | O_RDWR, 0640);
  SHOW(write(fd, "hidden", 6));
  struct stat st;
  fstat(fd, &st);
  SAY("links %ld mode %o\n", (long)st.st_nlink, st.st_mode);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  fstat(fd, &st);
  SAY("links %ld\n", (long)st.st_nlink);
  SAY("%s\n", guest_read_file("named"));
  SHOW(opened(open(".", O_TMPFILE, 0600)));
  SHOW(opened(open("named", O_TMPFILE | O_RDWR, 0600)));
  SHOW(opened(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600)));
}

GUEST(the_working_directory_is_removed) {
  char text[256];
  mkdir("w", 0755);
  chdir("w");
  SHOW(getcwd(text, sizeof text) != 0);
  SAY("%s\n", text);
  SHOW(rmdir("/tmp/w"));
  SHOW(syscall(SYS_getcwd, text, sizeof text));
  SHOW(opened(open("x", O_CREAT | O_WRONLY, 0644)));
  SHOW(mkdir("y", 0755));
  SHOW(opened(open(".", O_RDONLY)));
  struct stat st;
  SHOW(stat(".", &st));
  SAY("links %ld\n", (long)st.st_nlink);
  SHOW(stat("..", &st));
  SHOW(chdir(".."));
  SAY("%s\n", getcwd(text, sizeof text));
  ssize_t got = readlink("/proc/self/cwd", text, sizeof text - 1);
  text[got < 0 ? 0 : got] = 0;
  SAY("%s\n", text);
}

GUEST(chroot_and_the_way_out) {
  mkdir("root", 0755);
  mkdir("root/in", 0755);
  guest_write_file("outside", "o");
  int out = open(".", O_RDONLY);
  SHOW(chroot("root"));
  SHOW(chdir("/"));
  struct stat st;
  SHOW(stat("/in", &st));
  SHOW(stat("../../../in", &st));
  SHOW(stat("/outside", &st));
  char text[128];
  SHOW(fchdir(out));
  SHOW(stat("outside", &st));
  SHOW(syscall(SYS_getcwd, text, sizeof text) > 0);
  SAY("%.13s\n", text);
  SHOW(chroot("."));
  SHOW(stat("/outside", &st));
}
