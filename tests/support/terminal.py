"""A command under a pseudo-terminal, driven as a person at a keyboard would."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]?)?")


class Terminal:
    def __init__(self, command, env, rows=24, columns=80):
        self._master, slave = pty.openpty()
        self._set_size(rows, columns)
        # setsid --ctty makes the pseudo-terminal the controlling one, so that a change
        # of its size reaches the client as SIGWINCH and ^C as SIGINT.
        self.process = subprocess.Popen(["setsid", "--ctty", "--wait"] + [str(c) for c in command],
                                        stdin=slave, stdout=slave, stderr=slave, env=env,
                                        start_new_session=True)
        os.close(slave)
        self.seen = self._raw = ""
        self._from = 0

    def _set_size(self, rows, columns):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self._set_size(rows, columns)

    def send(self, text):
        os.write(self._master, text.encode())

    def expect(self, pattern, timeout=15):
        """Waits for a regular expression in the output after the previous match."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.compile(pattern, re.S).search(self.seen, self._from)
            if match:
                self._from = match.end()
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError("no %r in what the terminal showed: %r"
                                     % (pattern, self.seen[self._from:][-400:]))

    def _read(self, timeout):
        ready, _, _ = select.select([self._master], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the other side is gone
            return False
        # Without the escape sequences with which a line editor redraws its line.
        self._raw += data.decode("utf-8", "replace")
        self.seen = _ESCAPE.sub("", self._raw)
        return bool(data)

    def wait(self, timeout=15):
        """The exit code; what is printed meanwhile is kept in `seen`."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError("the client did not end: %r" % self.seen[-400:])
            self._read(0.05)
        while self._read(0.05):
            pass
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
