// overlayfs: Documentation/filesystems/overlayfs.rst.
#include "guest.h"

#include <dirent.h>
#include <sys/sysmacros.h>

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
  for (struct dirent* entry; (entry = readdir(directory)) && count < 256;)
    if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
  closedir(directory);
  qsort(names, (size_t)count, sizeof names[0], by_name);
  SAY("%s:", path);
  for (int at = 0; at < count; ++at) SAY(" %s", names[at]);
  SAY("\n");
}
static void is_what(const char* path) {
  struct stat st;
  char value[16] = "";
  if (lstat(path, &st) != 0) {
    SAY("%s: %s\n", path, strerrorname_np(errno));
    return;
  }
  const char* kind = S_ISDIR(st.st_mode) ? "directory" : S_ISREG(st.st_mode) ? "file" : S_ISLNK(st.st_mode) ? "link" : "special";
  if (S_ISCHR(st.st_mode) && st.st_rdev == 0) kind = "whiteout";
  SAY("%s: %s", path, kind);
  if (syscall(SYS_getxattr, path, "trusted.overlay.opaque", value, sizeof value) > 0) SAY(" opaque %s", value);
  SAY("\n");
}
static void layers(void) {
  mount("disk", "/tmp", "tmpfs", 0, 0);
  chdir("/tmp");
  mkdir("lower", 0755);
  mkdir("lower2", 0755);
  mkdir("upper", 0755);
  mkdir("work", 0755);
  mkdir("m", 0755);
  mkdir("lower/d", 0755);
  mkdir("lower2/d", 0755);
  guest_write_file("lower/f", "lower f");
  guest_write_file("lower/d/in", "lower in");
  guest_write_file("lower2/d/below", "below");
  guest_write_file("lower2/d/in", "hidden");
  guest_write_file("lower2/only2", "two");
}
static int overlay(void) {
  return mount("o", "m", "overlay", 0, "lowerdir=lower:lower2,upperdir=upper,workdir=work");
}

GUEST(overlay_merges_directories) {
  layers();
  SHOW(overlay());
  list("m");
  list("m/d");
  SAY("%s\n", guest_read_file("m/d/in"));
  SAY("%s\n", guest_read_file("m/only2"));
  struct stat st;
  stat("m/d", &st);
  SAY("links of merged %ld\n", (long)st.st_nlink);
  guest_write_file("m/new", "new");
  mkdir("m/newdir", 0755);
  list("upper");
  is_what("upper/newdir");
  SHOW(unlink("m/new"));
  is_what("upper/new");
  SHOW(rmdir("m/newdir"));
  is_what("upper/newdir");
}

GUEST(overlay_copies_up_what_is_changed) {
  layers();
  chmod("lower/f", 0640);
  chown("lower/f", 12, 34);
  syscall(SYS_setxattr, "lower/f", "user.mark", "kept", 4, 0);
  struct timespec times[2] = {{1000, 1}, {2000, 2}};
  utimensat(AT_FDCWD, "lower/f", times, 0);
  overlay();
  struct stat before, after;
  stat("m/f", &before);
  int reader = open("m/f", O_RDONLY);
  SHOW(open("m/f", O_RDONLY) >= 0);
  is_what("upper/f");
  SHOW(chmod("m/f", 0600));
  is_what("upper/f");
  stat("m/f", &after);
  SAY("mode %o owner %d:%d size %ld mtime %ld.%ld\n", after.st_mode, after.st_uid, after.st_gid, (long)after.st_size,
      (long)after.st_mtim.tv_sec, after.st_mtim.tv_nsec);
  SAY("same number %d device %d\n", before.st_ino == after.st_ino, before.st_dev == after.st_dev);
  char value[16] = "";
  SHOW(syscall(SYS_getxattr, "m/f", "user.mark", value, sizeof value));
  SHOW(syscall(SYS_getxattr, "m/f", "trusted.overlay.origin", value, sizeof value));
  int writer = open("m/f", O_WRONLY | O_APPEND);
  SHOW(write(writer, "+", 1));
  char text[32] = "";
  SHOW(read(reader, text, sizeof text));
  SAY("reader sees %s\n", text);
  SAY("lower %s", guest_read_file("lower/f"));
  SAY(" upper %s\n", guest_read_file("upper/f"));
  struct stat d;
  guest_write_file("m/d/in", "changed");
  stat("upper/d", &d);
  SAY("parent %o\n", d.st_mode);
  list("upper/d");
  list("m/d");
}

GUEST(overlay_whiteouts) {
  layers();
  overlay();
  SHOW(unlink("m/f"));
  is_what("upper/f");
  is_what("m/f");
  list("m");
  SHOW(unlink("m/f"));
  SHOW(open("m/f", O_RDONLY));
  guest_write_file("m/f", "again");
  is_what("upper/f");
  SAY("%s\n", guest_read_file("m/f"));
  SHOW(unlink("m/d/in"));
  SHOW(unlink("m/d/below"));
  list("m/d");
  list("upper/d");
  SHOW(rmdir("m/d"));
  is_what("upper/d");
  list("m");
  SHOW(mkdir("m/d", 0755));
  is_what("upper/d");
  list("m/d");
  SHOW(unlink("m/only2"));
  SHOW(symlink("f", "m/only2"));
  is_what("upper/only2");
  umount("m");
  overlay();
  list("m");
  list("m/d");
}

GUEST(overlay_whiteouts_that_were_there_before) {
  layers();
  mknod("upper/f", S_IFCHR | 0, 0);
  mknod("lower/only2", S_IFCHR | 0, 0);
  mkdir("upper/d", 0755);
  guest_write_file("upper/d/top", "");
  syscall(SYS_setxattr, "upper/d", "trusted.overlay.opaque", "y", 1, 0);
  SHOW(overlay());
  list("m");
  list("m/d");
  SHOW(mknod("m/null", S_IFCHR | 0600, makedev(1, 3)));
  is_what("m/null");
  SHOW(mknod("m/wh", S_IFCHR | 0, 0));
  is_what("m/wh");
}

GUEST(overlay_renames) {
  layers();
  mkdir("lower/e", 0755);
  overlay();
  SHOW(rename("m/f", "m/g"));
  is_what("upper/f");
  is_what("upper/g");
  list("m");
  SHOW(rename("m/d", "m/dd"));
  SHOW(rename("m/e", "m/ee"));
  mkdir("m/new", 0755);
  SHOW(rename("m/new", "m/newer"));
  SHOW(rename("m/newer", "m/e"));
  is_what("upper/e");
  SHOW(unlink("m/only2"));
  SHOW(rename("m/g", "m/only2"));
  is_what("upper/only2");
  is_what("upper/g");
  SHOW(rename("m/only2", "m/d"));
  mkdir("m/x", 0755);
  SHOW(rename("m/x", "m/d"));
  SHOW(rename("m/d/in", "m/d/below"));
  is_what("upper/d/in");
  SAY("%s\n", guest_read_file("m/d/below"));
  list("m/d");
}

GUEST(overlay_renames_with_flags) {
  layers();
  overlay();
  guest_write_file("m/n", "n");
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/n", RENAME_NOREPLACE));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/n", RENAME_EXCHANGE));
  SAY("f %s", guest_read_file("m/f"));
  SAY(" n %s\n", guest_read_file("m/n"));
  is_what("upper/f");
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/d", RENAME_EXCHANGE));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/w", RENAME_WHITEOUT));
}

GUEST(overlay_hard_links) {
  layers();
  link("lower/f", "lower/same");
  overlay();
  struct stat one, two;
  guest_write_file("m/f", "parted");
  SAY("same: %s\n", guest_read_file("m/same"));
  stat("m/f", &one);
  stat("m/same", &two);
  SAY("links %ld %ld one %d\n", (long)one.st_nlink, (long)two.st_nlink, one.st_ino == two.st_ino);
  SHOW(link("m/only2", "m/also"));
  stat("m/only2", &one);
  stat("m/also", &two);
  SAY("links %ld %ld one %d\n", (long)one.st_nlink, (long)two.st_nlink, one.st_ino == two.st_ino);
  guest_write_file("m/also", "both");
  SAY("%s\n", guest_read_file("m/only2"));
  SHOW(link("m/d", "m/dlink"));
  SHOW(unlink("m/f"));
  SHOW(link("m/only2", "m/f"));
  SAY("%s\n", guest_read_file("m/f"));
}

GUEST(overlay_without_an_upper_layer) {
  layers();
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower:lower2"));
  list("m/d");
  SHOW(open("m/x", O_CREAT | O_WRONLY, 0600));
  SHOW(unlink("m/f"));
  SHOW(chmod("m/f", 0600));
  SHOW(access("m/f", W_OK));
  SHOW(mount(0, "m", 0, MS_REMOUNT, 0));
  SHOW(mkdir("m/x", 0755));
}

GUEST(overlay_mounts_that_cannot_be) {
  layers();
  mkdir("upper/inner", 0755);
  SHOW(mount("o", "m", "overlay", 0, 0));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=missing"));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower/f:lower2"));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower,upperdir=upper"));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=upper"));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=upper/inner"));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower,upperdir=missing,workdir=work"));
  SHOW(mount("o", "m", "overlay", 0, "lowerdir=lower,nonsense=1"));
  SHOW(mount("o", "m", "overlay", 0, "upperdir=upper,workdir=work"));
}

GUEST(overlay_reading_a_directory_while_it_is_copied_up) {
  layers();
  char name[64];
  mkdir("lower/many", 0755);
  for (int at = 0; at < 60; ++at) {
    snprintf(name, sizeof name, "lower/many/%02d", at);
    guest_write_file(name, "");
  }
  overlay();
  DIR* directory = opendir("m/many");
  int seen = 0;
  for (struct dirent* entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.') continue;
    ++seen;
    snprintf(name, sizeof name, "m/many/%s", entry->d_name);
    if (atoi(entry->d_name) % 2)
      chmod(name, 0600);
    else
      unlink(name);
  }
  SAY("seen %d\n", seen);
  list("m/many");
}

GUEST(overlay_files_that_are_open_when_they_go) {
  layers();
  overlay();
  int lower = open("m/f", O_RDONLY), upper = open("m/u", O_CREAT | O_RDWR, 0600);
  write(upper, "upper data", 10);
  SHOW(unlink("m/f"));
  SHOW(unlink("m/u"));
  char text[32] = "";
  SHOW(pread(lower, text, sizeof text, 0));
  SAY("%s\n", text);
  SHOW(pread(upper, text, sizeof text, 0));
  SAY("%s\n", text);
  SHOW(write(upper, "x", 1));
  struct stat st;
  fstat(upper, &st);
  SAY("links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
  char* map = mmap(0, 4096, PROT_READ, MAP_SHARED, open("m/d/in", O_RDONLY), 0);
  SAY("%.8s\n", map);
  guest_write_file("m/d/in", "other");
  SAY("%s\n", guest_read_file("m/d/in"));
}

GUEST(overlay_in_proc_mounts) {
  layers();
  SHOW(overlay());
  FILE* file = fopen("/proc/mounts", "r");
  char line[512];
  while (fgets(line, sizeof line, file))
    if (strstr(line, " /tmp/m ")) {
      // Newer kernels add ",uuid=on".
      char* more = strstr(line, ",uuid=on");
      if (more) memmove(more, more + 8, strlen(more + 8) + 1);
      SAY("%s", line);
    }
  SHOW(mount("o", "m", 0, MS_REMOUNT | MS_RDONLY, 0));
  SHOW(mkdir("m/x", 0755));
  SHOW(umount("m"));
}
