// POSIX message queues. mq_overview(7).
#include "guest.h"

#include <mqueue.h>

static mqd_t make(const char* name, long messages, long bytes, int flags) {
  struct mq_attr attributes = {0, messages, bytes, 0, {0}};
  return mq_open(name, O_CREAT | O_RDWR | flags, 0600, &attributes);
}

GUEST(messages_come_by_priority_and_age) {
  mqd_t queue = make("/order", 8, 16, 0);
  SHOW(mq_send(queue, "low", 3, 1));
  SHOW(mq_send(queue, "high", 4, 9));
  SHOW(mq_send(queue, "low2", 4, 1));
  SHOW(mq_send(queue, "", 0, 0));
  char text[16];
  for (int turn = 0; turn < 4; ++turn) {
    unsigned priority = 0;
    ssize_t got = mq_receive(queue, text, sizeof text, &priority);
    SAY("%zd %u %.*s\n", got, priority, (int)got, text);
  }
}

GUEST(queue_names_and_flags_are_checked) {
  SHOW(mq_open("/missing", O_RDWR));
  SHOW(mq_open("noslash", O_RDWR | O_CREAT, 0600, 0));
  SHOW(mq_open("/a/b", O_RDWR | O_CREAT, 0600, 0));
  SHOW(mq_open("/.", O_RDWR | O_CREAT, 0600, 0));
  SHOW(make("/one", 2, 8, 0) >= 0);
  SHOW(make("/one", 2, 8, O_EXCL));
  SHOW(make("/two", 0, 8, 0));
  SHOW(make("/two", 2, 0, 0));
  SHOW(mq_unlink("/missing"));
  SHOW(mq_unlink("/one"));
  SHOW(mq_open("/one", O_RDWR));
}

GUEST(queue_sizes_are_checked) {
  mqd_t queue = make("/sizes", 2, 8, O_NONBLOCK);
  char text[16];
  SHOW(mq_receive(queue, text, 8, 0));
  SHOW(mq_receive(queue, text, 7, 0));
  SHOW(mq_send(queue, "123456789", 9, 0));
  SHOW(mq_send(queue, "a", 1, 32768));
  SHOW(mq_send(queue, "a", 1, 32767));
  SHOW(mq_send(queue, "b", 1, 0));
  SHOW(mq_send(queue, "c", 1, 0));
  struct mq_attr attributes;
  SHOW(mq_getattr(queue, &attributes));
  SAY("%lx %ld %ld %ld\n", attributes.mq_flags, attributes.mq_maxmsg, attributes.mq_msgsize, attributes.mq_curmsgs);
  attributes.mq_flags = 0;
  attributes.mq_maxmsg = 99;
  SHOW(mq_setattr(queue, &attributes, &attributes));
  SHOW(mq_getattr(queue, &attributes));
  SAY("%lx %ld\n", attributes.mq_flags, attributes.mq_maxmsg);
  attributes.mq_flags = 1;
  SHOW(mq_setattr(queue, &attributes, 0));
  mqd_t reader = mq_open("/sizes", O_RDONLY);
  SHOW(mq_send(reader, "a", 1, 0));
  mqd_t writer = mq_open("/sizes", O_WRONLY);
  SHOW(mq_receive(writer, text, 8, 0));
  SHOW(mq_getattr(1, &attributes));
  SHOW(fcntl(queue, F_GETFD));
}

GUEST(a_full_queue_blocks_until_there_is_room) {
  mqd_t queue = make("/full", 1, 8, 0);
  mq_send(queue, "one", 3, 0);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    char text[8];
    _exit((int)mq_receive(queue, text, 8, 0));
  }
  SHOW(mq_send(queue, "two", 3, 0));
  guest_wait("child", child);
  char text[8];
  SHOW(mq_receive(queue, text, 8, 0));
  child = fork();
  if (child == 0) {
    guest_pause();
    SHOW(mq_send(queue, "late", 4, 3));
    _exit(0);
  }
  unsigned priority = 0;
  ssize_t got = mq_receive(queue, text, 8, &priority);
  wait(0);
  SAY("%zd %u\n", got, priority);
}

GUEST(timed_calls_give_up) {
  mqd_t queue = make("/timed", 1, 8, 0);
  char text[8];
  struct timespec past = {1, 0}, bad = {1, 1000000000}, soon;
  SHOW(mq_timedreceive(queue, text, 8, 0, &past));
  SHOW(mq_timedreceive(queue, text, 8, 0, &bad));
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 20 * 1000 * 1000;
  if (soon.tv_nsec >= 1000000000) {
    soon.tv_nsec -= 1000000000;
    ++soon.tv_sec;
  }
  SHOW(mq_timedreceive(queue, text, 8, 0, &soon));
  SHOW(mq_timedsend(queue, "a", 1, 0, &past));
  SHOW(mq_timedsend(queue, "b", 1, 0, &past));
}

static volatile int signals, value, code;
static void on_signal(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  ++signals;
  value = info->si_value.sival_int;
  code = info->si_code;
}

GUEST(a_message_in_an_empty_queue_is_told_once) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &action, 0);
  mqd_t queue = make("/notify", 4, 8, 0);
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  event.sigev_value.sival_int = 77;
  SHOW(mq_notify(queue, &event));
  SHOW(mq_notify(queue, &event));
  pid_t child = fork();
  if (child == 0) {
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, 0));
    SHOW(mq_send(queue, "a", 1, 0));
    _exit(0);
  }
  while (waitpid(child, 0, 0) != child) {
  }
  SAY("signals %d value %d code %d\n", signals, value, code);
  SHOW(mq_send(queue, "b", 1, 0));
  SAY("signals %d\n", signals);
  SHOW(mq_notify(queue, &event));
  SHOW(mq_send(queue, "not empty", 1, 0));
  SAY("signals %d\n", signals);
  SHOW(mq_notify(queue, 0));
  event.sigev_notify = 99;
  SHOW(mq_notify(queue, &event));
}

GUEST(queues_are_files_of_the_ipc_namespace) {
  mkdir("mq", 0755);
  mqd_t queue = make("/shown", 4, 8, 0);
  SHOW(mount("none", "mq", "mqueue", 0, 0));
  struct stat node;
  SHOW(stat("mq/shown", &node));
  SAY("%o %ld\n", node.st_mode, (long)node.st_size);
  mq_send(queue, "abc", 3, 0);
  SAY("%s", guest_read_file("mq/shown"));
  SHOW(unlink("mq/shown"));
  SHOW(mq_open("/shown", O_RDWR));
  char text[8];
  SHOW(mq_receive(queue, text, 8, 0));
  SHOW(mkdir("mq/x", 0755));
  int fd = open("mq/made", O_RDWR | O_CREAT, 0640);
  SHOW(fd >= 0);
  struct mq_attr attributes;
  mqd_t made = mq_open("/made", O_RDWR);
  SHOW(mq_getattr(made, &attributes));
  SAY("%ld %ld\n", attributes.mq_maxmsg, attributes.mq_msgsize);
  SHOW(unshare(CLONE_NEWIPC));
  SHOW(mq_open("/made", O_RDWR));
  SHOW(access("mq/made", F_OK));
}

GUEST(queues_are_polled) {
  mqd_t queue = make("/poll", 1, 8, 0);
  struct pollfd wait = {queue, POLLIN | POLLOUT, 0};
  SHOW(poll(&wait, 1, 0));
  SAY("%x\n", wait.revents);
  mq_send(queue, "a", 1, 0);
  SHOW(poll(&wait, 1, 0));
  SAY("%x\n", wait.revents);
}

GUEST(queue_limits_hold) {
  struct rlimit limit = {4096, 4096};
  pid_t child = fork();
  if (child == 0) {
    setresuid(1000, 1000, 1000);
    setrlimit(RLIMIT_MSGQUEUE, &limit);
    SHOW(make("/big", 10, 8192, 0));
    SHOW(make("/small", 4, 16, 0) >= 0);
    SHOW(make("/many", 11, 8, 0));
    SHOW(make("/wide", 1, 8193, 0));
    _exit(0);
  }
  guest_wait("child", child);
}
