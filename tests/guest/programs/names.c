// mkdir(2), rmdir(2), link(2), unlink(2), rename(2), getdents(2).
#include "guest.h"

#include <dirent.h>

static int by_name(const void* left, const void* right) {
  return strcmp(*(char* const*)left, *(char* const*)right);
}
static void list(const char* path) {
  char* names[256];
  int count = 0;
  DIR* directory = opendir(path);
  if (directory == 0) {
    SAY("%s: %s\n", path, strerrorname_np(errno));
    return;
  }
  for (struct dirent* entry; (entry = readdir(directory)) && count < 256;) names[count++] = strdup(entry->d_name);
  closedir(directory);
  qsort(names, (size_t)count, sizeof names[0], by_name);
  SAY("%s:", path);
  for (int at = 0; at < count; ++at) SAY(" %s", names[at]);
  SAY("\n");
}
static int exchange(const char* from, const char* to, unsigned flags) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}
static long links(const char* path) {
  struct stat st;
  return lstat(path, &st) == 0 ? (long)st.st_nlink : -1;
}

GUEST(rename_of_files) {
  guest_write_file("a", "A");
  guest_write_file("b", "B");
  mkdir("d", 0755);
  SHOW(rename("a", "b"));
  SAY("b is %s\n", guest_read_file("b"));
  SHOW(rename("a", "c"));
  SHOW(rename("b", "d"));
  SHOW(rename("b", "d/"));
  SHOW(rename("b/", "e"));
  SHOW(rename("b", "d/b"));
  SHOW(rename("d/b", "d/b"));
  list("d");
  link("d/b", "d/same");
  SHOW(rename("d/b", "d/same"));
  list("d");
  SHOW(rename("d/.", "x"));
  SHOW(rename("d/b", "d/.."));
  SHOW(rename("d/b", "missing/b"));
  SHOW(rename("d/b/", "z"));
  SHOW(rename("d/b", ""));
  SHOW(rename("", "z"));
}

GUEST(rename_of_directories) {
  mkdir("d", 0755);
  mkdir("d/e", 0755);
  mkdir("empty", 0755);
  mkdir("full", 0755);
  guest_write_file("full/x", "x");
  guest_write_file("f", "f");
  SHOW(rename("d", "d/e/d"));
  SHOW(rename("d", "d/x"));
  SHOW(rename("d/e", "d"));
  SHOW(rename("d", "f"));
  SHOW(rename("f", "empty"));
  SHOW(rename("d", "full"));
  SHOW(rename("d", "empty"));
  list(".");
  list("empty");
  SAY("links . %ld empty %ld\n", links("."), links("empty"));
  SHOW(rename("empty/e", "e"));
  SAY("links . %ld empty %ld\n", links("."), links("empty"));
  SHOW(rename("e", "new/"));
  list(".");
  SHOW(rename("/", "x"));
  SHOW(rename(".", "x"));
}

GUEST(rename_with_flags) {
  guest_write_file("a", "A");
  guest_write_file("b", "B");
  mkdir("d", 0755);
  guest_write_file("d/in", "in");
  SHOW(exchange("a", "b", RENAME_NOREPLACE));
  SHOW(exchange("a", "c", RENAME_NOREPLACE));
  SHOW(exchange("b", "c", RENAME_EXCHANGE));
  SAY("b %s", guest_read_file("b"));
  SAY(" c %s\n", guest_read_file("c"));
  SHOW(exchange("b", "missing", RENAME_EXCHANGE));
  SHOW(exchange("b", "d", RENAME_EXCHANGE));
  list("b");
  SAY("d %s links %ld\n", guest_read_file("d"), links("."));
  SHOW(exchange("b", "b/in", RENAME_EXCHANGE));
  SHOW(exchange("b", "c", RENAME_EXCHANGE | RENAME_NOREPLACE));
  SHOW(exchange("b", "c", 64));
  SHOW(exchange("c", "w", RENAME_WHITEOUT));
  struct stat st;
  SHOW(lstat("c", &st));
  SAY("whiteout %o %lx\n", st.st_mode, (long)st.st_rdev);
}

GUEST(hard_links) {
  guest_write_file("a", "text");
  mkdir("d", 0755);
  symlink("a", "s");
  SHOW(link("a", "b"));
  SHOW(link("a", "b"));
  SAY("links %ld\n", links("a"));
  SHOW(link("d", "e"));
  SHOW(link("missing", "x"));
  SHOW(link("a", "d/c"));
  SHOW(link("s", "s2"));
  struct stat st;
  lstat("s2", &st);
  SAY("a link to a link %d\n", S_ISLNK(st.st_mode));
  SHOW(linkat(AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
  lstat("s3", &st);
  SAY("followed %d links %ld\n", S_ISREG(st.st_mode), (long)st.st_nlink);
  SHOW(unlink("a"));
  SAY("%s links %ld\n", guest_read_file("b"), links("b"));
  SHOW(link("/proc/self/status", "p"));
  SHOW(link("b", "x/"));
  int fd = open("b", O_RDONLY);
  SHOW(linkat(fd, "", AT_FDCWD, "by_fd", AT_EMPTY_PATH));
  SHOW(links("by_fd"));
}

GUEST(removing_names) {
  mkdir("d", 0755);
  mkdir("d/e", 0755);
  guest_write_file("f", "f");
  symlink("d", "l");
  SHOW(unlink("d"));
  SHOW(rmdir("d"));
  SHOW(rmdir("f"));
  SHOW(rmdir("l"));
  SHOW(rmdir("l/"));
  SHOW(unlink("l/"));
  SHOW(unlink("f/"));
  SHOW(unlink("missing"));
  SHOW(unlink("."));
  SHOW(rmdir("."));
  SHOW(rmdir("d/e/.."));
  SHOW(rmdir("/"));
  SHOW(unlink("/"));
  SHOW(rmdir("d/e/"));
  SHOW(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
  SHOW(unlinkat(AT_FDCWD, "f", 77));
  SHOW(unlink("l"));
  SHOW(unlink("f"));
  list(".");
}

GUEST(new_names_that_cannot_be) {
  mkdir("d", 0755);
  guest_write_file("f", "f");
  SHOW(mkdir("d", 0755));
  SHOW(mkdir("f", 0755));
  SHOW(mkdir(".", 0755));
  SHOW(mkdir("/", 0755));
  SHOW(mkdir("d/..", 0755));
  SHOW(mkdir("f/x", 0755));
  SHOW(mkdir("x/y", 0755));
  SHOW(mkdir("trailing/", 0755));
  SHOW(symlink("", "s"));
  SHOW(symlink("x", ""));
  SHOW(symlink("x", "f"));
  SHOW(symlink("x", "s/"));
  SHOW(mknod("dir", S_IFDIR | 0755, 0));
  SHOW(mknod("weird", 0150000 | 0644, 0));
  SHOW(mknod("plain", 0644, 0));
  SHOW(mknod("fifo", S_IFIFO | 0644, 0));
  SHOW(mknod("sock", S_IFSOCK | 0644, 0));
  SHOW(open("sock", O_RDONLY));
  list(".");
}

struct record {
  unsigned long ino;
  long off;
  unsigned short length;
  unsigned char type;
  char name[];
};

GUEST(a_directory_that_is_emptied_while_it_is_read) {
  char name[32];
  mkdir("d", 0755);
  for (int at = 0; at < 100; ++at) {
    snprintf(name, sizeof name, "d/file%03d", at);
    guest_write_file(name, "");
  }
  int fd = open("d", O_RDONLY | O_DIRECTORY), seen = 0, twice = 0;
  static char have[100];
  char buffer[256];
  for (;;) {
    long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (got <= 0) break;
    for (long at = 0; at < got;) {
      struct record* entry = (struct record*)(buffer + at);
      at += entry->length;
      if (entry->name[0] == '.') continue;
      int number = atoi(entry->name + 4);
      if (have[number]++) ++twice;
      ++seen;
      snprintf(name, sizeof name, "d/%s", entry->name);
      unlink(name);
    }
  }
  SAY("seen %d twice %d\n", seen, twice);
  SHOW(rmdir("d"));
  SHOW(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
}

GUEST(reading_directories) {
  char buffer[512];
  mkdir("d", 0755);
  guest_write_file("f", "");
  guest_write_file("d/one", "");
  mkdir("d/two", 0755);
  symlink("x", "d/three");
  mkfifo("d/four", 0600);
  int fd = open("d", O_RDONLY);
  SHOW(syscall(SYS_getdents64, fd, buffer, 8));
  SHOW(syscall(SYS_getdents64, open("f", O_RDONLY), buffer, sizeof buffer));
  SHOW(read(fd, buffer, 10));
  SHOW(write(fd, buffer, 10));
  long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
  SAY("bytes %ld\n", got);
  SHOW(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
  SHOW(lseek(fd, 0, SEEK_SET));
  int types[16] = {0};
  got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
  for (long at = 0; at < got; at += ((struct record*)(buffer + at))->length)
    ++types[((struct record*)(buffer + at))->type & 15];
  SAY("directories %d files %d links %d fifos %d\n", types[DT_DIR], types[DT_REG], types[DT_LNK], types[DT_FIFO]);
  SHOW(lseek(fd, -1, SEEK_SET));
}

GUEST(counts_of_links_of_directories) {
  SHOW(links("."));
  mkdir("a", 0755);
  mkdir("a/b", 0755);
  mkdir("a/c", 0755);
  guest_write_file("a/f", "");
  SHOW(links("."));
  SHOW(links("a"));
  rmdir("a/b");
  SHOW(links("a"));
  rename("a/c", "c");
  SHOW(links("a"));
  SHOW(links("."));
}
