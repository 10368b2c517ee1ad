"""The library through ctypes: calls and streams that report to one queue, drained by the thread that waits."""
import ctypes, json, os, time
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p

STEP_SECONDS = float(os.environ.get("STEP_SECONDS", 120))
DONE, OPENED, DATA, ENDED = 1, 2, 3, 5
WOULD_BLOCK = 17
CHANNELS = ["none", "stdout", "stderr", "structured"]
TEXT, OUT, HANDLE = c_char_p, POINTER(c_void_p), POINTER(c_uint64)


class Event(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in ("source", "user_data", "result", "position")]
    _fields_ += [("data", c_void_p), ("len", c_uint64)]
    _fields_ += [(name, c_int32) for name in ("kind", "status", "channel", "reserved")]


ARGUMENTS = {
    "client_open": [TEXT, HANDLE, OUT],
    "echo_open": [TEXT, HANDLE, OUT],
    "queue_open": [TEXT, HANDLE, OUT],
    "queue_next": [c_uint64, POINTER(Event), c_size_t, c_int64, POINTER(c_size_t)],
    "submit": [c_uint64, TEXT, TEXT, c_char_p, c_size_t, c_uint64, c_uint64, HANDLE, OUT],
    "stream_open": [c_uint64, TEXT, TEXT, c_uint64, c_uint64, HANDLE, OUT],
    "stream_write": [c_uint64, c_char_p, c_size_t, c_int64, POINTER(c_size_t), OUT],
    "stream_finish": [c_uint64, OUT],
    "cancel": [c_uint64],
    "close": [c_uint64],
    "free": [c_void_p],
    "shutdown": [c_int64],
}


class Failed(Exception):
    """A step did not do what it should."""


class Refused(Exception):
    """An operation failed: `error` is its error JSON, described."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.error = error


class Library:
    """The library's functions, and one queue."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        for name, types in ARGUMENTS.items():
            getattr(self.c, "daytona_" + name).argtypes = types
        self.c.daytona_free.restype = None
        self.c.daytona_operations.restype = c_char_p
        self.catalogue = json.loads(self.c.daytona_operations())
        operations = self.catalogue["operations"]
        self.targets = {operation["name"]: operation["target"] for operation in operations}
        self.texts = {operation["name"] for operation in operations if (operation["call"] or {}).get("returns") == "text"}
        self.queue = self.call("queue_open", None, handle=True)
        self.pending, self.next_id = {}, 1
        self.events, self.count = (Event * 64)(), c_size_t()

    def call(self, name, *arguments, handle=False):
        """Calls a function that ends with `out`; gives its handle, or raises what it reported."""
        out, made = c_void_p(), c_uint64()
        status = getattr(self.c, "daytona_" + name)(*arguments, *([byref(made)] if handle else []), byref(out))
        text = ctypes.string_at(out.value) if out.value else b"null"
        self.c.daytona_free(out)
        if status:
            raise Refused(self.described(json.loads(text)))
        return made.value

    def pump(self, ended):
        """Takes events until `ended` gives true."""
        limit = time.monotonic() + STEP_SECONDS
        while not ended():
            if time.monotonic() > limit:
                raise Failed(f"nothing within {STEP_SECONDS} s")
            self.c.daytona_queue_next(self.queue, self.events, len(self.events), 1000, byref(self.count))
            for event in self.events[: self.count.value]:
                data = ctypes.string_at(event.data, event.len) if event.len else b""
                if event.user_data in self.pending:
                    self.pending[event.user_data].take(event, data)
                elif event.result:
                    self.c.daytona_close(event.result)

    def described(self, error):
        """The error JSON with `class` and `parent`, as docs/catalogue.md finds them."""
        classes = self.catalogue["classes"]
        named = [code["class"] for code in self.catalogue["codes"] if code["code"] == error["code"]]
        [status] = [it["name"] for it in self.catalogue["statuses"] if it["number"] == error["status"]] or [None]
        named += [it["name"] for it in classes if status in it["statuses"]] + [None]
        parents = {it["name"]: it["parent"] for it in classes}
        return {**error, "class": named[0], "parent": parents.get(named[0])}


class Pending:
    """A call or stream that was begun, and everything that its events brought."""

    def __init__(self, library, function, target, operation, params, *body):
        self.library, self.id = library, library.next_id
        library.next_id += 1
        library.pending[self.id] = self
        self.status = self.error = self.data = self.opened = None
        self.open, self.handle, self.result = False, 0, 0
        self.read, self.structured, self.seen, self.found = [bytearray() for _ in CHANNELS], [], bytearray(), 0
        arguments = (target, operation.encode(), json.dumps(params).encode(), *body, library.queue, self.id)
        try:
            self.handle = library.call(function, *arguments, handle=True)
        except Refused as refused:
            self.status, self.error = refused.error["status"], refused.error

    def take(self, event, data):
        if event.kind == OPENED:
            self.open, self.opened = True, json.loads(data)
        elif event.kind == DATA:
            self.read[event.channel] += data
            if CHANNELS[event.channel] == "structured":
                self.structured.append(json.loads(data))
            else:
                self.seen += data
        elif event.kind in (DONE, ENDED):
            self.status, self.data, self.result = event.status, data, event.result
            self.error = self.library.described(json.loads(data)) if event.status else None

    def over(self):
        return self.status is not None

    def wait(self):
        """Waits for the end, and forgets it."""
        self.library.pump(self.over)
        self.library.pending.pop(self.id)

    def until(self, text):
        """Waits for a text in the output, after the one that was found before it."""

        def reached():
            at = self.seen.find(text, self.found)
            if at >= 0:
                self.found = at + len(text)
            elif self.over():
                raise Failed(f"ended before {text!r} came: {bytes(self.seen)!r}, {self.data!r}")
            return at >= 0

        self.library.pump(reached)

    def write(self, data):
        """Writes everything, taking events while there is no room."""
        while data and not self.over():
            count, out = c_size_t(), c_void_p()
            status = self.library.c.daytona_stream_write(self.handle, data, len(data), 0, byref(count), byref(out))
            self.library.c.daytona_free(out)
            data = data[count.value:]
            if status == WOULD_BLOCK or data:  # A WRITABLE event comes, or DATA.
                before = iter([False, True])
                self.library.pump(lambda: self.over() or next(before))
            if status not in (0, WOULD_BLOCK):
                return  # The end tells why.

    def close(self):
        """The consumer leaves: no event comes any more."""
        self.library.c.daytona_close(self.handle)
        self.library.pending.pop(self.id, None)
