// Permissions: path_resolution(7), chmod(2), chown(2), access(2), capabilities(7) of files; locks: fcntl(2), flock(2).
#include "guest.h"

#include <sys/file.h>

static void become(uid_t uid, gid_t gid) {
  syscall(SYS_setgroups, 0, 0);
  syscall(SYS_setresgid, gid, gid, gid);
  syscall(SYS_setresuid, uid, uid, uid);
}
static long opened(int fd) {
  if (fd < 0) return -1;
  close(fd);
  return 0;
}
static const char* kind(const char* path) {
  static char text[16];
  struct stat st;
  if (lstat(path, &st) != 0) return strerrorname_np(errno);
  snprintf(text, sizeof text, "%o", st.st_mode & 07777);
  return text;
}

GUEST(permissions_of_owner_group_and_others) {
  guest_write_file("f", "x");
  chown("f", 10, 20);
  chmod("f", 0174);
  pid_t child = fork();
  if (child == 0) {
    become(10, 99);
    SHOW(opened(open("f", O_RDONLY)));
    SHOW(access("f", X_OK));
    _exit(0);
  }
  guest_wait("owner", child);
  child = fork();
  if (child == 0) {
    become(11, 20);
    SHOW(opened(open("f", O_RDWR)));
    SHOW(access("f", R_OK | W_OK | X_OK));
    _exit(0);
  }
  guest_wait("group", child);
  child = fork();
  if (child == 0) {
    become(11, 99);
    SHOW(opened(open("f", O_RDONLY)));
    SHOW(opened(open("f", O_WRONLY)));
    SHOW(access("f", X_OK));
    SHOW(access("f", 9));
    _exit(0);
  }
  guest_wait("others", child);
  SHOW(opened(open("f", O_RDWR)));
  SHOW(access("f", X_OK));
  chmod("f", 0);
  SHOW(opened(open("f", O_RDWR)));
  SHOW(access("f", X_OK));
}

GUEST(directories_need_the_right_to_search) {
  mkdir("d", 0755);
  guest_write_file("d/f", "x");
  chown("d", 10, 10);
  pid_t child = fork();
  if (child == 0) {
    become(10, 10);
    struct stat st;
    chmod("d", 0400);
    SHOW(opened(open("d", O_RDONLY)));
    SHOW(stat("d/f", &st));
    SHOW(chdir("d"));
    chmod("d", 0100);
    SHOW(opened(open("d", O_RDONLY)));
    SHOW(stat("d/f", &st));
    SHOW(opened(open("d/new", O_CREAT | O_WRONLY, 0600)));
    SHOW(opened(open("d/f", O_CREAT | O_WRONLY, 0600)));
    chmod("d", 0300);
    SHOW(unlink("d/f"));
    SHOW(mkdir("d/e", 0700));
    SHOW(rename("d", "/tmp/x"));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(sticky_directories) {
  mkdir("d", 0777);
  chmod("d", 01777);
  guest_write_file("d/mine", "x");
  guest_write_file("d/his", "x");
  chown("d/his", 10, 10);
  pid_t child = fork();
  if (child == 0) {
    become(10, 10);
    SHOW(unlink("d/mine"));
    SHOW(rename("d/mine", "d/x"));
    SHOW(rename("d/his", "d/mine"));
    SHOW(rename("d/his", "d/still_his"));
    SHOW(unlink("d/still_his"));
    SHOW(opened(open("d/new", O_CREAT | O_WRONLY, 0600)));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(changing_owner_and_mode) {
  guest_write_file("f", "x");
  chown("f", 10, 10);
  chmod("f", 06755);
  SAY("%s\n", kind("f"));
  pid_t child = fork();
  if (child == 0) {
    gid_t groups[2] = {10, 20};
    syscall(SYS_setgroups, 2, groups);
    syscall(SYS_setresgid, 10, 10, 10);
    syscall(SYS_setresuid, 10, 10, 10);
    SHOW(chown("f", 11, -1));
    SHOW(chown("f", -1, 30));
    SHOW(chown("f", 10, 20));
    SAY("%s\n", kind("f"));
    SHOW(chmod("f", 06755));
    SAY("%s\n", kind("f"));
    SHOW(chown("f", -1, -1));
    SAY("%s\n", kind("f"));
    chmod("f", 06755);
    int fd = open("f", O_WRONLY);
    write(fd, "y", 1);
    SAY("written %s\n", kind("f"));
    chmod("f", 06745);
    write(fd, "y", 1);
    SAY("not executable by the group %s\n", kind("f"));
    _exit(0);
  }
  guest_wait("owner", child);
  child = fork();
  if (child == 0) {
    become(11, 11);
    SHOW(chmod("f", 0777));
    SHOW(chown("f", 11, 11));
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, then[2] = {{1, 1}, {1, 1}};
    SHOW(utimensat(AT_FDCWD, "f", now, 0));
    SHOW(utimensat(AT_FDCWD, "f", then, 0));
    _exit(0);
  }
  guest_wait("stranger", child);
  chmod("f", 06755);
  int fd = open("f", O_WRONLY);
  write(fd, "y", 1);
  SAY("written by root %s\n", kind("f"));
  SHOW(chown("f", 0, 0));
  SAY("owned by root %s\n", kind("f"));
  symlink("f", "l");
  SHOW(fchmodat(AT_FDCWD, "l", 0600, 0));
  SHOW(lchown("l", 5, 5));
  struct stat st;
  lstat("l", &st);
  SAY("link %d file ", st.st_uid);
  stat("f", &st);
  SAY("%d\n", st.st_uid);
}

GUEST(setgid_directories_pass_their_group_on) {
  mkdir("d", 0777);
  chown("d", 0, 20);
  chmod("d", 02777);
  pid_t child = fork();
  if (child == 0) {
    become(10, 10);
    umask(0);
    mkdir("d/sub", 0755);
    close(open("d/f", O_CREAT | O_WRONLY, 02755));
    close(open("d/g", O_CREAT | O_WRONLY, 02745));
    struct stat st;
    stat("d/sub", &st);
    SAY("sub %o %d\n", st.st_mode & 07777, st.st_gid);
    stat("d/f", &st);
    SAY("f %o %d\n", st.st_mode & 07777, st.st_gid);
    stat("d/g", &st);
    SAY("g %o %d\n", st.st_mode & 07777, st.st_gid);
    SHOW(chmod("d/f", 02755));
    SAY("%s\n", kind("d/f"));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(access_asks_for_the_real_ids) {
  guest_write_file("f", "x");
  chmod("f", 0600);
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_setresuid, 10, 0, 0);
    SHOW(access("f", R_OK));
    SHOW(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
    SHOW(opened(open("f", O_RDONLY)));
    SHOW(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 1));
    SHOW(access("f", F_OK));
    SHOW(access("missing", F_OK));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(names_of_other_owners) {
  guest_write_file("f", "x");
  mknod("null", S_IFCHR | 0666, 0x103);
  pid_t child = fork();
  if (child == 0) {
    become(10, 10);
    SHOW(mknod("p", S_IFIFO | 0600, 0));
    SHOW(mknod("dev", S_IFCHR | 0600, 0x103));
    SHOW(mknod("wh", S_IFCHR | 0600, 0));
    SHOW(opened(open("null", O_RDWR)));
    SHOW(opened(open("f", O_RDONLY | O_NOATIME)));
    SHOW(chroot("."));
    SHOW(mount("x", "/tmp", "tmpfs", 0, 0));
    SHOW(umount("/tmp"));
    char value[8];
    SHOW(syscall(SYS_setxattr, "f", "user.a", "x", 1, 0));
    SHOW(syscall(SYS_setxattr, "p", "trusted.a", "x", 1, 0));
    SHOW(syscall(SYS_getxattr, "f", "trusted.a", value, 8));
    _exit(0);
  }
  guest_wait("child", child);
}

static void lock_kind(int fd, const char* name, int type, long start, long length) {
  struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  int result = fcntl(fd, F_SETLK, &lock);
  SAY("%s: %s\n", name, result == 0 ? "ok" : strerrorname_np(errno));
}
static void who_has(int fd, long start, long length) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  int result = fcntl(fd, F_GETLK, &lock);
  SAY("%ld+%ld: %d type %d start %ld length %ld\n", start, length, result, lock.l_type, (long)lock.l_start,
      (long)lock.l_len);
}

GUEST(record_locks) {
  guest_write_file("f", "0123456789");
  int fd = open("f", O_RDWR);
  lock_kind(fd, "write 0..9", F_WRLCK, 0, 10);
  lock_kind(fd, "read 4..5", F_RDLCK, 4, 2);
  pid_t child = fork();
  if (child == 0) {
    who_has(fd, 0, 1);
    who_has(fd, 4, 1);
    who_has(fd, 5, 3);
    who_has(fd, 10, 0);
    lock_kind(fd, "read 4", F_RDLCK, 4, 1);
    lock_kind(fd, "write 4", F_WRLCK, 4, 1);
    lock_kind(fd, "write to the end", F_WRLCK, 10, 0);
    lock_kind(fd, "read 3", F_RDLCK, 3, 1);
    lock_kind(open("f", O_RDONLY), "write on a read-only descriptor", F_WRLCK, 20, 1);
    _exit(0);
  }
  guest_wait("child", child);
  who_has(fd, 0, 0);
  close(open("f", O_RDONLY));
  child = fork();
  if (child == 0) {
    lock_kind(fd, "after any descriptor was closed", F_WRLCK, 0, 0);
    lock_kind(fd, "negative length", F_RDLCK, 5, -3);
    lock_kind(fd, "negative start", F_RDLCK, -5, 3);
    lock_kind(fd, "no such type", 7, 0, 3);
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(record_locks_wait_and_do_not_deadlock) {
  guest_write_file("f", "0123456789");
  int fd = open("f", O_RDWR), ready[2];
  pipe(ready);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
  SHOW(fcntl(fd, F_SETLK, &lock));
  pid_t child = fork();
  if (child == 0) {
    struct flock own = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
    fcntl(fd, F_SETLK, &own);
    write(ready[1], "x", 1);
    own.l_start = 0;
    SHOW(fcntl(fd, F_SETLKW, &own));
    _exit(0);
  }
  char byte;
  read(ready[0], &byte, 1);
  guest_pause();
  lock.l_start = 1;
  SHOW(fcntl(fd, F_SETLKW, &lock));
  lock.l_start = 0;
  lock.l_type = F_UNLCK;
  SHOW(fcntl(fd, F_SETLK, &lock));
  guest_wait("child", child);
  lock.l_start = 1;
  lock.l_type = F_WRLCK;
  SHOW(fcntl(fd, F_SETLKW, &lock));
}

GUEST(locks_of_open_files) {
  guest_write_file("f", "x");
  int one = open("f", O_RDWR), two = open("f", O_RDWR), copy = dup(one);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  SHOW(fcntl(one, F_OFD_SETLK, &lock));
  SHOW(fcntl(copy, F_OFD_SETLK, &lock));
  SHOW(fcntl(two, F_OFD_SETLK, &lock));
  SHOW(fcntl(two, F_OFD_GETLK, &lock));
  SAY("type %d pid %d\n", lock.l_type, lock.l_pid);
  lock.l_type = F_RDLCK;
  SHOW(fcntl(two, F_SETLK, &lock));
  close(one);
  lock.l_type = F_WRLCK, lock.l_pid = 0;
  SHOW(fcntl(two, F_OFD_SETLK, &lock));
  close(copy);
  SHOW(fcntl(two, F_OFD_SETLK, &lock));
  lock.l_pid = 5;
  SHOW(fcntl(two, F_OFD_SETLK, &lock));
}

GUEST(flocks) {
  guest_write_file("f", "x");
  int one = open("f", O_RDONLY), two = open("f", O_RDONLY), copy = dup(one);
  SHOW(flock(one, LOCK_EX));
  SHOW(flock(copy, LOCK_EX | LOCK_NB));
  SHOW(flock(two, LOCK_SH | LOCK_NB));
  SHOW(flock(one, LOCK_SH));
  SHOW(flock(two, LOCK_SH | LOCK_NB));
  SHOW(flock(one, LOCK_EX | LOCK_NB));
  SHOW(flock(two, LOCK_UN));
  SHOW(flock(two, LOCK_EX | LOCK_NB));
  close(one);
  close(copy);
  SHOW(flock(two, LOCK_EX | LOCK_NB));
  SHOW(flock(two, 99));
  SHOW(flock(99, LOCK_SH));
  pid_t child = fork();
  if (child == 0) {
    int own = open("f", O_RDONLY);
    SHOW(flock(own, LOCK_SH | LOCK_NB));
    SHOW(flock(two, LOCK_UN));
    SHOW(flock(own, LOCK_SH | LOCK_NB));
    _exit(0);
  }
  guest_wait("child", child);
}
