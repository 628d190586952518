"""What a test sees: the lab it runs in, the checks it makes, and how two engines compare."""
import difflib
import re
import threading


class Skip(Exception):
    """The test does not apply here; the message says why."""


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError("%s: got %r, want %r" % (what, got, want))


def contains(text, part, what="output"):
    if part not in text:
        raise AssertionError("%s lacks %r: %s" % (what, part, text.strip()[:600]))


def lacks(text, part, what="output"):
    if part in text:
        raise AssertionError("%s has %r: %s" % (what, part, text.strip()[:600]))


def matches(text, pattern, what="output"):
    found = re.search(pattern, text, re.M)
    if not found:
        raise AssertionError("%s does not match %r: %s" % (what, pattern, text.strip()[:600]))
    return found


_SUBSTITUTIONS = [
    (r"\b[0-9a-f]{64}\b", "<id>"),
    (r"\b[0-9a-f]{12}\b", "<short-id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?( UTC)?", "<time>"),
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<time>"),
    (r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d\b", "<time>"),
    (r"\b172\.17\.0\.(?!1\b)\d+\b", "<ip>"),
    (r"\b02:42:[0-9a-f:]{11}\b", "<mac>"),
    (r"\b\d+: (\w+)@if\d+:", r"<n>: \1@if<n>:"),
    (r"/dev/pts/\d+", "/dev/pts/<n>"),
    (r"(lowerdir|upperdir|workdir)=[^,)]+", r"\1=<dirs>"),
    # How the runtime below says that it could not start something: the cause matters.
    (r"failed to create shim task: ", ""),
    (r"OCI runtime (create|exec) failed: ", ""),
    (r"runc create failed: |exec failed: ", ""),
    (r"unable to start container process: |error during container init: ", ""),
    (r": unknown\b", ""),
]


def normalise(text, *places):
    """Replaces what differs between two engines without meaning anything."""
    for place in places:
        text = text.replace(str(place), "<root>")
    for pattern, replacement in _SUBSTITUTIONS:
        text = re.sub(pattern, replacement, text)
    return text


class Lab:
    """The engine under test and the reference, for one test.

    Containers whose names come from `name()` are removed when the test ends.
    """

    def __init__(self, run, prefix):
        self._run, self._prefix = run, prefix
        self.engine, self.reference = run.engine, run.reference
        self.images, self.full = run.images, run.full
        self.kind = self.engine.kind
        self._names, self._volumes, self._engines, self._closers = [], [], [], []
        self._lock = threading.Lock()

    @property
    def engines(self):
        return [self.engine, self.reference]

    def registry(self, engine, login=False):
        return self._run.registry(engine, login)

    def name(self, word="c"):
        """A container name nobody else uses, the same on every engine of this test."""
        with self._lock:
            name = "%s-%s" % (self._prefix, word)
            if name not in self._names:
                self._names.append(name)
            return name

    def volume(self, word="v"):
        name = "%s-%s" % (self._prefix, word)
        if name not in self._volumes:
            self._volumes.append(name)
        return name

    def own_engine(self, arguments=(), outlived=False):
        """A fresh, started engine with busybox, for a test that breaks or counts things.

        `outlived`: containers go on when the daemon is killed. Ours do so by themselves.
        """
        engine = self._run.engines.make(self.kind, arguments=arguments)
        self._engines.append(engine)
        if outlived and self.kind == "reference":
            engine.with_surviving_containerd()
        engine.start()
        self._run.load_busybox(engine)
        return engine

    def closing(self, thing):
        """Closes `thing` when the test ends."""
        self._closers.append(thing)
        return thing

    def skip(self, reason):
        raise Skip(reason)

    def only_drydock(self, reason):
        if self.kind != "drydock":
            raise Skip(reason)

    def compare(self, probe, *, same=None):
        """Runs probe(engine) on both; the normalised texts must be the same.

        `same` maps a text to what is compared, after the general normalising.
        """
        texts = []
        for engine in self.engines:
            text = normalise(str(probe(engine)), engine.root, engine.netns_name)
            texts.append(same(text) if same else text)
        if texts[0] != texts[1]:
            diff = difflib.unified_diff(texts[1].splitlines(), texts[0].splitlines(), "reference", self.kind,
                                        lineterm="", n=1)
            raise AssertionError("not as under the reference\n" + "\n".join(diff))
        return texts[0]

    def compare_shell(self, script, *flags, image="busybox", same=None):
        """The output, the errors and the exit code of `docker run --rm FLAGS busybox sh -c SCRIPT`."""
        return self.compare(lambda engine: show(engine.shell(script, *flags, image=image)), same=same)

    def compare_docker(self, *arguments, same=None, input=None):
        return self.compare(lambda engine: show(engine.docker(*arguments, input=input)), same=same)

    def close(self):
        for thing in reversed(self._closers):
            thing.close()
        for engine in self._engines:
            self._run.engines.drop(engine)
        for engine in dict.fromkeys(self.engines):
            try:
                for name in self._names:
                    engine.remove(name)
                for name in self._volumes:
                    engine.api("DELETE", "/volumes/%s?force=1" % name)
            except OSError:
                pass  # the daemon is gone, which the test has already said


def show(done):
    """A finished client command as one text."""
    text = done.out
    if text and not text.endswith("\n"):
        text += "[no newline]\n"
    # The 20.10 client prints this, or not, by chance.
    errors = [line for line in done.err.splitlines() if "error waiting for container: context canceled" not in line]
    return text + "".join("[stderr] %s\n" % line for line in errors) + "[exit] %d\n" % done.code


def show_answer(answer):
    """An API answer as one text: the status, and the message of an error."""
    return "%d %s" % (answer.status, answer.message if answer.message is not None else answer.text)
