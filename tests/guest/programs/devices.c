// null(4), zero(4), full(4), random(4), and device nodes made by mknod(2).
#include "guest.h"

#include <sys/sysmacros.h>

GUEST(dev_null_swallows_and_gives_nothing) {
  int fd = open("/dev/null", O_RDWR);
  char bytes[4];
  SHOW(write(fd, "abcd", 4));
  SHOW(read(fd, bytes, 4));
  SHOW(lseek(fd, 10, SEEK_SET));
  struct pollfd wait = {fd, POLLIN | POLLOUT, 0};
  SHOW(poll(&wait, 1, 0));
  SAY("%x\n", wait.revents);
  struct stat node;
  fstat(fd, &node);
  SAY("%o %d:%d\n", node.st_mode & S_IFMT, major(node.st_rdev), minor(node.st_rdev));
  SHOW(ftruncate(fd, 0));
}

GUEST(dev_zero_and_dev_full) {
  char bytes[4] = "xxx";
  int zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
  SHOW(read(zero, bytes, 4));
  SAY("%d%d%d%d\n", bytes[0], bytes[1], bytes[2], bytes[3]);
  SHOW(write(zero, "abcd", 4));
  bytes[0] = 1;
  SHOW(read(full, bytes, 4));
  SAY("%d\n", bytes[0]);
  SHOW(write(full, "a", 1));
  SHOW(write(full, "a", 0));
}

GUEST(random_devices_give_bytes) {
  char one[32], two[32];
  int fd = open("/dev/urandom", O_RDONLY);
  SHOW(read(fd, one, sizeof one));
  SHOW(read(fd, two, sizeof two));
  SAY("differ %d\n", memcmp(one, two, sizeof one) != 0);
  SHOW(read(open("/dev/random", O_RDONLY), one, sizeof one));
}

GUEST(device_nodes_open_by_their_number) {
  SHOW(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
  int fd = open("null", O_RDWR);
  SHOW(write(fd, "abc", 3));
  SHOW(mknod("nothing", S_IFCHR | 0600, makedev(240, 77)));
  SHOW(open("nothing", O_RDWR));
  SHOW(mknod("disk", S_IFBLK | 0600, makedev(240, 77)));
  SHOW(open("disk", O_RDONLY));
  SHOW(mount("none", "/tmp", 0, MS_REMOUNT | MS_BIND | MS_NODEV, 0));
  SHOW(open("null", O_RDWR));
}

GUEST(mknod_of_devices_needs_the_capability) {
  if (guest_child(({
        int body(void) {
          if (setresuid(1000, 1000, 1000) != 0) return 9;
          SHOW(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
          SHOW(mknod("fifo", S_IFIFO | 0600, 0));
          SHOW(mknod("file", S_IFREG | 0600, 0));
          return 0;
        }
        body;
      })) != 0)
    SAY("child failed\n");
}
