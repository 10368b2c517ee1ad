#!/usr/bin/env python3
"""The reference driver of the conformance cases: ctypes over the generic C functions. README.md has the format.

Usage, under `daytona-dev run --`: reference.py [TEXT...]; LIBDAYTONA_PATH is the library. Everything goes through one
queue, which this one thread drains whenever it waits.
"""
import base64, ctypes, json, math, os, pathlib, re, shutil, sys, tempfile, time, urllib.request, uuid
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p

HERE = pathlib.Path(__file__).parent
SKIPPED = {}  # name: reason
STEP_SECONDS = float(os.environ.get("STEP_SECONDS", 120))
DONE, OPENED, DATA, ENDED = 1, 2, 3, 5
CHANNELS = ["none", "stdout", "stderr", "structured"]
TYPES = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict}


class Event(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in ("source", "user_data", "result", "position")]
    _fields_ += [("data", c_void_p), ("len", c_uint64)]
    _fields_ += [(name, c_int32) for name in ("kind", "status", "channel", "reserved")]


class Failed(Exception):
    """A step did not do what it should."""


class Library:
    """The library's functions, and one queue."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        text, out, handle = c_char_p, POINTER(c_void_p), POINTER(c_uint64)
        for name, types in {
            "client_open": [text, handle, out], "echo_open": [text, handle, out], "queue_open": [text, handle, out],
            "submit": [c_uint64, text, text, c_char_p, c_size_t, c_uint64, c_uint64, handle, out],
            "stream_open": [c_uint64, text, text, c_uint64, c_uint64, handle, out],
            "stream_write": [c_uint64, c_char_p, c_size_t, c_int64, POINTER(c_size_t), out],
            "stream_finish": [c_uint64, out], "cancel": [c_uint64], "close": [c_uint64], "free": [c_void_p],
            "queue_next": [c_uint64, POINTER(Event), c_size_t, c_int64, POINTER(c_size_t)], "shutdown": [c_int64],
        }.items():
            getattr(self.c, "daytona_" + name).argtypes = types
        self.c.daytona_free.restype = None
        self.c.daytona_operations.restype = c_char_p
        self.catalogue = json.loads(self.c.daytona_operations())
        self.returns = {operation["name"]: (operation["call"] or {}).get("returns") for operation in self.catalogue["operations"]}
        self.targets = {operation["name"]: operation["target"] for operation in self.catalogue["operations"]}
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
                receiver = self.pending.get(event.user_data)
                if receiver:
                    receiver.take(event, data)
                elif event.result:
                    self.c.daytona_close(event.result)

    def described(self, error):
        """The error JSON with `class` and `parent`."""
        named = [code["class"] for code in self.catalogue["codes"] if code["code"] == error["code"]]
        numbers = {status["number"]: status["name"] for status in self.catalogue["statuses"]}
        name = numbers.get(error["status"])
        named += [known["name"] for known in self.catalogue["classes"] if name in known["statuses"]]
        parents = {known["name"]: known["parent"] for known in self.catalogue["classes"]}
        chosen = named[0] if named else None
        return {**error, "class": chosen, "parent": parents.get(chosen)}


class Refused(Exception):
    """An operation failed: `args[0]` is the error JSON, described."""


class Pending:
    """A call or stream that was begun, and everything that its events brought."""

    def __init__(self, library):
        self.library, self.id = library, library.next_id
        library.next_id += 1
        library.pending[self.id] = self
        self.handle = self.status = self.data = self.opened = None
        self.open = False
        self.result, self.read, self.seen = 0, [bytearray() for _ in CHANNELS], bytearray()
        self.structured, self.found = [], 0

    def take(self, event, data):
        if event.kind == OPENED:
            self.open, self.opened = True, json.loads(data)
        elif event.kind == DATA:
            self.read[event.channel] += data
            if event.channel == 3:
                self.structured.append(json.loads(data))
            else:
                self.seen += data
        elif event.kind in (DONE, ENDED):
            self.status, self.data, self.result = event.status, data, event.result

    def over(self):
        return self.status is not None

    def until(self, text):
        def reached():
            at = self.seen.find(text, self.found)
            if at >= 0:
                self.found = at + len(text)
            elif self.over():
                raise Failed(f"ended before {text!r} came: {bytes(self.seen)!r}, {self.data!r}")
            return at >= 0
        self.library.pump(reached)

    def error(self):
        return self.library.described(json.loads(self.data)) if self.status else None

    def forget(self):
        self.library.pending.pop(self.id, None)


class Case:
    """One case while it runs: its handles and variables."""

    def __init__(self, library, case, client):
        self.library, self.case = library, case
        self.handles, self.opened = {"client": client}, []
        self.variables = {"unique": uuid.uuid4().hex, "tmp": tempfile.mkdtemp(), "apiUrl": os.environ["DAYTONA_API_URL"]}

    def run(self):
        unknown = set(self.case) - {"name", "on", "create", "faults", "dynamic", "steps"}
        if unknown:
            raise Failed(f"unknown keys {unknown}")
        on = self.case["on"]
        if on == "echo":
            self.keep("echo", self.library.call("echo_open", None, handle=True))
        try:
            if on == "sandbox":
                self.step({"call": "sandbox.create", "params": self.case.get("create", {}), "as": "sandbox",
                           "save": {"sandboxId": "/id", "sandboxName": "/name"}})
            if "faults" in self.case:
                faults(self.filled(self.case["faults"]))
            for number, step in enumerate(self.case["steps"], 1):
                try:
                    self.step(self.filled(step, lazily=True))
                except Refused as refused:
                    raise Failed(f"step {number}: {json.dumps(refused.args[0])}") from None
                except Failed as failed:
                    raise Failed(f"step {number}: {failed}") from None
        finally:
            if "faults" in self.case:
                faults([])
            if "sandboxId" in self.variables:
                self.delete()
            for handle in self.opened:
                self.library.c.daytona_close(handle)
            shutil.rmtree(self.variables["tmp"])

    def delete(self):
        """Deletes the case's sandbox, whatever became of its handles."""
        try:
            self.step({"call": "sandbox.attach", "params": {"sandbox": self.variables["sandboxId"]}, "as": "deleted"})
            self.step({"call": "sandbox.delete", "with": "deleted"})
        except (Refused, Failed):
            pass  # The case deleted it.

    def keep(self, name, handle):
        self.handles[name] = handle
        self.opened.append(handle)

    def filled(self, value, lazily=False):
        """The value with its variables; lazily: but for the steps within, which come when others have saved theirs."""
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {key if lazily else self.filled(key): item if lazily and key in ("do", "meanwhile", "expect") else self.filled(item)
                    for key, item in value.items()}
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        if whole:
            return self.variables[whole[1]]
        return re.sub(r"\$\{(\w+)\}", lambda name: text_of(self.variables[name[1]]), value)

    def step(self, step):
        kinds = {"call": self.call, "stream": self.stream, "close": self.close}
        [kind] = [key for key in step if key in kinds]
        unknown = set(step) - {kind} - {"close": set(), "stream": {"params", "with", "as", "save", "do", "expect"}, "call": {
            "params", "body", "with", "as", "save", "meanwhile", "cancel", "expect"}}[kind]
        if unknown:
            raise Failed(f"unknown keys {unknown}")
        kinds[kind](step)

    def close(self, step):
        self.library.c.daytona_close(self.handles[step["close"]])

    def begin(self, function, step, operation, *body):
        target = self.handles[step.get("with", self.library.targets[operation])]
        pending = Pending(self.library)
        try:
            pending.handle = self.library.call(function, target, operation.encode(), json.dumps(plain(step.get("params", {}))).encode(),
                                               *body, self.library.queue, pending.id, handle=True)
        except Refused as refused:
            pending.status, pending.data = refused.args[0]["status"], json.dumps(refused.args[0])
        return pending

    def call(self, step):
        operation, expected = step["call"], step.get("expect", {})
        if operation in ("client.open", "echo.open"):
            return self.open(operation, step, self.filled(expected))
        body = bytes_of(step.get("body", {"text": ""}))
        pending = self.begin("submit", step, operation, body, len(body))
        for other in step.get("meanwhile", []):
            self.step(self.filled(other, lazily=True))
        if step.get("cancel"):
            self.library.c.daytona_cancel(pending.handle)
        self.library.pump(pending.over)
        pending.forget()
        expected = self.filled(expected)
        if self.failed_as(expected, pending):
            return
        if "bytes" in expected:
            match_bytes(expected["bytes"], pending.data, operation)
        else:
            text = self.library.returns.get(operation) == "text"
            result = pending.data.decode() if text else json.loads(pending.data)
            self.succeeded(step, expected.get("result", {"$any": True}), pending, result)

    def failed_as(self, expected, pending):
        """Compares the error with the expected one, where there is one of the two."""
        error = pending.error()
        if error and "error" not in expected:
            raise Refused(error)
        if "error" in expected:
            if not error:
                raise Failed(f"expected the error {json.dumps(expected['error'])}, came {pending.data!r}")
            try:
                match(expected["error"], error, "error")
            except Failed as failed:
                raise Failed(f"{failed}; all of it: {json.dumps(error)}") from None
        return error

    def succeeded(self, step, expected, pending, result):
        if pending.result:
            self.keep(step.get("as", "unnamed"), pending.result)
        for variable, pointer in step.get("save", {}).items():
            self.variables[variable] = pointed(result, pointer)
        match(expected, result, "result")

    def open(self, operation, step, expected):
        config = json.dumps(plain(step.get("params", {}))).encode()
        try:
            handle = self.library.call(operation.replace(".", "_"), config, handle=True)
        except Refused as refused:
            if "error" not in expected:
                raise
            return match(expected["error"], refused.args[0], "error")
        self.keep(step.get("as", "unnamed"), handle)
        if "error" in expected:
            raise Failed(f"expected the error {json.dumps(expected['error'])}, but it opened")

    def stream(self, step):
        pending, closed = self.begin("stream_open", step, step["stream"]), False
        self.library.pump(lambda: pending.open or pending.over())
        for action in step.get("do", []) if not pending.status else []:
            action = self.filled(action, lazily=True)
            if "write" in action:
                data = bytes_of(action["write"])
                while data:
                    data = data[self.written(pending, data):]
            elif "until" in action:
                pending.until(action["until"].encode())
            elif "finish" in action:
                self.library.call("stream_finish", pending.handle)
            elif action.get("close") == "stream":
                closed = self.library.c.daytona_close(pending.handle) == 0
            else:
                self.step(action)
        if not closed:
            self.library.pump(pending.over)
            self.library.c.daytona_close(pending.handle or 0)
        pending.forget()
        expected = self.filled(step.get("expect", {}))
        unknown = set(expected) - {"opened", "ended", "error", *CHANNELS}
        if unknown:
            raise Failed(f"unknown keys {unknown}")
        if "opened" in expected:
            match(expected["opened"], pending.opened, "opened")
        for channel, data in zip(CHANNELS, pending.read):
            if channel in expected and channel == "structured":
                match(expected[channel], pending.structured, channel)
            elif channel in expected:
                match_bytes(expected[channel], bytes(data), channel)
        if not closed and not self.failed_as(expected, pending):
            self.succeeded(step, expected.get("ended", {"$any": True}), pending, json.loads(pending.data))

    def written(self, pending, data):
        """Writes what there is room for; else makes room by taking events."""
        count, out = c_size_t(), c_void_p()
        status = self.library.c.daytona_stream_write(pending.handle, data, len(data), 0, byref(count), byref(out))
        self.library.c.daytona_free(out)
        if status == 17:  # WOULD_BLOCK: a WRITABLE event comes.
            before = time.monotonic()
            self.library.pump(lambda: pending.over() or time.monotonic() > before)
        elif status:
            return len(data)  # The end tells why.
        return count.value


def faults(rules):
    request = urllib.request.Request(os.environ["DAYTONA_API_URL"].removesuffix("/api") + "/faults", json.dumps(rules).encode(),
                                     {"Authorization": "Bearer " + os.environ["DAYTONA_API_KEY"]})
    urllib.request.urlopen(request).close()


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value)


def bytes_of(spec):
    data = base64.b64decode(spec["base64"]) if "base64" in spec else spec["text"].encode()
    return data * spec.get("times", 1)


def plain(value):
    """The parameters with their special objects resolved."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$number" in value:
        return int(value["$number"])
    if "$utf16" in value:
        return b"".join(unit.to_bytes(2, "little") for unit in value["$utf16"]).decode("utf-16-le", "surrogatepass")
    return {key: plain(item) for key, item in value.items()}


def pointed(value, pointer):
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def match_bytes(expected, data, where):
    if "contains" in expected:
        at = 0
        for text in expected["contains"]:
            at = data.find(text.encode(), at)
            if at < 0:
                raise Failed(f"{where}: no {text!r} in {data[:2000]!r}")
            at += len(text.encode())
    elif "lacks" in expected:
        if expected["lacks"].encode() in data:
            raise Failed(f"{where}: {expected['lacks']!r} in {data[:2000]!r}")
    elif "count" in expected:
        if len(data) != expected["count"]:
            raise Failed(f"{where}: {expected['count']} bytes expected, came {len(data)}")
    elif data != bytes_of(expected):
        raise Failed(f"{where}: expected {bytes_of(expected)[:2000]!r}, came {data[:2000]!r}")


MISSING = object()


def match(expected, value, where):
    def wrong():
        came = "nothing" if value is MISSING else json.dumps(value)[:2000]
        raise Failed(f"{where}: expected {json.dumps(expected)[:2000]}, came {came}")

    special = [key for key in expected if key.startswith("$")] if isinstance(expected, dict) else []
    if special == ["$absent"]:
        return None if value is MISSING or value is None else wrong()
    if value is MISSING:
        wrong()
    if special == ["$any"]:
        return None
    if special == ["$type"]:
        same = value is None if expected["$type"] == "null" else isinstance(value, TYPES[expected["$type"]])
        fits = same and (expected["$type"] == "boolean" or not isinstance(value, bool))
    elif special == ["$regex"]:
        fits = isinstance(value, str) and re.search(expected["$regex"], value)
    elif special == ["$atLeast"]:
        fits = isinstance(value, (int, float)) and value >= expected["$atLeast"]
    elif special == ["$number"]:
        fits = value == int(expected["$number"]) and not isinstance(value, float)
    elif special == ["$count"]:
        fits = isinstance(value, list) and len(value) == expected["$count"]
    elif special == ["$includes"]:
        fits = isinstance(value, list) and all(any(matches(item, other) for other in value) for item in expected["$includes"])
    elif special == ["$oneOf"]:
        fits = any(matches(item, value) for item in expected["$oneOf"])
    elif special:
        raise Failed(f"{where}: unknown {special}")
    elif isinstance(expected, dict):
        if not isinstance(value, dict):
            wrong()
        for key, item in expected.items():
            match(item, value.get(key, MISSING), f"{where}/{key}")
        return None
    elif isinstance(expected, list):
        if not isinstance(value, list) or len(value) != len(expected):
            wrong()
        for number, item in enumerate(expected):
            match(item, value[number], f"{where}/{number}")
        return None
    elif isinstance(expected, bool) or expected is None or isinstance(value, bool):
        fits = value is expected
    else:
        fits = value == expected
    return None if fits else wrong()


def matches(expected, value):
    try:
        match(expected, value, "")
    except Failed:
        return False
    return True


def main():
    library = Library(os.environ.get("LIBDAYTONA_PATH", "libdaytona.so.0"))
    client = library.call("client_open", None, handle=True)
    cases = [case for file in sorted(HERE.glob("*.json")) for case in json.loads(file.read_bytes())["cases"]]
    names = [case["name"] for case in cases]
    wrong = {name for name in names if names.count(name) > 1} | set(SKIPPED) - set(names)
    if wrong:
        sys.exit(f"names that are not those of one case: {wrong}")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in cases:
        name = case["name"]
        if len(sys.argv) > 1 and not any(text in name for text in sys.argv[1:]):
            continue
        if name in SKIPPED:
            counts["skipped"] += 1
            print(f"skipped {name}: {SKIPPED[name]}", flush=True)
            continue
        try:
            Case(library, case, client).run()
            counts["passed"] += 1
            print(f"ok {name}", flush=True)
        except (Failed, Refused) as failed:
            counts["failed"] += 1
            print(f"FAILED {name}: {failed}", flush=True)
    for handle in (client, library.queue):
        library.c.daytona_close(handle)
    library.c.daytona_shutdown(10000)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
