// on_a_terminal COLUMNS ROWS COMMAND...: runs a command on a new terminal, by a script on standard input.
// "? TEXT" waits until TEXT has been printed since the last such wait; "> KEYS" types KEYS (\n, \r, \t, \e, \\, \xNN).
// "." gives the command 300 ms, so that an escape is no part of a key's sequence. All that the terminal printed goes to
// standard output; the command's exit status is ours. 99: a wait took 10 seconds.

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static char seen[1 << 20];
static size_t seen_size, looked_from;

/// More of the terminal's output; 0: it has ended or nothing came in time.
static int read_some(int terminal, int milliseconds) {
  struct pollfd ready = {.fd = terminal, .events = POLLIN};
  if (poll(&ready, 1, milliseconds) <= 0 || seen_size + 1 >= sizeof seen) return 0;
  const ssize_t got = read(terminal, seen + seen_size, sizeof seen - 1 - seen_size);
  if (got <= 0) return 0;
  if (write(1, seen + seen_size, (size_t)got) != got) return 0;
  seen_size += (size_t)got;
  return 1;
}

static void wait_for(int terminal, const char* text) {
  const size_t length = strlen(text);
  for (;;) {
    const char* found = memmem(seen + looked_from, seen_size - looked_from, text, length);
    if (found) {
      looked_from = (size_t)(found - seen) + length;
      return;
    }
    if (!read_some(terminal, 10000)) {
      fprintf(stderr, "on_a_terminal: has not appeared: %s\n", text);
      exit(99);
    }
  }
}

static void type(int terminal, const char* keys) {
  char typed[1024];
  size_t size = 0;
  while (*keys && size < sizeof typed) {
    char key = *keys++;
    if (key == '\\' && *keys) {
      key = *keys++;
      if (key == 'x') {
        const char digits[3] = {keys[0], keys[0] ? keys[1] : 0, 0};
        key = (char)strtol(digits, NULL, 16);
        keys += strlen(digits);
      } else {
        key = key == 'n' ? '\n' : key == 'r' ? '\r' : key == 't' ? '\t' : key == 'e' ? '\033' : key;
      }
    }
    typed[size++] = key;
  }
  if (write(terminal, typed, size) < 0) perror("on_a_terminal: write");
}

static void become(const char* terminal, char** command) {
  setsid();
  const int slave = open(terminal, O_RDWR);
  ioctl(slave, TIOCSCTTY, 0);
  for (int fd = 0; fd < 3; ++fd) dup2(slave, fd);
  if (slave > 2) close(slave);
  execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || unlockpt(terminal)) return perror("/dev/ptmx"), 2;
  const struct winsize size = {.ws_col = (unsigned short)atoi(arguments[1]),
                               .ws_row = (unsigned short)atoi(arguments[2])};
  ioctl(terminal, TIOCSWINSZ, &size);
  int number = 0;
  ioctl(terminal, TIOCGPTN, &number);
  char name[32];
  snprintf(name, sizeof name, "/dev/pts/%d", number);
  const pid_t child = fork();
  if (child == 0) become(name, arguments + 3);
  char line[1024];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '?') wait_for(terminal, line + 2);
    if (line[0] == '.')
      while (read_some(terminal, 300)) continue;
    if (line[0] == '>') type(terminal, line + 2);
  }
  while (read_some(terminal, 10000)) continue;
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
