#!/usr/bin/env python3
"""Creates a sandbox, runs a command, follows its output through a queue, deletes it: ctypes alone."""
import ctypes, json, os, sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p

DATA, ENDED, STDERR = 3, 5, 2
lib = ctypes.CDLL(os.environ.get("DAYTONA_LIBRARY", "libdaytona.so.0"))


class Event(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in ("source", "user_data", "result", "position")]
    _fields_ += [("data", c_void_p), ("len", c_uint64)]
    _fields_ += [(name, c_int32) for name in ("kind", "status", "channel", "reserved")]


text_out = POINTER(c_void_p)
lib.daytona_client_open.argtypes = [c_char_p, POINTER(c_uint64), text_out]
lib.daytona_sandbox_create.argtypes = [c_uint64, c_char_p, POINTER(c_uint64), text_out, POINTER(c_size_t)]
lib.daytona_sandbox_delete.argtypes = [c_uint64, c_char_p, text_out, POINTER(c_size_t)]
lib.daytona_queue_open.argtypes = [c_char_p, POINTER(c_uint64), text_out]
lib.daytona_stream_open.argtypes = [c_uint64, c_char_p, c_char_p, c_uint64, c_uint64, POINTER(c_uint64), text_out]
lib.daytona_queue_next.argtypes = [c_uint64, POINTER(Event), c_size_t, c_int64, POINTER(c_size_t)]
lib.daytona_close.argtypes = [c_uint64]
lib.daytona_shutdown.argtypes = [c_int64]
lib.daytona_free.argtypes, lib.daytona_free.restype = [c_void_p], None


def call(function, *arguments):
    """Calls a function whose last argument is `out`; gives its JSON, or raises it."""
    out = c_void_p()
    # `out_len` may be NULL, and is left out of the arguments given here.
    tail = [byref(out)] + [None] * (len(function.argtypes) - len(arguments) - 1)
    status = function(*arguments, *tail)
    result = json.loads(ctypes.string_at(out.value)) if out.value else None
    lib.daytona_free(out)
    if status:
        raise RuntimeError(f"{result['name']}: {result['message']}")
    return result


client, sandbox, queue, stream = (c_uint64() for _ in range(4))
call(lib.daytona_client_open, None, byref(client))
print("sandbox", call(lib.daytona_sandbox_create, client, None, byref(sandbox))["id"])
try:
    call(lib.daytona_queue_open, None, byref(queue))
    run = json.dumps({"command": "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.1; done; exit 4"})
    call(lib.daytona_stream_open, sandbox, b"process.run", run.encode(), queue, 0, byref(stream))
    events, count, kind = (Event * 16)(), c_size_t(), 0
    while kind != ENDED and lib.daytona_queue_next(queue, events, len(events), -1, byref(count)) == 0:
        for event in events[: count.value]:
            kind, data = event.kind, ctypes.string_at(event.data, event.len) if event.len else b""
            if kind == DATA:
                print("stderr" if event.channel == STDERR else "stdout", data.decode(errors="replace").rstrip())
            elif kind == ENDED:
                print("ended", data.decode(), file=sys.stderr if event.status else sys.stdout)
finally:
    call(lib.daytona_sandbox_delete, sandbox, None)
    for handle in (stream, queue, sandbox, client):
        lib.daytona_close(handle)
    lib.daytona_shutdown(10000)  # finishes what the closing began
