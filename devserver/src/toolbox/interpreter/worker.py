"""The worker of an interpreter context: runs pieces of Python code, one after another, in one namespace.

Commands are JSON lines on standard input: {"code", "envs"}. Frames are JSON lines on standard output:
{"type": "stdout" | "stderr", "text"}, {"type": "error", "name", "value", "traceback"}, and at the end of each
piece {"type": "control", "text": "completed" | "interrupted"}.

SIGINT interrupts the running piece, SIGTERM ends the worker after it. Both pipes move to other descriptors at
start. What the code itself then finds: an input that never delivers anything, as that of the real daemon, and
outputs that lead nowhere, for programs that it starts.
"""

import fcntl
import io
import json
import os
import signal
import sys
import threading
import types

# Output without a line break is sent from this many characters on, or at the end of the piece.
BUFFERED_CHARACTERS = 1024
# Longer texts are sent in several frames.
FRAME_CHARACTERS = 512 * 1024

WORKER = os.getpid()


def move_pipes():
    """Both pipes on descriptors that programs started by the code do not inherit."""
    commands, frames = os.dup(0), os.dup(1)
    unread, kept_open = os.pipe()
    os.dup2(unread, 0)
    os.close(unread)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    return commands, frames, kept_open


class Interrupts:
    """SIGINT and SIGTERM as KeyboardInterrupt, but only while code runs and never within a frame."""

    def __init__(self):
        self.running = False
        self.stopping = False
        self.held = 0
        self.pending = False

    def install(self):
        # The code may have changed both.
        signal.signal(signal.SIGINT, self.receive)
        signal.signal(signal.SIGTERM, self.receive)

    def receive(self, number, _frame):
        if number == signal.SIGTERM:
            self.stopping = True
            if not self.running:
                os._exit(0)
        if not self.running:
            return
        if self.held:
            self.pending = True
            return
        raise KeyboardInterrupt

    def __enter__(self):
        # Signal handlers run in the main thread.
        if threading.current_thread() is threading.main_thread():
            self.held += 1

    def __exit__(self, *_):
        if threading.current_thread() is threading.main_thread():
            self.held -= 1
            if self.pending and not self.held:
                self.pending = False
                if self.running:
                    raise KeyboardInterrupt


class Frames:
    """The pipe to the host. Threads and forked children write whole frames only."""

    def __init__(self, descriptor, interrupts):
        self.descriptor = descriptor
        self.interrupts = interrupts
        # A lock between processes that the kernel releases when one dies.
        self.process_lock = os.memfd_create("frames")
        self.renew_thread_lock()
        os.register_at_fork(after_in_child=self.renew_thread_lock)

    def renew_thread_lock(self):
        self.thread_lock = threading.Lock()
        self.writer = None
        self.waiting = []

    def send(self, **frame):
        line = json.dumps(frame, ensure_ascii=False)
        try:
            line = line.encode()
        except UnicodeEncodeError:
            # Each lone surrogate becomes U+FFFD.
            line = line.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        line += b"\n"
        with self.interrupts:
            if self.writer == threading.get_ident():
                # A signal handler of the code's prints while this thread is within a frame.
                self.waiting.append(line)
                return
            with self.thread_lock:
                self.writer = threading.get_ident()
                fcntl.lockf(self.process_lock, fcntl.LOCK_EX)
                try:
                    self.write(line)
                    while self.waiting:
                        self.write(self.waiting.pop(0))
                finally:
                    fcntl.lockf(self.process_lock, fcntl.LOCK_UN)
                    self.writer = None

    def write(self, line):
        while line:
            line = line[os.write(self.descriptor, line):]


class Output(io.TextIOBase):
    """sys.stdout or sys.stderr of one piece of code."""

    encoding = "utf-8"

    def __init__(self, frames, channel):
        self.frames = frames
        self.channel = channel
        self.parts = []
        self.length = 0

    def writable(self):
        return True

    def write(self, text):
        text = text if isinstance(text, str) else str(text)
        self.parts.append(text)
        self.length += len(text)
        if "\n" in text or self.length >= BUFFERED_CHARACTERS:
            self.flush()
        return len(text)

    def flush(self):
        text, self.parts, self.length = "".join(self.parts), [], 0
        for start in range(0, len(text), FRAME_CHARACTERS):
            self.frames.send(type=self.channel, text=text[start:start + FRAME_CHARACTERS])


def described(error):
    try:
        value = str(error)
    except Exception as failure:
        value = f"<unprintable: {type(failure).__name__}>"
    name = type(error).__name__
    lines = []
    traceback = error.__traceback__
    while traceback:
        frame = traceback.tb_frame
        # This script is a "<string>" as well.
        if frame.f_code.co_filename == "<string>" and frame.f_globals is not globals():
            lines.append(f'  File "<stdin>", line {traceback.tb_lineno}\n')
        traceback = traceback.tb_next
    if lines:
        lines.insert(0, "Traceback (most recent call last):\n")
    return {"name": name, "value": value, "traceback": "".join(lines) + f"{name}: {value}\n"}


class Variables:
    """Environment variables for the time of one piece."""

    def __init__(self, variables):
        self.variables = variables or {}

    def __enter__(self):
        self.former = {name: os.environ.get(name) for name in self.variables}
        os.environ.update(self.variables)

    def __exit__(self, *_):
        for name, value in self.former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Worker:
    def __init__(self, commands, frames, interrupts):
        self.commands = commands
        self.frames = frames
        self.interrupts = interrupts
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module

    def serve(self):
        unread = b""
        while not self.interrupts.stopping:
            chunk = os.read(self.commands, 1 << 16)
            if not chunk:
                return
            unread += chunk
            while b"\n" in unread and not self.interrupts.stopping:
                command, unread = unread.split(b"\n", 1)
                self.run(json.loads(command))

    def run(self, command):
        control, error = "completed", None
        outputs = Output(self.frames, "stdout"), Output(self.frames, "stderr")
        streams = sys.stdout, sys.stderr
        self.interrupts.install()
        try:
            try:
                sys.stdout, sys.stderr = outputs
                self.interrupts.running = True
                with Variables(command.get("envs")):
                    exec(compile(command["code"], "<string>", "exec"), self.module.__dict__)
            finally:
                self.interrupts.running = False
                self.interrupts.pending = False
        except KeyboardInterrupt:
            self.interrupts.running = False
            control = "interrupted"
        except SystemExit as exit:
            if os.getpid() != WORKER:
                self.leave(outputs, exit.code if isinstance(exit.code, int) else exit.code is not None)
        except BaseException as failure:
            error = failure
        if os.getpid() != WORKER:
            # The code forked, and this is the child.
            self.leave(outputs, 1 if error or control == "interrupted" else 0)
        sys.stdout, sys.stderr = streams
        for output in outputs:
            output.flush()
        if error:
            self.frames.send(type="error", **described(error))
        self.frames.send(type="control", text=control)

    @staticmethod
    def leave(outputs, code):
        for output in outputs:
            output.flush()
        os._exit(int(code) & 0xFF)


if __name__ == "__main__":
    COMMANDS, FRAMES, KEPT_OPEN = move_pipes()
    INTERRUPTS = Interrupts()
    INTERRUPTS.install()
    Worker(COMMANDS, Frames(FRAMES, INTERRUPTS), INTERRUPTS).serve()
