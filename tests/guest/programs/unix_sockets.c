// unix(7), socketpair(2), sendmsg(2), cmsg(3).
#include "guest.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static volatile int caught;
static void count(int signal) {
  (void)signal;
  ++caught;
}
static void on(int signal, int flags) {
  struct sigaction action = {0};
  action.sa_handler = count;
  action.sa_flags = flags;
  sigaction(signal, &action, 0);
}
static struct sockaddr_un path_name(const char* path) {
  struct sockaddr_un name = {0};
  name.sun_family = AF_UNIX;
  strcpy(name.sun_path, path);
  return name;
}
static int bound(int type, const char* path) {
  int fd = socket(AF_UNIX, type, 0);
  struct sockaddr_un name = path_name(path);
  if (bind(fd, (struct sockaddr*)&name, sizeof name) != 0) SAY("bind %s: %s\n", path, strerrorname_np(errno));
  return fd;
}
static int join(int fd, const char* path) {
  struct sockaddr_un name = path_name(path);
  return connect(fd, (struct sockaddr*)&name, sizeof name);
}
static void show_events(const char* name, int fd) {
  struct pollfd one = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&one, 1, 0);
  SAY("%s:%s%s%s%s%s\n", name, one.revents & POLLIN ? " in" : "", one.revents & POLLOUT ? " out" : "",
      one.revents & POLLHUP ? " hup" : "", one.revents & POLLERR ? " err" : "",
      one.revents & POLLRDHUP ? " rdhup" : "");
}
// Sends bytes with descriptors.
static int send_files(int fd, const char* text, size_t bytes, const int* files, int count_) {
  char control[CMSG_SPACE(sizeof(int) * 300)] = {0};
  struct iovec piece = {(void*)text, bytes};
  struct msghdr message = {0};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count_);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count_);
  memcpy(CMSG_DATA(header), files, sizeof(int) * count_);
  return (int)sendmsg(fd, &message, 0);
}
// Receives up to `room` bytes and tells what came along; the first descriptor is returned.
static int receive_files(int fd, size_t room, int files_room, int flags) {
  char control[CMSG_SPACE(sizeof(int) * 300)];
  char text[256] = {0};
  struct iovec piece = {text, room};
  struct msghdr message = {0};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = files_room ? control : 0;
  message.msg_controllen = files_room ? CMSG_LEN(sizeof(int) * files_room) : 0;
  int got = (int)recvmsg(fd, &message, flags);
  int first = -1, files = 0;
  if (got < 0) {
    SAY("recvmsg: %s\n", strerrorname_np(errno));
    return -1;
  }
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      files = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      if (files) memcpy(&first, CMSG_DATA(header), sizeof first);
    }
  SAY("got %d \"%.*s\" with %d files%s%s\n", got, got, text, files, message.msg_flags & MSG_TRUNC ? " trunc" : "",
      message.msg_flags & MSG_CTRUNC ? " ctrunc" : "");
  return first;
}

GUEST(unix_pair_of_streams) {
  int ends[2];
  char text[16] = {0};
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  SHOW(write(ends[0], "hello", 5));
  SHOW(write(ends[0], "world", 5));
  SHOW(read(ends[1], text, 7));
  SAY("%s\n", text);
  SHOW(send(ends[1], "back", 4, 0));
  SHOW(recv(ends[0], text, sizeof text, MSG_PEEK));
  SHOW(recv(ends[0], text, sizeof text, 0));
  SHOW(recv(ends[0], text, sizeof text, MSG_DONTWAIT));
  SHOW(lseek(ends[0], 0, SEEK_SET));
  SHOW(pread(ends[0], text, 1, 0));
  struct stat status;
  SHOW(fstat(ends[0], &status));
  SAY("%o\n", status.st_mode);
  close(ends[0]);
  SHOW(read(ends[1], text, 16));
  SHOW(read(ends[1], text, 16));
  on(SIGPIPE, 0);
  SHOW(write(ends[1], "x", 1));
  SHOW(send(ends[1], "x", 1, MSG_NOSIGNAL));
  SAY("caught %d\n", caught);
}

GUEST(unix_pair_of_records) {
  int ends[2];
  char text[16] = {0};
  SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
  SHOW(send(ends[0], "hello", 5, 0));
  SHOW(send(ends[0], "", 0, 0));
  SHOW(send(ends[0], "world!", 6, 0));
  SHOW(recv(ends[1], text, 3, 0));
  SHOW(recv(ends[1], text, sizeof text, 0));
  SHOW(recv(ends[1], text, 2, MSG_PEEK | MSG_TRUNC));
  receive_files(ends[1], 4, 0, 0);
  SHOW(recv(ends[1], text, sizeof text, MSG_DONTWAIT));
  close(ends[0]);
  SHOW(recv(ends[1], text, sizeof text, 0));
  show_events("after close", ends[1]);
}

GUEST(unix_unread_bytes_reset_the_peer) {
  int ends[2];
  char text[16];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  write(ends[0], "unread", 6);
  close(ends[1]);
  show_events("peer gone", ends[0]);
  SHOW(read(ends[0], text, sizeof text));
  SHOW(read(ends[0], text, sizeof text));
}

GUEST(unix_shutdown_half) {
  int ends[2];
  char text[16];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  on(SIGPIPE, 0);
  write(ends[0], "last", 4);
  SHOW(shutdown(ends[0], SHUT_WR));
  show_events("writer", ends[0]);
  show_events("reader", ends[1]);
  SHOW(read(ends[1], text, 16));
  SHOW(read(ends[1], text, 16));
  SHOW(write(ends[1], "answer", 6));
  SHOW(read(ends[0], text, 16));
  SHOW(write(ends[0], "x", 1));
  SHOW(shutdown(ends[1], SHUT_RDWR));
  show_events("both", ends[0]);
  SHOW(shutdown(ends[1], 7));
  SAY("caught %d\n", caught);
}

GUEST(unix_files_in_messages) {
  int ends[2], inner[2];
  char text[16] = {0};
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  pipe(inner);
  SHOW(send_files(ends[0], "with", 4, inner, 2));
  close(inner[1]);
  SHOW(write(ends[0], "more", 4));
  int first = receive_files(ends[1], 16, 4, MSG_CMSG_CLOEXEC);
  SHOW(fcntl(first, F_GETFD));
  receive_files(ends[1], 16, 4, 0);
  write(first + 1, "through", 7);
  SHOW(read(inner[0], text, sizeof text));
  SAY("%s\n", text);
}

GUEST(unix_files_without_room) {
  int ends[2], zero = open("/dev/null", O_RDONLY);
  int three[3] = {zero, zero, zero};
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  send_files(ends[0], "a", 1, three, 3);
  int first = receive_files(ends[1], 4, 1, 0);
  SHOW(fcntl(first + 1, F_GETFD));
  send_files(ends[0], "b", 1, three, 3);
  receive_files(ends[1], 4, 0, 0);
  int bad[1] = {99};
  SHOW(send_files(ends[0], "c", 1, bad, 1));
  static int many[254];
  for (int n = 0; n < 254; ++n) many[n] = zero;
  SHOW(send_files(ends[0], "d", 1, many, 254));
  SHOW(send_files(ends[0], "e", 1, many, 253));
  struct rlimit low = {first + 3, 64};
  setrlimit(RLIMIT_NOFILE, &low);
  receive_files(ends[1], 4, 300, 0);
}

GUEST(unix_files_peeked_twice) {
  int ends[2], inner[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
  pipe(inner);
  send_files(ends[0], "pipe", 4, inner + 1, 1);
  int peeked = receive_files(ends[1], 16, 2, MSG_PEEK);
  int taken = receive_files(ends[1], 16, 2, 0);
  SAY("different %d\n", peeked != taken);
  char text[4];
  close(inner[1]);
  close(peeked);
  SHOW(write(taken, "x", 1));
  close(taken);
  SHOW(read(inner[0], text, 1));
  SHOW(read(inner[0], text, 1));
}

GUEST(unix_socket_in_its_own_queue) {
  int ends[2], inner[2];
  char text[4];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  pipe(inner);
  send_files(ends[0], "p", 1, inner + 1, 1);
  close(inner[1]);
  close(ends[0]);
  close(ends[1]);
  // The pipe's writing end was in the queue only.
  SHOW(read(inner[0], text, 1));
}

GUEST(unix_credentials) {
  int ends[2], one = 1;
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  struct ucred who;
  socklen_t length = sizeof who;
  SHOW(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &who, &length));
  SAY("self %d uid %d gid %d length %d\n", who.pid == getpid(), who.uid, who.gid, (int)length);
  SHOW(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
  pid_t child = fork();
  if (child == 0) {
    setgid(20);
    setuid(10);
    write(ends[0], "c", 1);
    _exit(0);
  }
  guest_wait("child", child);
  char control[256], text[4];
  struct iovec piece = {text, 4};
  struct msghdr message = {0};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  SHOW(recvmsg(ends[1], &message, 0));
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_type == SCM_CREDENTIALS) {
    memcpy(&who, CMSG_DATA(header), sizeof who);
    SAY("child %d uid %d gid %d length %d\n", who.pid == child, who.uid, who.gid, (int)header->cmsg_len);
  }
}

GUEST(unix_credentials_that_are_forged) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
  char control[CMSG_SPACE(sizeof(struct ucred))] = {0};
  struct iovec piece = {"x", 1};
  struct msghdr message = {0};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_CREDENTIALS;
  header->cmsg_len = CMSG_LEN(sizeof(struct ucred));
  struct ucred who = {getpid(), 5, 6};
  memcpy(CMSG_DATA(header), &who, sizeof who);
  SHOW(sendmsg(ends[0], &message, 0));
  setgid(7);
  setuid(7);
  SHOW(sendmsg(ends[0], &message, 0));
  who.uid = 7;
  who.gid = 7;
  memcpy(CMSG_DATA(header), &who, sizeof who);
  SHOW(sendmsg(ends[0], &message, 0));
  who.pid = 1;
  memcpy(CMSG_DATA(header), &who, sizeof who);
  SHOW(sendmsg(ends[0], &message, 0));
  header->cmsg_len = 5;
  SHOW(sendmsg(ends[0], &message, 0));
}

GUEST(unix_names) {
  struct sockaddr_un name = {0};
  socklen_t length = sizeof name;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(getsockname(fd, (struct sockaddr*)&name, &length));
  SAY("unnamed %d\n", (int)length);
  int listener = bound(SOCK_STREAM, "there");
  SHOW(connect(fd, (struct sockaddr*)&name, length));
  SHOW(join(fd, "there"));
  SHOW(listen(listener, 1));
  SHOW(join(fd, "there"));
  SHOW(join(fd, "there"));
  length = sizeof name;
  SHOW(getpeername(fd, (struct sockaddr*)&name, &length));
  SAY("%d %s\n", (int)length, name.sun_path);
  length = 4;
  memset(&name, 0, sizeof name);
  SHOW(getpeername(fd, (struct sockaddr*)&name, &length));
  SAY("%d %s\n", (int)length, name.sun_path);
  length = sizeof name;
  int server = accept(listener, (struct sockaddr*)&name, &length);
  SAY("peer's length %d\n", (int)length);
  length = sizeof name;
  SHOW(getsockname(server, (struct sockaddr*)&name, &length));
  SAY("%d %s\n", (int)length, name.sun_path);
  SHOW(bind(listener, (struct sockaddr*)&name, length));
  struct stat status;
  stat("there", &status);
  SAY("%o\n", status.st_mode);
  SHOW(open("there", O_RDWR));
  SHOW(getpeername(listener, (struct sockaddr*)&name, &length));
}

GUEST(unix_names_that_fail) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(join(fd, "missing"));
  guest_write_file("file", "x");
  SHOW(join(fd, "file"));
  int datagrams = bound(SOCK_DGRAM, "datagrams");
  SHOW(join(fd, "datagrams"));
  close(datagrams);
  int again = socket(AF_UNIX, SOCK_DGRAM, 0);
  SHOW(join(again, "datagrams"));
  struct sockaddr_un name = path_name("datagrams");
  SHOW(bind(again, (struct sockaddr*)&name, sizeof name));
  unlink("datagrams");
  SHOW(bind(again, (struct sockaddr*)&name, sizeof name));
  name = path_name("nowhere/socket");
  SHOW(bind(fd, (struct sockaddr*)&name, sizeof name));
  SHOW(bind(fd, (struct sockaddr*)&name, 200));
  SHOW(bind(fd, (struct sockaddr*)&name, 1));
  name.sun_family = AF_INET;
  SHOW(bind(fd, (struct sockaddr*)&name, sizeof name));
  SHOW(listen(fd, 1));
  SHOW(listen(again, 1));
  SHOW(accept(fd, 0, 0));
  SHOW(accept(again, 0, 0));
  char text[4];
  SHOW(recv(fd, text, 4, 0));
  SHOW(send(fd, text, 4, MSG_NOSIGNAL));
  SHOW(send(again, text, 4, 0));
}

GUEST(unix_permission_to_connect) {
  int listener = bound(SOCK_STREAM, "private");
  listen(listener, 4);
  chmod("private", 0600);
  pid_t child = fork();
  if (child == 0) {
    setgid(3);
    setuid(3);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(join(fd, "private"));
    _exit(0);
  }
  guest_wait("child", child);
  chmod("private", 0666);
  child = fork();
  if (child == 0) {
    setgid(3);
    setuid(3);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(join(fd, "private"));
    struct ucred who;
    socklen_t length = sizeof who;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length);
    SAY("parent %d uid %d\n", who.pid == getppid(), who.uid);
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(unix_abstract_names) {
  struct sockaddr_un name = {0};
  name.sun_family = AF_UNIX;
  memcpy(name.sun_path, "\0a\0b", 4);
  int first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(bind(first, (struct sockaddr*)&name, 2 + 4));
  SHOW(bind(second, (struct sockaddr*)&name, 2 + 4));
  SHOW(bind(second, (struct sockaddr*)&name, 2 + 3));
  SHOW(listen(first, 0));
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(connect(client, (struct sockaddr*)&name, 2 + 2));
  SHOW(connect(client, (struct sockaddr*)&name, 2 + 3));
  SHOW(connect(client, (struct sockaddr*)&name, 2 + 4));
  socklen_t length = sizeof name;
  getpeername(client, (struct sockaddr*)&name, &length);
  SAY("length %d\n", (int)length);
  if (unshare(CLONE_NEWNET) != 0) SKIP("no network namespaces");
  int other = socket(AF_UNIX, SOCK_STREAM, 0);
  memcpy(name.sun_path, "\0a\0b", 4);
  SHOW(connect(other, (struct sockaddr*)&name, 2 + 4));
  SHOW(bind(other, (struct sockaddr*)&name, 2 + 4));
  struct sockaddr_un any = {0};
  any.sun_family = AF_UNIX;
  int automatic = socket(AF_UNIX, SOCK_DGRAM, 0);
  SHOW(bind(automatic, (struct sockaddr*)&any, 2));
  length = sizeof any;
  getsockname(automatic, (struct sockaddr*)&any, &length);
  SAY("length %d first %d\n", (int)length, any.sun_path[0]);
}

GUEST(unix_datagrams) {
  int server = bound(SOCK_DGRAM, "server"), client = bound(SOCK_DGRAM, "client");
  struct sockaddr_un to = path_name("server"), from = {0};
  socklen_t length = sizeof from;
  char text[16] = {0};
  SHOW(sendto(client, "one", 3, 0, (struct sockaddr*)&to, sizeof to));
  SHOW(sendto(client, "longer", 6, 0, (struct sockaddr*)&to, sizeof to));
  int size = 0;
  SHOW(ioctl(server, FIONREAD, &size));
  SAY("readable %d\n", size);
  SHOW(recvfrom(server, text, sizeof text, 0, (struct sockaddr*)&from, &length));
  SAY("%s from %s %d\n", text, from.sun_path, (int)length);
  SHOW(recv(server, text, 2, MSG_TRUNC));
  SHOW(sendto(server, "answer", 6, 0, (struct sockaddr*)&from, length));
  SHOW(read(client, text, sizeof text));
  int nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
  sendto(nameless, "who", 3, 0, (struct sockaddr*)&to, sizeof to);
  length = sizeof from;
  SHOW(recvfrom(server, text, sizeof text, 0, (struct sockaddr*)&from, &length));
  SAY("length %d\n", (int)length);
  SHOW(connect(client, (struct sockaddr*)&to, sizeof to));
  SHOW(send(client, "connected", 9, 0));
  struct sockaddr_un back = path_name("client");
  SHOW(connect(server, (struct sockaddr*)&back, sizeof back));
  SHOW(sendto(nameless, "who", 3, 0, (struct sockaddr*)&to, sizeof to));
  close(server);
  SHOW(send(client, "x", 1, 0));
  SHOW(send(client, "x", 1, 0));
  struct sockaddr none = {0};
  SHOW(connect(nameless, &none, sizeof none));
}

GUEST(unix_datagram_queue_is_bounded) {
  int server = bound(SOCK_DGRAM, "server"), client = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  join(client, "server");
  int sent = 0;
  while (send(client, "x", 1, 0) == 1) ++sent;
  SAY("then %s, some %d\n", strerrorname_np(errno), sent > 0 && sent < 1000);
  show_events("full", client);
  char byte;
  for (int n = 0; n < sent; ++n) recv(server, &byte, 1, 0);
  show_events("empty", client);
  SHOW(recv(server, &byte, 1, MSG_DONTWAIT));
  static char huge[300000];
  SHOW(send(client, huge, sizeof huge, 0));
}

GUEST(unix_backlog) {
  int listener = bound(SOCK_STREAM, "here");
  listen(listener, 0);
  int first = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int second = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SHOW(join(first, "here"));
  SHOW(join(second, "here"));
  show_events("listener", listener);
  SHOW(write(first, "early", 5));
  int server = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
  SHOW(fcntl(server, F_GETFD));
  SHOW(fcntl(server, F_GETFL) & O_NONBLOCK);
  char text[8];
  SHOW(read(server, text, 8));
  SHOW(read(server, text, 8));
  SHOW(join(second, "here"));
  SHOW(write(second, "lost", 4));
  close(listener);
  SHOW(read(second, text, 8));
  SHOW(read(second, text, 8));
}

GUEST(unix_connect_waits_for_room) {
  int listener = bound(SOCK_STREAM, "here");
  listen(listener, 0);
  int first = socket(AF_UNIX, SOCK_STREAM, 0);
  join(first, "here");
  pid_t child = fork();
  if (child == 0) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(join(fd, "here"));
    SHOW(write(fd, "second", 6));
    _exit(0);
  }
  guest_pause();
  SAY("accepting\n");
  accept(listener, 0, 0);
  int server = accept(listener, 0, 0);
  char text[8];
  SHOW(read(server, text, 8));
  guest_wait("child", child);
}

GUEST(unix_writer_waits_for_reader) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  static char block[1000000];
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    SHOW(write(ends[1], block, sizeof block));
    _exit(0);
  }
  close(ends[1]);
  guest_pause();
  long sum = 0, got;
  while ((got = read(ends[0], block, sizeof block)) > 0) sum += got;
  SAY("sum %ld\n", sum);
  guest_wait("child", child);
}

GUEST(unix_wait_for_all) {
  int ends[2];
  char text[16] = {0};
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  pid_t child = fork();
  if (child == 0) {
    write(ends[1], "abc", 3);
    guest_pause();
    write(ends[1], "defgh", 5);
    guest_pause();
    write(ends[1], "ij", 2);
    _exit(0);
  }
  close(ends[1]);
  SHOW(recv(ends[0], text, 7, MSG_WAITALL));
  SAY("%s\n", text);
  memset(text, 0, sizeof text);
  SHOW(recv(ends[0], text, 16, MSG_WAITALL));
  SAY("%s\n", text);
  guest_wait("child", child);
}

GUEST(unix_receive_timeout_and_signals) {
  int ends[2];
  char byte;
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  struct timeval tenth = {0, 50000}, none = {0, 0}, wrong = {0, 1000000};
  SHOW(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tenth, sizeof tenth));
  SHOW(recv(ends[0], &byte, 1, 0));
  SHOW(read(ends[0], &byte, 1));
  SHOW(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &wrong, sizeof wrong));
  SHOW(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &none, 4));
  on(SIGALRM, SA_RESTART);
  struct timeval minute = {60, 0};
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
  struct itimerval soon = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(recv(ends[0], &byte, 1, 0));  // with a timeout it is not restarted
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    guest_pause();
    write(ends[1], "x", 1);
    _exit(0);
  }
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(recv(ends[0], &byte, 1, 0));
  on(SIGALRM, 0);
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(recv(ends[0], &byte, 1, 0));
  SAY("caught %d\n", caught);
  guest_wait("child", child);
}

GUEST(unix_accept_is_interrupted) {
  int listener = bound(SOCK_STREAM, "here");
  listen(listener, 1);
  on(SIGALRM, 0);
  struct itimerval soon = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(accept(listener, 0, 0));
  SHOW(fcntl(listener, F_SETFL, O_NONBLOCK));
  SHOW(accept(listener, 0, 0));
  SHOW(accept4(listener, 0, 0, 12345));
}

GUEST(unix_several_messages_at_once) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
  struct iovec out[2] = {{"first", 5}, {"second", 6}};
  struct mmsghdr messages[3];
  memset(messages, 0, sizeof messages);
  for (int n = 0; n < 2; ++n) {
    messages[n].msg_hdr.msg_iov = out + n;
    messages[n].msg_hdr.msg_iovlen = 1;
  }
  SHOW(sendmmsg(ends[0], messages, 2, 0));
  SAY("%u %u\n", messages[0].msg_len, messages[1].msg_len);
  char texts[3][8] = {{0}};
  struct iovec in[3] = {{texts[0], 8}, {texts[1], 3}, {texts[2], 8}};
  memset(messages, 0, sizeof messages);
  for (int n = 0; n < 3; ++n) {
    messages[n].msg_hdr.msg_iov = in + n;
    messages[n].msg_hdr.msg_iovlen = 1;
  }
  SHOW(recvmmsg(ends[1], messages, 3, MSG_WAITFORONE, 0));
  SAY("%s %u, %s %u%s\n", texts[0], messages[0].msg_len, texts[1], messages[1].msg_len,
      messages[1].msg_hdr.msg_flags & MSG_TRUNC ? " trunc" : "");
  SHOW(recvmmsg(ends[1], messages, 3, MSG_DONTWAIT, 0));
}

GUEST(unix_sockets_of_all_kinds) {
  SHOW(socket(AF_UNIX, SOCK_STREAM, 3));
  SHOW(socket(AF_UNIX, SOCK_RDM, 0));
  SHOW(socket(AF_UNIX, 77, 0));
  SHOW(socket(AF_UNIX, SOCK_STREAM | 0x10000, 0));
  SHOW(socket(99, SOCK_STREAM, 0));
  SHOW(socket(-1, SOCK_STREAM, 0));
  SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  SHOW(socket(AF_INET, SOCK_SEQPACKET, 0));
  SHOW(socket(AF_INET, SOCK_RAW, 0));
  int ends[2];
  SHOW(socketpair(AF_INET, SOCK_STREAM, 0, ends));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (int*)1));
  SHOW(bind(0, 0, 0));
  SHOW(bind(77, 0, 0));
  SHOW(shutdown(1, 0));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), value = 0;
  socklen_t length = sizeof value;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length);
  SAY("type %d\n", value);
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &length);
  SAY("domain %d\n", value);
  SHOW(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
  SHOW(getsockopt(fd, SOL_SOCKET, 9999, &value, &length));
  SHOW(getsockopt(fd, 41, 1, &value, &length));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, 4));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 2));
  value = 5000;
  SHOW(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 4));
  getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &length);
  SAY("sndbuf %d\n", value);
  value = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, 4);
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length);
  SAY("rcvbuf %d\n", value);
  char link[64] = {0};
  readlink("/proc/self/fd/3", link, sizeof link);
  SAY("%.8s\n", link);
  show_events("fresh", fd);
}
