#!/usr/bin/env python3
"""The reference driver of the conformance cases: ctypes over the generic C functions. README.md has the format.

Usage, under `daytona-dev run --`: reference.py [TEXT...]; LIBDAYTONA_PATH is the library.
"""
import json, os, pathlib, re, shutil, sys, tempfile, urllib.request, uuid

sys.dont_write_bytecode = True
from library import CHANNELS, Failed, Library, Pending, Refused
from matching import bytes_of, match, match_bytes, plain, pointed

SKIPPED = {}  # name: reason
CASE_KEYS = {"name", "on", "create", "faults", "dynamic", "steps"}
CALL_KEYS = {"call", "params", "body", "with", "as", "save", "meanwhile", "cancel", "expect"}
STREAM_KEYS = {"stream", "params", "with", "as", "save", "do", "expect"}
LATER = ("do", "meanwhile", "expect")  # Their variables may come from the steps within.


def known(given, keys):
    if set(given) - set(keys):
        raise Failed(f"unknown keys {set(given) - set(keys)}")


class Case:
    """One case while it runs: its handles and variables."""

    def __init__(self, library, case, client):
        self.library, self.case = library, case
        self.handles, self.opened = {"client": client}, []
        host = os.environ["DAYTONA_API_URL"].split("/")[2]
        self.variables = {"unique": uuid.uuid4().hex, "tmp": tempfile.mkdtemp(), "apiHost": host}

    def run(self):
        known(self.case, CASE_KEYS)
        try:
            if self.case["on"] == "echo":
                self.keep("echo", self.library.call("echo_open", None, handle=True))
            elif self.case["on"] == "sandbox":
                save = {"sandboxId": "/id", "sandboxName": "/name"}
                self.step({"call": "sandbox.create", "params": self.case.get("create", {}), "as": "sandbox", "save": save})
            if "faults" in self.case:
                faults(self.filled(self.case["faults"]))
            for number, step in enumerate(self.case["steps"], 1):
                try:
                    self.step(step)
                except (Refused, Failed) as failed:
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
            self.step({"call": "sandbox.attach", "params": {"sandbox": "${sandboxId}"}, "as": "deleted"})
            self.step({"call": "sandbox.delete", "with": "deleted"})
        except Refused:
            pass  # The case deleted it.

    def keep(self, name, handle):
        self.handles[name] = handle
        self.opened.append(handle)

    def filled(self, value):
        """The value with its variables."""
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        if whole:
            return self.variables[whole[1]]
        return re.sub(r"\$\{(\w+)\}", lambda name: text_of(self.variables[name[1]]), value)

    def step(self, step):
        step = {key: item if key in LATER else self.filled(item) for key, item in step.items()}
        if "stream" in step:
            known(step, STREAM_KEYS)
            self.stream(step)
        elif "call" in step:
            known(step, CALL_KEYS)
            self.call(step)
        else:
            known(step, ["close"])
            self.library.c.daytona_close(self.handles[step["close"]])

    def begin(self, function, operation, step, *body):
        target = self.handles[step["with"] if "with" in step else self.library.targets[operation]]
        return Pending(self.library, function, target, operation, plain(step.get("params", {})), *body)

    def call(self, step):
        operation = step["call"]
        if operation in ("client.open", "echo.open"):
            return self.open(operation, step)
        body = bytes_of(step.get("body", {"text": ""}))
        pending = self.begin("submit", operation, step, body, len(body))
        for other in step.get("meanwhile", []):
            self.step(other)
        if step.get("cancel"):
            self.library.c.daytona_cancel(pending.handle)
        pending.wait()
        expected = self.filled(step.get("expect", {}))
        known(expected, ["result", "bytes", "error"])
        if self.failed(expected, pending.error):
            return None
        if "bytes" in expected:
            return match_bytes(expected["bytes"], pending.data, operation)
        result = pending.data.decode() if operation in self.library.texts else pending.data
        return self.succeeded(step, expected.get("result", {"$any": True}), result, pending.result)

    def open(self, operation, step):
        handle, error, expected = 0, None, self.filled(step.get("expect", {}))
        try:
            config = json.dumps(plain(step.get("params", {}))).encode()
            handle = self.library.call(operation.replace(".", "_"), config, handle=True)
        except Refused as refused:
            error = refused.error
        if not self.failed(expected, error):
            self.keep(step.get("as", "unnamed"), handle)

    def stream(self, step):
        pending, closed = self.begin("stream_open", step["stream"], step), False
        self.library.pump(lambda: pending.open or pending.over())
        for action in step.get("do", []) if pending.open else []:
            if "write" in action:
                pending.write(bytes_of(self.filled(action["write"])))
            elif "until" in action:
                pending.until(self.filled(action["until"]).encode())
            elif "finish" in action:
                self.library.call("stream_finish", pending.handle)
            elif action.get("close") == "stream":
                pending.close()
                closed = True
            else:
                self.step(action)
        if not closed:
            pending.wait()
            self.library.c.daytona_close(pending.handle)
        expected = self.filled(step.get("expect", {}))
        known(expected, ["opened", "ended", "error", *CHANNELS])
        failed = not closed and self.failed(expected, pending.error)
        if "opened" in expected:
            match(expected["opened"], pending.opened, "opened")
        for channel, data in zip(CHANNELS, pending.read):
            if channel in expected and channel == "structured":
                match(expected[channel], pending.structured, channel)
            elif channel in expected:
                match_bytes(expected[channel], bytes(data), channel)
        if not closed and not failed:
            self.succeeded(step, expected.get("ended", {"$any": True}), pending.data, pending.result)

    def failed(self, expected, error):
        """Whether it failed, as is expected; raises where one of the two is so and the other is not."""
        if error and "error" not in expected:
            raise Refused(error)
        if "error" in expected and not error:
            raise Failed(f"no error came; expected {json.dumps(expected['error'])}")
        try:
            match(expected.get("error", {}), error or {}, "error")
        except Failed as failed:
            raise Failed(f"{failed}; all of it: {json.dumps(error)}") from None
        return error is not None

    def succeeded(self, step, expected, result, handle):
        """Keeps a result and its handle, and compares it."""
        result = result if isinstance(result, str) else json.loads(result)
        if handle:
            self.keep(step.get("as", "unnamed"), handle)
        for variable, pointer in step.get("save", {}).items():
            self.variables[variable] = pointed(result, pointer)
        match(expected, result, "result")


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value)


def faults(rules):
    url = os.environ["DAYTONA_API_URL"].removesuffix("/api") + "/faults"
    headers = {"Authorization": "Bearer " + os.environ["DAYTONA_API_KEY"]}
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(rules).encode(), headers)).close()


def main():
    library = Library(os.environ.get("LIBDAYTONA_PATH", "libdaytona.so.0"))
    client = library.call("client_open", None, handle=True)
    files = sorted(pathlib.Path(__file__).parent.glob("*.json"))
    cases = [case for file in files for case in json.loads(file.read_bytes())["cases"]]
    names = [case["name"] for case in cases]
    wrong = {name for name in names if names.count(name) > 1} | set(SKIPPED) - set(names)
    if wrong:
        sys.exit(f"names that are not those of one case: {wrong}")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in cases:
        name, outcome, line = case["name"], "passed", "ok {}"
        if len(sys.argv) > 1 and not any(text in name for text in sys.argv[1:]):
            continue
        if name in SKIPPED:
            outcome, line = "skipped", "skipped {}: " + SKIPPED[name]
        else:
            try:
                Case(library, case, client).run()
            except Exception as failed:  # Also a mistake in the case itself.
                outcome, line = "failed", "FAILED {}: " + f"{type(failed).__name__}: {failed}".replace("{", "{{").replace("}", "}}")
        counts[outcome] += 1
        print(line.format(name), flush=True)
    for handle in (client, library.queue):
        library.c.daytona_close(handle)
    library.c.daytona_shutdown(10000)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
