"""Under a real pseudo-terminal, as a person at a keyboard."""
from support.processes import wait_until
from support.terminal import Terminal
from support.testing import check, contains, equal, matches

PROMPT, READY = "ready> ", r"ready> $"


def shell(lab, *flags, rows=24, columns=80, name=None):
    """An interactive shell in a container, at its prompt."""
    name = name or lab.name()
    terminal = lab.closing(Terminal([lab.engine.client, "run", "-it", "--name", name, "-e", "PS1=" + PROMPT, *flags, "busybox", "sh"],
                                    lab.engine.env(), rows, columns))
    terminal.expect(READY)
    return terminal


def test_interactive_shell(lab):
    """-it: prompt, echo, a terminal inside, exit code"""
    terminal = shell(lab)
    terminal.send("tty; echo $((6 * 7))\n")
    terminal.expect(r"/dev/pts/\d+\r\n42\r\n" + READY)
    terminal.send("exit 3\n")
    equal(terminal.wait(), 3, "exit code")


def test_window_size(lab):
    """the window's size at the start, and after a change"""
    terminal = shell(lab, rows=33, columns=101)
    wait_until(lambda: size_is(terminal, "33 101"), 10, "the size is 33 101")
    terminal.resize(44, 122)
    wait_until(lambda: size_is(terminal, "44 122"), 10, "the size is 44 122")


def test_resize_reaches_the_process(lab):
    """a change of size is a SIGWINCH inside"""
    terminal = lab.closing(Terminal([lab.engine.client, "run", "-it", "--name", lab.name(), "busybox", "sh", "-c",
                                     "trap 'stty size; exit 4' WINCH; echo up; while :; do sleep 0.1; done"], lab.engine.env()))
    terminal.expect("up")
    # The client sets the first size a moment after the start: that may be the signal already.
    wait_until(lambda: lab.engine.state(lab.name())["Running"], 5, "running")
    terminal.resize(50, 60)
    terminal.expect(r"\d+ \d+")
    equal(terminal.wait(), 4, "exit code")


def test_interrupt(lab):
    """Ctrl-C goes to the foreground process inside, not to the client"""
    terminal = shell(lab)
    terminal.send("sleep 1000\n")
    terminal.expect("sleep 1000\r\n")
    wait_until(lambda: "sleep 1000" in lab.engine.docker("top", lab.name()).out, 5, "sleep runs")
    terminal.send("\x03")
    terminal.expect(READY)
    terminal.send("echo code $?\n")
    terminal.expect("code 130")
    terminal.send("exit\n")
    equal(terminal.wait(), 0, "exit code")


def test_end_of_input_key(lab):
    """Ctrl-D ends the shell"""
    terminal = shell(lab)
    terminal.send("\x04")
    equal(terminal.wait(), 0, "exit code")


def test_detach_and_attach_again(lab):
    """Ctrl-P Ctrl-Q leaves the container running; attach finds the same shell"""
    terminal = shell(lab)
    terminal.send("mark=kept\n")
    terminal.expect(READY)
    terminal.send("\x10\x11")
    equal(terminal.wait(), 0, "exit code of the detached client")
    check(lab.engine.state(lab.name())["Running"], "the container ended")
    again = lab.closing(Terminal([lab.engine.client, "attach", lab.name()], lab.engine.env()))
    wait_until(lambda: answered(again), 10, "the shell answers")
    again.send("echo $mark; exit 9\n")
    again.expect("kept")
    equal(again.wait(), 9, "exit code")


def answered(terminal):
    terminal.send("echo here\n")
    try:
        terminal.expect(r"here\r\n.*here\r\n", timeout=1)
        return True
    except AssertionError:
        return False


def test_own_detach_keys(lab):
    """--detach-keys takes the place of the usual ones"""
    terminal = shell(lab, "--detach-keys", "ctrl-x,x")
    terminal.send("echo \x10\x11still here\n")
    terminal.expect("still here\r\n.*still here|still here")
    terminal.send("\x18x")
    equal(terminal.wait(), 0, "exit code of the detached client")
    check(lab.engine.state(lab.name())["Running"], "the container ended")


def test_bad_detach_keys(lab):
    """--detach-keys that make no sense are refused"""
    answer = lab.engine.docker("run", "--rm", "-it", "--detach-keys", "nonsense-x", "busybox", "true")
    check(answer.code != 0, "accepted")


def test_exec_terminal(lab):
    """exec -it: a terminal of its own with its own size"""
    lab.engine.docker("run", "-d", "--name", lab.name(), "busybox", "sleep", "1000").ok()
    terminal = lab.closing(Terminal([lab.engine.client, "exec", "-it", lab.name(), "sh"], lab.engine.env(), 40, 90))
    terminal.expect("# ")
    wait_until(lambda: size_is(terminal, "40 90"), 10, "the size is 40 90")
    terminal.resize(20, 70)
    wait_until(lambda: size_is(terminal, "20 70"), 10, "the size is 20 70")
    terminal.send("exit 5\n")
    equal(terminal.wait(), 5, "exit code")


def size_is(terminal, size):
    terminal.send("stty size\n")
    return terminal.expect(r"(\d+ \d+)\r\n").group(1) == size


def test_exec_detach(lab):
    """detach keys leave an exec running"""
    lab.engine.docker("run", "-d", "--name", lab.name(), "busybox", "sleep", "1000").ok()
    terminal = lab.closing(Terminal([lab.engine.client, "exec", "-it", lab.name(), "sh"], lab.engine.env()))
    terminal.expect("# ")
    terminal.send("sleep 555\n")
    wait_until(lambda: "sleep 555" in lab.engine.docker("top", lab.name()).out, 10, "sleep runs")
    terminal.send("\x10\x11")
    terminal.wait()
    contains(lab.engine.docker("top", lab.name()).out, "sleep 555")


def test_terminal_log(lab):
    """the log of a container with a terminal has what the terminal showed"""
    name = lab.name()
    lab.engine.docker("run", "-d", "-t", "--name", name, "busybox", "sh", "-c", "echo out; echo err >&2").ok()
    lab.engine.wait_state(name, "exited")
    done = lab.engine.docker("logs", name).ok()
    equal((done.raw_out, done.raw_err), (b"out\r\nerr\r\n", b""))


def test_terminal_resize_call(lab):
    """POST resize changes the size; without a terminal it is harmless"""
    name = lab.name()
    lab.engine.docker("run", "-d", "-t", "--name", name, "busybox", "sh", "-c", "while :; do stty size; sleep 0.1; done").ok()
    equal(lab.engine.api("POST", "/containers/%s/resize?h=11&w=22" % name).status, 200)
    lab.engine.wait_log(name, "11 22")


def test_not_a_terminal(lab):
    """-it without a terminal is refused by the client"""
    matches(lab.engine.docker("run", "--rm", "-it", "busybox", "true", input="").failed().err, "the input device is not a TTY|cannot attach stdin to a TTY")
